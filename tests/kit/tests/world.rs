//! The kit, tested with itself: what a world is, and what it notices.

use coracle_testkit::{Outcome, Signal, World, check, milestone, rootfs};
use std::time::Duration;

milestone! { bin: "world", tests: {
    "world" => exit_code_and_output_come_back,
    "world" => a_signal_comes_back_as_a_signal,
    "world" => the_host_is_read_only,
    "world" => a_leaked_mount_is_named,
    "world" => a_hanging_subject_is_killed_with_its_children,
    "world" => a_signal_reaches_the_subject,
    "world" => a_terminal_is_the_controlling_one,
    "world" => the_rootfs_runs,
    "world" => the_binary_gives_the_exit_code,
}}

fn exit_code_and_output_come_back() -> Outcome {
    let out = World::new().stdin("some words").script("cat; echo bad >&2; exit 7")?;
    check((out.code, out.stdout.as_str(), out.stderr.as_str()) == (Some(7), "some words", "bad\n"))
        .observed(format!("{out:?}"))
        .means("output or exit code got lost")
        .misconception("none: the kit is wrong")
}

fn a_signal_comes_back_as_a_signal() -> Outcome {
    let out = World::new().script("kill -TERM $$")?;
    check(out.signal == Some(15) && out.status() == 143)
        .observed(format!("{out:?}"))
        .means("the signal got lost")
        .misconception("none: the kit is wrong")
}

fn the_host_is_read_only() -> Outcome {
    let out =
        World::new().script("touch /etc/x /tmp/x /dev/x /var/tmp/x $HOME/../x 2>&1 || true; touch here")?;
    check(out.stdout.matches("Read-only").count() == 5)
        .observed(out.stdout.clone())
        .means("the host can be written")
        .misconception("none: the kit is wrong")
}

fn a_leaked_mount_is_named() -> Outcome {
    let out = World::new().unjudged().script("mkdir here; mount -t tmpfs left here; sleep 50 &")?;
    check(out.leaks.len() == 1 && out.leaks[0].contains("world/here` was left behind"))
        .observed(format!("{:?}", out.leaks))
        .means("a leak was not noticed")
        .misconception("none: the kit is wrong")?;
    check(out.leftovers.len() == 1 && out.leftovers[0].contains("`sleep 50`"))
        .observed(format!("{:?}", out.leftovers))
        .means("a leftover process was not noticed")
        .misconception("none: the kit is wrong")
}

fn a_hanging_subject_is_killed_with_its_children() -> Outcome {
    let world = World::new().unjudged().limit(Duration::from_millis(300));
    let out = world.script("trap '' TERM INT HUP; setsid sleep 60 & sleep 60")?;
    check(out.timed_out && out.running_at_timeout.iter().filter(|p| p.contains("sleep 60`")).count() >= 2)
        .observed(format!("{out:?}"))
        .means("the time limit does not work")
        .misconception("none: the kit is wrong")
}

fn a_signal_reaches_the_subject() -> Outcome {
    let mut run = World::new().start([
        "sh",
        "-c",
        "trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
    ])?;
    run.wait_for("ready")?;
    run.signal(Signal::SIGTERM)?;
    let out = run.finish()?;
    check(out.code == Some(3) && out.stdout.contains("got it"))
        .observed(format!("{out:?}"))
        .means("the signal got lost")
        .misconception("none: the kit is wrong")
}

fn a_terminal_is_the_controlling_one() -> Outcome {
    let mut run = World::new().terminal().start(["sh", "-c", "tty; stty size; echo ready; sleep 60"])?;
    run.wait_for("ready")?;
    run.write("\x03")?;
    let out = run.finish()?;
    check(out.signal == Some(2) && out.stdout.contains("/dev/pts/") && out.stdout.contains("24 80"))
        .observed(format!("{out:?}"))
        .means("the terminal does not work")
        .misconception("none: the kit is wrong")
}

fn the_rootfs_runs() -> Outcome {
    let out = World::new().run(["chroot", &rootfs(), "/bin/sh", "-c", "echo $((6 * 7))"])?;
    check(out.stdout == "42\n")
        .observed(format!("{out:?}"))
        .means("the tiny root filesystem does not run")
        .misconception("none: the kit is wrong")
}

fn the_binary_gives_the_exit_code() -> Outcome {
    let out = std::process::Command::new(BIN).args(["--", "sh", "-c", "exit 5"]).output()?;
    check(out.status.code() == Some(5))
        .observed(format!("{out:?}"))
        .means("`world` loses the exit code")
        .misconception("none: the kit is wrong")
}
