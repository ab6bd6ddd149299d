//! Chapter 2's milestone: what a program sees in the namespaces that `ch02` makes, and how `ch02`'s init treats it.

use coracle_namespaces::{Namespace, namespace_flags};
use coracle_testkit::{Failure, Outcome, Verdict, check, milestone};

mod beside;
use beside::{alone, beside, said, sound_script};

milestone! { bin: "ch02", tests: {
    "2.1" => each_namespace_is_a_new_one,
    "2.1" => only_the_kinds_asked_for_become_flags,
    "2.1" => the_host_side_stays_where_it_was,
    "2.2" => the_host_name_changes_inside_only,
    "2.2" => proc_shows_the_container_and_nothing_else,
    "2.2" => no_mount_travels_out_or_in,
    "2.3" => orphans_are_reaped_even_many_at_once,
    "2.3" => the_container_ends_with_its_program_and_with_its_status,
    "2.3" => signals_reach_the_program,
    "2.4" => a_joined_process_is_in_every_namespace,
}}

/// Each kind by its name in `/proc/[pid]/ns`, with the flag that makes a new one and what sharing it gives away.
const KINDS: [(&str, &str, &str); 6] = [
    ("mnt", "CLONE_NEWNS", "what it mounts, it mounts on the host"),
    ("pid", "CLONE_NEWPID", "it sees the host's processes, and may kill them"),
    ("uts", "CLONE_NEWUTS", "it gives the host itself a new name"),
    ("ipc", "CLONE_NEWIPC", "it reads and removes the host's shared memory and queues"),
    ("net", "CLONE_NEWNET", "it has the host's addresses, and takes the host's ports"),
    ("cgroup", "CLONE_NEWCGROUP", "it sees where in the host's cgroup tree it is"),
];

fn each_namespace_is_a_new_one() -> Outcome {
    let list = "for kind in mnt pid uts ipc net cgroup user; do \
                echo \"$side-$kind $(readlink /proc/self/ns/$kind)\"; done";
    let out = beside(
        "2.1",
        &format!("side=container; {list}; echo numbers $$ $PPID; report_ready"),
        &format!("side=host; {list}; leave"),
    )?;
    for (kind, flag, gives_away) in KINDS {
        let inside = said(&out, &format!("inside container-{kind}"));
        check(!inside.is_empty() && inside != said(&out, &format!("host-{kind}")))
            .observed(format!("`/proc/self/ns/{kind}` reads {inside:?} in the container, as on the host"))
            .means(format!("the container shares this namespace with the host: {gives_away}"))
            .misconception(format!(
                "clone() makes just the kinds whose flags it gets; this one's flag is {flag}{}",
                if kind == "mnt" { " (there is no CLONE_NEWMNT)" } else { "" }
            ))?;
    }
    check(said(&out, "inside container-user") == said(&out, "host-user"))
        .observed(format!(
            "`/proc/self/ns/user` reads {:?} in the container, and {:?} on the host",
            said(&out, "inside container-user"),
            said(&out, "host-user")
        ))
        .means("it has a user namespace, in which nobody has a number yet: every file belongs to 65534")
        .misconception(
            "CLONE_NEWUSER silences EPERM, and takes more away than it gives until its maps are written: that is chapter 4",
        )?;
    let numbers = said(&out, "inside numbers");
    check(numbers.ends_with(" 1"))
        .observed(format!("the program's own number and its parent's are {numbers}"))
        .means("init, the program's parent, is not process 1: it was born outside the new PID namespace")
        .misconception(
            "unshare(CLONE_NEWPID) leaves its caller where it is; the next child is process 1. clone() with the flag \
             makes the child itself process 1",
        )
}

fn only_the_kinds_asked_for_become_flags() -> Outcome {
    let lists: [(&[Namespace], &str); 4] = [
        (&[], "0x0"),
        (&[Namespace::Uts], "0x4000000"),
        (&[Namespace::User], "0x10000000"),
        (&[Namespace::Mount, Namespace::Pid], "0x20020000"),
    ];
    for (list, right) in lists {
        let flags =
            std::panic::catch_unwind(|| namespace_flags(list).bits()).map_err(|_| unwritten("2.1"))?;
        check(format!("{flags:#x}") == right)
            .observed(format!(
                "`namespace_flags(&{list:?})` gave {flags:#x}; in <linux/sched.h> it is {right}"
            ))
            .means("a caller that asks for some kinds gets others: `join` and chapter 4 count on the list")
            .misconception(
                "the list decides, not `Namespace::ALL`: one flag for each kind in it, and none besides",
            )?;
    }
    Ok(())
}

/// The function panicked, as one does that is still `todo!()`.
fn unwritten(task: &str) -> Failure {
    let mut failure = Failure::new(
        Verdict::NotYet,
        "the function panicked: it is a `todo!()`, or meets a case that it does not know",
        format!("task {task} is not written yet, or not for every kind"),
        "none: this is the next thing to do",
    );
    failure.blocked_by = Some(task.to_string());
    failure
}

fn the_host_side_stays_where_it_was() -> Outcome {
    let out = beside(
        "2.1",
        "report_ready",
        "for kind in mnt uts ipc net cgroup pid pid_for_children; do \
         echo \"$kind $(readlink /proc/self/ns/$kind) $(readlink /proc/$pid/ns/$kind)\"; done; leave",
    )?;
    for kind in ["mnt", "uts", "ipc", "net", "cgroup", "pid", "pid_for_children"] {
        let (world, runtime) = said(&out, kind).split_once(' ').unwrap_or_default();
        check(!world.is_empty() && world == runtime)
            .observed(format!("`/proc/[pid]/ns/{kind}` of the runtime's host side reads {runtime}, not {world}"))
            .means("the runtime has left the host together with its container, and cannot serve it from there")
            .misconception(
                "unshare() moves the process that calls it. clone() puts only the new child into the new namespaces",
            )?;
    }
    Ok(())
}

fn the_host_name_changes_inside_only() -> Outcome {
    let script = r#"echo "before $(uname -n)"; echo "name $("$CH02" --hostname inside rootfs uname -n)"; echo "after $(uname -n)""#;
    let out = sound_script("2.2", script)?;
    let name = said(&out, "name");
    check(name == "inside")
        .observed(format!("`ch02 --hostname inside rootfs uname -n` printed {name:?}"))
        .means("the container does not bear the name that it was given")
        .misconception(
            "a new UTS namespace begins with a copy of the host's name: somebody has to call sethostname()",
        )?;
    let (before, after) = (said(&out, "before"), said(&out, "after"));
    check(before == after)
        .observed(format!("the host was called {before:?} before, and {after:?} afterwards"))
        .means("the container's name was given to the host")
        .misconception("sethostname() renames the UTS namespace that its caller is in, whichever that is")
}

fn proc_shows_the_container_and_nothing_else() -> Outcome {
    let out = alone(
        "2.2",
        r#"echo numbers /proc/[0-9]*; echo own $$; grep " /proc " /proc/self/mountinfo | while read -r line; do echo "mount $line"; done"#,
    )?;
    let numbers = said(&out, "numbers").replace("/proc/", "");
    check(numbers == format!("1 {}", said(&out, "own")))
        .observed(format!("`/proc` in the container lists the processes {numbers}; there should be init and the program"))
        .means("it is the `/proc` of another PID namespace: the container reads there what others do")
        .misconception(
            "a `/proc` shows the PID namespace of the process that mounted it, for ever: a bind of the host's shows \
             the host. Init mounts a new one",
        )?;
    let mount = said(&out, "mount");
    for option in ["nosuid", "nodev", "noexec"] {
        check(mount.split(' ').any(|field| field.split(',').any(|flag| flag == option)))
            .observed(format!("the container's `/proc` is mounted as `{mount}`, without {option}"))
            .means("the mount allows what no file of /proc should ever do")
            .misconception("mount() takes nothing for granted: what is not among the flags is allowed")?;
    }
    a_proc_that_is_a_link_is_refused()
}

/// An image decides what lies at `proc`. A link there would lead the mount to another place, on the host as well.
fn a_proc_that_is_a_link_is_refused() -> Outcome {
    let out = beside::script(
        r#"rmdir rootfs/proc 2>/dev/null; ln -s tmp rootfs/proc && echo "link made"
           "$CH02" rootfs true && code=0 || code=$?; echo "status $code""#,
    )?;
    check(!out.stdout.contains("link made") || said(&out, "status") == "125")
        .observed(format!(
            "in a root whose `proc` is a link to `tmp`, the runtime ended with {}, and should refuse with 125",
            said(&out, "status")
        ))
        .means("the mount follows the link: an image chooses where on the machine its `/proc` is mounted")
        .misconception(
            "mount() follows links in its target, and the root's content is the image's. `sys::mount_point` looks \
             first whether a directory lies there",
        )
}

fn no_mount_travels_out_or_in() -> Outcome {
    let out = beside(
        "2.2",
        "report_ready; echo \"sees $(ls /tmp)\"",
        r#"echo "leaked $(grep -c /rootfs/proc /proc/self/mountinfo)"
           mount -t tmpfs probe rootfs/tmp && : >rootfs/tmp/made-by-the-host
           leave
           umount rootfs/tmp"#,
    )?;
    check(said(&out, "leaked") == "0")
        .observed("while the container runs, the host's `/proc/self/mountinfo` holds the container's `/proc` too")
        .means("what the container mounts or unmounts, it mounts or unmounts on the host")
        .misconception(
            "a new mount namespace is a copy whose mounts are still shared with the originals; and MS_PRIVATE without \
             MS_REC changes `/` alone, and no mount below it",
        )?;
    check(said(&out, "inside sees").is_empty())
        .observed(format!(
            "the host mounted a tmpfs, and the container sees {:?} in it",
            said(&out, "inside sees")
        ))
        .means("mounts still travel from the host into the container")
        .misconception(
            "MS_SLAVE cuts one direction only, from the copy to the original; MS_PRIVATE cuts both",
        )
}

fn orphans_are_reaped_even_many_at_once() -> Outcome {
    // Init is stopped while the orphans end, so that one SIGCHLD stands for all of them on any machine.
    let out = beside(
        "2.3",
        r#"mkfifo /gate
           for i in 1 2 3 4 5; do (sh -c 'echo $$ >>/orphans; read -r line </gate' &); done
           until [ "$(grep -c . /orphans)" = 5 ] 2>/dev/null; do sleep 0.05; done
           report_ready
           : >/gate
           count() { left=0; for n in $(cat /orphans); do state $n; case $line in $1) left=$((left + 1)) ;; esac; done; }
           patience=100; count '[!zg]*'
           while [ $left -gt 0 ] && [ $patience -gt 0 ]; do patience=$((patience - 1)); sleep 0.05; count '[!zg]*'; done
           echo ended; report_ready
           patience=60; count zombie
           while [ $left -gt 0 ] && [ $patience -gt 0 ]; do patience=$((patience - 1)); sleep 0.05; count zombie; done
           echo "zombies $left""#,
        r#"kill -STOP "$init"; patience=100
           until grep -q '^State:.T' "/proc/$init/status" || [ $patience = 0 ]; do patience=$((patience - 1)); sleep 0.05; done
           go; kill -CONT "$init"; leave"#,
    )?;
    let zombies = said(&out, "inside zombies");
    check(!zombies.is_empty())
        .observed(format!(
            "the container ended before its program did, with status {}: orphans of it had just ended",
            said(&out, "status")
        ))
        .means("the end of some other child ended init, and with it the program")
        .misconception("SIGCHLD says that *a* child has ended: compare its number with the main program's")?;
    check(zombies == "0")
        .observed(format!("five orphans have ended, and {zombies} of them are still in `/proc`, in state Z (zombie)"))
        .means("each keeps its process number until init asks how it ended; some day there is no number left")
        .misconception(match zombies {
            "4" => "signals do not queue: one SIGCHLD can stand for many children. Reap until there is none left",
            _ => "init inherits every orphan of its PID namespace, and waits for all of them, not only for its own child",
        })
}

fn the_container_ends_with_its_program_and_with_its_status() -> Outcome {
    let out = alone("2.3", "exit 7")?;
    check(said(&out, "status") == "7")
        .observed(format!("the program ended with `exit 7`, and the runtime with {}", said(&out, "status")))
        .means("whoever waits for the container learns something wrong about its program")
        .misconception("the container has no status of its own: init passes on how its main program ended")?;
    let out = alone(
        "2.3",
        r#"(sh -c 'echo $$ >/orphan; exit 3' &)
           until [ -s /orphan ]; do sleep 0.05; done; orphan=$(cat /orphan); patience=60; state "$orphan"
           while [ "$line" != gone ] && [ $patience -gt 0 ]; do patience=$((patience - 1)); sleep 0.05; state "$orphan"; done
           exit 7"#,
    )?;
    check(said(&out, "status") == "7")
        .observed(format!(
            "an orphan ended with `exit 3`, later the program with `exit 7`; the runtime ended with {}",
            said(&out, "status")
        ))
        .means(
            "init took an orphan for its main program and ended; with process 1 the kernel ends all others",
        )
        .misconception("SIGCHLD says that *a* child has ended: compare its number with the main program's")?;
    let out = alone("2.3", "sleep 1000 & exit 7")?;
    check(said(&out, "status") == "7")
        .observed(format!(
            "the program left a process behind and ended with `exit 7`, the runtime with {}",
            said(&out, "status")
        ))
        .means("whoever waits for the container learns something wrong about its program")
        .misconception("init returns how its main program ended, whoever else is still there")?;
    quick_programs_are_noticed()
}

/// Twenty programs that end at once. On one processor, and where nobody interrupts a running process (SCHED_BATCH),
/// the program is through before init comes to run again: what init then has not blocked yet is lost.
fn quick_programs_are_noticed() -> Outcome {
    let script = r#"
        one=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
        alone="taskset -c $one chrt -b 0"; $alone true 2>/dev/null || alone=
        for run in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            $alone "$CH02" rootfs true; echo "run $run $?"
        done"#;
    let out = beside::script(script)?;
    let runs = out.stdout.lines().filter(|line| line.starts_with("run ")).count();
    let ran = || (1..=20).all(|n| out.stdout.contains(&format!("run {n} 0\n")));
    check(!out.timed_out && ran())
        .observed(format!("of 20 runs of `true`, {runs} came to an end; the next one hangs"))
        .means("the program had ended before init was ready to be told: now init waits for ever")
        .misconception(
            "a signal that is not blocked when it arrives does what it does by default, and SIGCHLD does nothing. \
             Block first, then start the program",
        )
}

fn signals_reach_the_program() -> Outcome {
    let out = beside(
        "2.3",
        r#"trap 'echo caught SIGTERM; exit 42' TERM; echo ready
           patience=50; while [ $patience -gt 0 ]; do patience=$((patience - 1)); sleep 0.1; done; exit 9"#,
        r#"kill -TERM "$init"; leave"#,
    )?;
    check(out.stdout.contains("inside caught SIGTERM") && said(&out, "status") == "42")
        .observed(format!(
            "SIGTERM was sent to init; the program, which waits for it with a trap and `exit 42`, ended with {}",
            said(&out, "status")
        ))
        .means("`docker stop` on this container would get no answer, and kill it after ten seconds")
        .misconception(
            "the kernel gives process 1 no default actions, and nobody passes a signal on by himself: init must send \
             each one to its program, as it is",
        )?;
    other_signals_reach_the_program_alone()?;
    let out = alone(
        "2.3",
        r#"mkfifo /gate; (sh -c 'echo $$ >/orphan; read -r line </gate' &)
           until [ -s /orphan ]; do sleep 0.05; done; orphan=$(cat /orphan)
           stray=0; synchronised=0; trap 'stray=$((stray + 1))' CHLD; trap 'synchronised=1' USR1
           : >/gate; patience=1000000; state "$orphan"
           while [ "$line" != gone ] && [ $patience -gt 0 ]; do patience=$((patience - 1)); state "$orphan"; done
           kill -USR1 1; patience=1000000
           while [ $synchronised = 0 ] && [ $patience -gt 0 ]; do patience=$((patience - 1)); done
           echo "stray $stray""#,
    )?;
    check(said(&out, "stray") == "0")
        .observed(format!("an orphan ended, and the program got {} SIGCHLD, without a child of its own", said(&out, "stray")))
        .means("init passes on what was meant for init: a program that counts its children is misled")
        .misconception("SIGCHLD is the news for init that there is something to reap; all *other* signals are for the program")
}

/// Not SIGTERM only, and not everybody: `kill(-1, …)` reaches all that init can see.
fn other_signals_reach_the_program_alone() -> Outcome {
    let out = beside(
        "2.3",
        r#"sleep 1000 & bystander=$!
           look() { state $bystander; case $line in gone|zombie) line=gone ;; *) line=alive ;; esac; }
           caught() {
               patience=5; look
               while [ $line = alive ] && [ $patience -gt 0 ]; do patience=$((patience - 1)); sleep 0.05; look; done
               echo "caught SIGUSR1"; echo "bystander $line"; exit 42
           }
           trap caught USR1; echo ready
           patience=50; while [ $patience -gt 0 ]; do patience=$((patience - 1)); sleep 0.1; done; exit 9"#,
        r#"kill -USR1 "$init"; leave"#,
    )?;
    check(out.stdout.contains("inside caught SIGUSR1") && said(&out, "status") == "42")
        .observed(format!(
            "SIGUSR1 was sent to init; the program, which waits for it with a trap and `exit 42`, ended with {}",
            said(&out, "status")
        ))
        .means("the program cannot be told to reload, to reopen its log, or that the window has another size")
        .misconception("SIGTERM is not the only signal with a meaning: all but SIGCHLD go on, each as it is")?;
    check(said(&out, "inside bystander") == "alive")
        .observed("SIGUSR1 was sent to init, and a process beside the program was killed by it")
        .means("a signal for the program hits every process of the container")
        .misconception(
            "kill() with the number -1 means everybody whom the caller may reach; the program has a number",
        )
}

fn a_joined_process_is_in_every_namespace() -> Outcome {
    let out = beside(
        "2.4",
        "report_ready",
        r#"for kind in mnt pid uts ipc net cgroup; do
               echo "$kind $(readlink "/proc/$init/ns/$kind") $("$CH02" --join "$init" readlink "/proc/self/ns/$kind")"
           done
           leave"#,
    )?;
    for (kind, ..) in KINDS {
        let (container, joined) = said(&out, kind).split_once(' ').unwrap_or_default();
        check(!container.is_empty() && container == joined)
            .observed(format!("`/proc/self/ns/{kind}` of the process that joined reads {joined}, the container's is {container}"))
            .means("the process sees the container from the outside, at least in this respect")
            .misconception(
                "setns() enters just the kinds that it is asked for; and its caller stays in its own PID namespace in \
                 any case: only its next child is in the new one",
            )?;
    }
    let out = beside::script(
        r#""$CH02" rootfs true & gone=$!; wait $gone
           "$CH02" --join $gone echo hello from the host && code=0 || code=$?; echo "status $code""#,
    )?;
    check(said(&out, "status") == "125" && !out.stdout.contains("hello"))
        .observed(format!(
            "`ch02 --join` of a process that has ended printed {:?} and ended with {}",
            out.stdout.lines().next().unwrap_or_default(),
            said(&out, "status")
        ))
        .means("a command that was meant for a container has run on the host")
        .misconception(
            "a container can end at any moment: when one step of joining fails, nothing may follow",
        )
}
