//! Chapter 2's milestone: what a program sees in the namespaces that `ch02` makes, and how `ch02`'s init treats it.

use coracle_namespaces::{Namespace, namespace_flags};
use coracle_testkit::{Failure, Outcome, Verdict, check, milestone};

mod beside;
mod duties;
use beside::{alone, beside, said, sound_script};
use duties::{
    orphans_are_reaped_even_many_at_once, signals_reach_the_program,
    the_container_ends_with_its_program_and_with_its_status,
};

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
