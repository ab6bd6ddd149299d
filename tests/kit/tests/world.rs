//! The kit, tested with itself: what a program finds in a world, and how one talks to it.

use coracle_testkit::{Outcome, Signal, Verdict, World, check, milestone, rootfs};
use std::process::Command;
use std::time::Duration;

milestone! { bin: "world", tests: {
    "start" => exit_code_and_output_come_back,
    "start" => a_signal_comes_back_as_a_signal,
    "start" => a_program_that_is_not_there_is_127,
    "start" => much_input_and_output_pass_through,
    "inside" => the_host_is_read_only,
    "inside" => the_environment_is_clean,
    "inside" => only_three_files_are_open,
    "inside" => every_namespace_is_a_new_one,
    "inside" => the_rootfs_runs,
    "inside" => every_tool_of_the_rootfs_starts,
    "inside" => the_rootfs_is_small,
    "inside" => no_reachable_mount_can_be_written,
    "inside" => a_world_fits_into_a_world,
    "inside" => orphans_are_reaped,
    "inside" => loopback_works,
    "inside" => device_nodes_can_be_made needs Mknod,
    "inside" => an_overlay_can_be_mounted needs Overlay,
    "talk" => a_signal_reaches_the_subject,
    "talk" => input_can_be_written_later,
    "talk" => waiting_for_what_never_comes_fails_with_what_came,
    "talk" => a_terminal_is_the_controlling_one,
    "talk" => a_new_size_is_noticed,
    "command" => the_command_gives_the_exit_code,
    "command" => the_command_passes_variables_and_directory,
    "command" => the_command_ends_in_time,
}}

const WRONG: &str = "none: the kit is wrong";

fn exit_code_and_output_come_back() -> Outcome {
    let out = World::new().stdin("some words").script("cat; echo bad >&2; exit 7")?;
    check((out.code, out.stdout.as_str(), out.stderr.as_str()) == (Some(7), "some words", "bad\n"))
        .observed(format!("{out:?}"))
        .means("output or exit code got lost")
        .misconception(WRONG)
}

fn a_signal_comes_back_as_a_signal() -> Outcome {
    let out = World::new().script("kill -TERM $$")?;
    check(out.signal == Some(15) && out.status() == 143)
        .observed(format!("{out:?}"))
        .means("the signal got lost")
        .misconception(WRONG)
}

fn a_program_that_is_not_there_is_127() -> Outcome {
    let out = World::new().run(["no-such-program"])?;
    check(out.code == Some(127) && out.stderr.contains("start `no-such-program`"))
        .observed(format!("{out:?}"))
        .means("a program that cannot start looks like one that started")
        .misconception(WRONG)
}

fn much_input_and_output_pass_through() -> Outcome {
    let out = World::new().stdin(vec![b'x'; 1 << 20]).run(["cat"])?;
    check(out.stdout.len() == 1 << 20)
        .observed(format!("{} bytes came out", out.stdout.len()))
        .means("a pipe was not emptied or not filled")
        .misconception(WRONG)
}

fn the_host_is_read_only() -> Outcome {
    let script =
        "touch /etc/x /tmp/x /dev/x /var/tmp/x $HOME/../x 2>&1 || true; touch here; echo ok >/dev/null";
    let out = World::new().env("LC_ALL", "C").script(script)?;
    check(out.stdout.matches("Read-only").count() == 5 && out.code == Some(0))
        .observed(format!("{out:?}"))
        .means("the host can be written, or the world cannot")
        .misconception(WRONG)
}

fn the_environment_is_clean() -> Outcome {
    let out = World::new().env("MINE", "yes").run(["env"])?;
    let mut names: Vec<&str> = out.stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort();
    check(names == ["CORACLE_WORLD", "HOME", "MINE", "PATH", "TERM", "TMPDIR"])
        .observed(format!("{names:?}"))
        .means("the tester's environment is seen in the world")
        .misconception(WRONG)
}

fn only_three_files_are_open() -> Outcome {
    // A test may run below cargo's job server or make's, which leave files open for their children.
    let out = World::new().script("ls /proc/$$/fd")?;
    check(out.stdout.split_whitespace().filter(|number| *number != "10").eq(["0", "1", "2"]))
        .observed(format!("{:?}", out.stdout))
        .means("files of the tester are open in the world")
        .misconception(WRONG)
}

fn every_namespace_is_a_new_one() -> Outcome {
    for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        let link = format!("/proc/self/ns/{kind}");
        let outside = std::fs::read_link(&link)?.display().to_string();
        let out = World::new().without_rootfs().run(["readlink", &link])?;
        check(out.stdout.trim() != outside && out.code == Some(0))
            .observed(format!("{kind} is {outside} outside and {} inside", out.stdout.trim()))
            .means("the world shares this with the host")
            .misconception(WRONG)?;
    }
    Ok(())
}

fn the_rootfs_runs() -> Outcome {
    let out =
        World::new().run(["chroot", &rootfs(), "/bin/sh", "-c", "echo $((6 * 7)); ls rootfs | wc -l"])?;
    check(out.stdout.starts_with("42\n"))
        .observed(format!("{out:?}"))
        .means("the tiny root filesystem does not run")
        .misconception(WRONG)
}

fn every_tool_of_the_rootfs_starts() -> Outcome {
    // A library that is missing shows as 127 and the loader's complaint, whatever the tool would say to `--help`.
    let script = "for tool in /bin/*; do $tool --help </dev/null >/tmp/out 2>&1 || \
        if [ $? = 127 ] || grep -q 'shared libraries' /tmp/out; then echo $tool; cat /tmp/out; fi; done; echo done";
    let out = World::new().run(["chroot", "rootfs", "/bin/sh", "-c", script])?;
    check(out.stdout == "done\n")
        .observed(format!("{out:?}"))
        .means("a tool of the tiny root filesystem does not run there")
        .misconception(WRONG)
}

fn the_rootfs_is_small() -> Outcome {
    let out = World::new().script("du -sk rootfs | cut -f1")?;
    check(out.stdout.trim().parse().is_ok_and(|kib: u32| (500..30_000).contains(&kib)))
        .observed(format!("{} KiB", out.stdout.trim()))
        .means("one file with many names was copied once for each name")
        .misconception(WRONG)
}

fn no_reachable_mount_can_be_written() -> Outcome {
    let script = "while read -r _ _ _ _ path _; do case $path in $HOME*|/proc) continue;; esac
        if touch \"$path/coracle-was-here\" 2>/dev/null; then echo $path; fi; done </proc/self/mountinfo";
    let out = World::new().script(script)?;
    check(out.stdout.is_empty() && out.code == Some(0))
        .observed(format!("{out:?}"))
        .means("some part of the host can be written in a world")
        .misconception(WRONG)
}

fn a_world_fits_into_a_world() -> Outcome {
    let out = World::new().run([BIN, "--rootfs", "--", "sh", "-c", "ls rootfs/bin/sh; exit 6"])?;
    check(out.code == Some(6) && out.stdout == "rootfs/bin/sh\n")
        .observed(format!("{out:?}"))
        .means("the kit needs something that it takes away")
        .misconception(WRONG)
}

fn orphans_are_reaped() -> Outcome {
    let out = World::new()
        .script("(sleep 0.05 &); sleep 0.2; grep -l '^State:.Z' /proc/[0-9]*/status || echo none")?;
    check(out.stdout.trim() == "none")
        .observed(out.stdout.clone())
        .means("init does not reap")
        .misconception(WRONG)
}

fn loopback_works() -> Outcome {
    // Only an interface that is up has its addresses in the kernel's routing table.
    let out = World::new().script("cat /proc/self/net/fib_trie")?;
    check(out.stdout.contains("127.0.0.1"))
        .observed(format!("{out:?}"))
        .means("`lo` is down")
        .misconception(WRONG)
}

fn device_nodes_can_be_made() -> Outcome {
    let out = World::new().script("mknod zero c 1 5; head -c 3 zero | od -An -tx1")?;
    check(out.stdout.trim() == "00 00 00")
        .observed(format!("{out:?}"))
        .means("the needs were found out wrongly")
        .misconception(WRONG)
}

fn an_overlay_can_be_mounted() -> Outcome {
    let script = "mkdir u w; mount -t overlay o -o lowerdir=rootfs,upperdir=u,workdir=w rootfs
        echo new >rootfs/file; cat u/file; umount rootfs";
    let out = World::new().script(script)?;
    check(out.stdout == "new\n")
        .observed(format!("{out:?}"))
        .means("the needs were found out wrongly")
        .misconception(WRONG)
}

fn a_signal_reaches_the_subject() -> Outcome {
    let script = "trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let mut run = World::new().start(["sh", "-c", script])?;
    run.wait_for("ready")?;
    run.signal(Signal::SIGTERM)?;
    let out = run.finish()?;
    check(out.code == Some(3) && out.stdout.contains("got it"))
        .observed(format!("{out:?}"))
        .means("the signal got lost")
        .misconception(WRONG)
}

fn input_can_be_written_later() -> Outcome {
    let mut run = World::new().stdin_open().start(["cat"])?;
    run.write("first\n")?;
    run.wait_for("first")?;
    run.write("second\n")?;
    run.close_stdin();
    let out = run.finish()?;
    check(out.stdout == "first\nsecond\n" && out.code == Some(0))
        .observed(format!("{out:?}"))
        .means("input got lost, or its end")
        .misconception(WRONG)
}

fn waiting_for_what_never_comes_fails_with_what_came() -> Outcome {
    let mut run = World::new().start(["sh", "-c", "echo this; echo that >&2"])?;
    let failure = run.wait_for("the other").expect_err("it never comes");
    check(failure.verdict == Verdict::Failed && failure.observed.contains(r#"it printed "this\nthat\n""#))
        .observed(failure.observed)
        .means("the failure does not help")
        .misconception(WRONG)
}

fn a_terminal_is_the_controlling_one() -> Outcome {
    let mut run = World::new().terminal().start(["sh", "-c", "tty; stty size; echo ready; exec sleep 60"])?;
    run.wait_for("ready")?;
    run.write("\x03")?; // Ctrl-C
    let out = run.finish()?;
    check(out.signal == Some(2) && out.stdout.contains("/dev/pts/") && out.stdout.contains("24 80"))
        .observed(format!("{out:?}"))
        .means("the terminal does not work")
        .misconception(WRONG)
}

fn a_new_size_is_noticed() -> Outcome {
    let script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done";
    let mut run = World::new().terminal().start(["sh", "-c", script])?;
    run.wait_for("ready")?;
    run.resize(50, 132)?;
    let out = run.finish()?;
    check(out.stdout.contains("50 132"))
        .observed(format!("{out:?}"))
        .means("the new size did not arrive")
        .misconception(WRONG)
}

fn the_command_gives_the_exit_code() -> Outcome {
    for (script, code) in [("exit 5", 5), ("kill -KILL $$", 137)] {
        let out = Command::new(BIN).args(["--", "sh", "-c", script]).output()?;
        check(out.status.code() == Some(code))
            .observed(format!("`{script}`: {out:?}"))
            .means("`world` loses how the command ended")
            .misconception(WRONG)?;
    }
    Ok(())
}

fn the_command_passes_variables_and_directory() -> Outcome {
    let command = ["--rootfs", "--env", "A=b c", "--dir", "rootfs/bin", "--", "sh", "-c", "echo $A; ls sh"];
    let out = Command::new(BIN).args(command).output()?;
    check(out.stdout == b"b c\nsh\n")
        .observed(format!("{out:?}"))
        .means("an option of `world` does nothing")
        .misconception(WRONG)
}

fn the_command_ends_in_time() -> Outcome {
    let started = std::time::Instant::now();
    let out = Command::new(BIN).args(["--timeout", "0.3", "--", "sleep", "60"]).output()?;
    check(out.status.code() == Some(124) && started.elapsed() < Duration::from_secs(30))
        .observed(format!("{out:?} after {:?}", started.elapsed()))
        .means("the time limit does not work")
        .misconception(WRONG)
}
