//! The tests of task 2.3: what init owes to its orphans, to its program, and to whoever waits for the container.

use crate::beside::{self, alone, beside, said};
use coracle_testkit::{Outcome, check};

pub(crate) fn orphans_are_reaped_even_many_at_once() -> Outcome {
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

pub(crate) fn the_container_ends_with_its_program_and_with_its_status() -> Outcome {
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
    quick_programs_are_noticed()?;
    nobody_left_behind_keeps_the_container()
}

fn nobody_left_behind_keeps_the_container() -> Outcome {
    let out = alone("2.3", "sleep 1000 & exit 7")?;
    check(said(&out, "status") == "7")
        .observed(format!(
            "the program left a process behind and ended with `exit 7`, the runtime with {}",
            said(&out, "status")
        ))
        .means("whoever waits for the container learns something wrong about its program")
        .misconception("init returns how its main program ended, whoever else is still there")
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

pub(crate) fn signals_reach_the_program() -> Outcome {
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
