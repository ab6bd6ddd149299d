//! `-t` and `-it`, and signals: what happens between the keys of a person and a program in a container.

use coracle_testkit::{Outcome, Running, Signal, check, milestone};

mod engine;
use engine::{LOOK, holds, said, script_in, shows, world};

milestone! { bin: "coracle", tests: {
    "tty" => a_terminal_is_one_of_the_containers_own,
    "tty" => its_size_is_ours_also_after_a_change,
    "tty" => keys_arrive_as_bytes,
    "tty" => ctrl_c_and_ctrl_backslash_interrupt_the_program,
    "tty" => ctrl_d_ends_the_input,
    "tty" => our_terminal_is_given_back_as_it_was,
    "tty" => it_without_a_terminal_is_refused,
    "tty" => t_alone_needs_no_terminal_of_ours,
    "tty" => no_line_is_lost_at_the_end,
    "signals" => signals_are_passed_on,
    "signals" => ctrl_c_arrives_once,
    "signals" => the_third_interrupt_ends_what_ignores_it,
}}

/// Starts a container's shell script in a terminal.
fn in_terminal(flags: &[&str], program: &str) -> Result<Running, coracle_testkit::Failure> {
    world().terminal().start([&["coracle", "run", "--rm"], flags, &["tiny", "sh", "-c", program]].concat())
}

fn a_terminal_is_one_of_the_containers_own() -> Outcome {
    let program = r#"tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all three
        stat -c '%t:%T %a %U' /dev/pts/0; stat -c %t:%T /dev/console; echo $(ls /dev/pts)
        echo by name >/dev/tty; cut -d' ' -f1,6,7 /proc/self/stat"#;
    let out = in_terminal(&["-it"], program)?.finish()?;
    let lines: Vec<&str> = out.stdout.lines().collect();
    let expected = ["/dev/pts/0", "all three", "88:0 620 root", "88:0", "0 ptmx", "by name"];
    holds(
        lines.starts_with(&expected) && out.code == Some(0),
        format!("{out:?}"),
        "the program has no terminal, not in all three streams, or one of the host's",
    )?;
    // Its session is 1, and the terminal is that session's own (136:0): else Ctrl-C would go nowhere.
    holds(
        lines.last().is_some_and(|stat| stat.ends_with(" 1 34816")),
        format!("{out:?}"),
        "Ctrl-C goes nowhere",
    )
}

fn its_size_is_ours_also_after_a_change() -> Outcome {
    let program = "stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done";
    for flags in [&["-it"][..], &["-t"], &["-it", "--init"]] {
        let mut run = in_terminal(flags, program)?;
        run.wait_for("ready")?;
        run.resize(50, 132)?;
        let out = run.finish()?;
        holds(
            out.stdout.replace('\r', "") == "24 80\nready\n50 132\n",
            format!("{flags:?}: {out:?}"),
            "editors and pagers draw for a window of another size",
        )?;
    }
    Ok(())
}

fn keys_arrive_as_bytes() -> Outcome {
    let mut run = in_terminal(&["-it"], "stty raw -echo; echo ready; head -c 6 | cat -v; stty sane")?;
    run.wait_for("ready")?;
    run.write("a\x03\x1c\x1a\x04\r")?;
    let out = run.finish()?;
    holds(
        out.stdout.contains("a^C^\\^Z^D^M") && out.code == Some(0),
        format!("{out:?}"),
        "our own terminal acts on keys that are the program's, an editor's for instance",
    )
}

fn ctrl_c_and_ctrl_backslash_interrupt_the_program() -> Outcome {
    for (key, name, status) in [("\x03", "INT", 130), ("\x1c", "QUIT", 131)] {
        let program =
            format!("trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.01; done");
        let mut run = in_terminal(&["-it"], &program)?;
        run.wait_for("ready")?;
        run.write(key)?;
        let out = run.finish()?;
        check(out.code == Some(9) && out.stdout.contains(&format!("got {name}")))
            .observed(format!("{out:?}"))
            .means("Ctrl-C or Ctrl-\\ does not reach the program")
            .misconception(LOOK)?;
        // A shell handles these two keys itself, `cat` does not; it has begun when it repeats what is typed.
        let mut run = world().terminal().start(["coracle", "run", "--rm", "-it", "--init", "tiny", "cat"])?;
        run.write("typed\n")?;
        run.wait_for("typed\r\ntyped")?;
        run.write(key)?;
        let out = run.finish()?;
        holds(
            out.code == Some(status),
            format!("{out:?}"),
            "a program that handles no signal cannot be interrupted, although it is not process 1",
        )?;
    }
    Ok(())
}

fn ctrl_d_ends_the_input() -> Outcome {
    for flags in [&["-it"][..], &["-i"]] {
        let mut run = in_terminal(flags, "echo ready; cat; echo the end")?;
        run.wait_for("ready")?;
        run.write("a line\n\x04")?;
        let out = run.finish()?;
        holds(
            out.stdout.matches("a line\r\n").count() == 2 && out.stdout.ends_with("the end\r\n"),
            format!("{flags:?}: {out:?}"),
            "the end of the input is not seen",
        )?;
    }
    Ok(())
}

fn our_terminal_is_given_back_as_it_was() -> Outcome {
    let out = script_in(
        world().terminal(),
        r#"before=$(stty -g); same() { [ "$(stty -g)" = $before ] && echo "$1 same"; }
        coracle run --rm -it tiny true; same $?
        coracle run --rm -it tiny sh -c 'stty raw -echo; exit 3'; same $?
        coracle run --rm -it tiny nothing 2>/dev/null; same $?
        coracle run --rm -it -w /etc/passwd tiny true 2>/dev/null; same $?
        coracle run --rm -it --init tiny sh -c 'kill -KILL $$'; same $?
        (says out up; kill -KILL $(init)) &
        coracle run -it tiny sh -c 'echo up; exec sleep 60' >out; same $?
        coracle run --rm -t tiny sh -c 'stty raw'; same $?"#,
    )?;
    let out = coracle_testkit::Output { stdout: out.stdout.replace('\r', ""), ..out };
    said(
        &out,
        &["0 same", "3 same", "127 same", "126 same", "137 same", "137 same", "0 same"],
        "after a container the shell shows no keys, or writes stairs",
    )
}

fn it_without_a_terminal_is_refused() -> Outcome {
    shows(
        r#"echo x | coracle run --rm -it tiny true 2>&1; echo $?
        coracle run --name taken -it tiny true </dev/null 2>&1; echo $?; left"#,
        &["coracle: the input device is not a TTY", "1", "coracle: the input device is not a TTY", "1"],
        "a script that says `-it` where there is no terminal hangs or goes on, and with Docker it fails",
    )
}

fn t_alone_needs_no_terminal_of_ours() -> Outcome {
    shows(
        r#"echo lost | coracle run --rm -t tiny sh -c 'tty; [ -t 0 ] && echo terminal; echo err >&2' | tr -d '\r'
        coracle run --rm -t tiny sh -c 'echo without input; exit 5' </dev/null >out; echo $?; tr -d '\r' <out"#,
        &["/dev/pts/0", "terminal", "err", "5", "without input"],
        "`-t` alone, as in CI, does not give a terminal",
    )
}

fn no_line_is_lost_at_the_end() -> Outcome {
    shows(
        r#"for round in 1 2 3; do
            coracle run --rm -t tiny sh -c 'seq 1 20000; exit 4' </dev/null >out; echo $? $(tail -n 1 out | tr -d '\r') $(wc -l <out)
        done"#,
        &["4 20000 20000"; 3],
        "what is still in the terminal when the program ends is thrown away",
    )
}

fn signals_are_passed_on() -> Outcome {
    let signals = [
        ("HUP", Signal::SIGHUP),
        ("QUIT", Signal::SIGQUIT),
        ("USR1", Signal::SIGUSR1),
        ("USR2", Signal::SIGUSR2),
        ("ALRM", Signal::SIGALRM),
        ("CONT", Signal::SIGCONT),
        ("INT", Signal::SIGINT),
        ("TERM", Signal::SIGTERM),
    ];
    let traps: String = signals.iter().map(|(name, _)| format!("trap 'echo got {name}' {name}; ")).collect();
    let program = format!("{traps} trap 'exit 7' PROF; echo ready; while :; do sleep 0.01; done");
    let mut run = world().start(["coracle", "run", "--rm", "tiny", "sh", "-c", &program])?;
    run.wait_for("ready")?;
    for (name, signal) in signals {
        run.signal(signal)?;
        run.wait_for(&format!("got {name}"))?;
    }
    run.signal(Signal::SIGPROF)?;
    let out = run.finish()?;
    holds(
        out.code == Some(7) && out.stdout.lines().count() == 9,
        format!("{out:?}"),
        "`kill` of the engine is not `kill` of the program, or a signal comes twice",
    )
}

fn ctrl_c_arrives_once() -> Outcome {
    let program =
        "trap 'echo got' INT; trap 'echo end; exit 3' QUIT; echo ready; while :; do sleep 0.01; done";
    for flags in [&[][..], &["-i"], &["-t"], &["--init"], &["-it"], &["-it", "--init"]] {
        let mut run = in_terminal(flags, program)?;
        run.wait_for("ready")?;
        run.write("\x03")?;
        run.wait_for("got")?;
        run.write("\x1c")?;
        let out = run.finish()?;
        holds(
            out.code == Some(3) && out.stdout.matches("got").count() == 1,
            format!("{flags:?}: {out:?}"),
            "Ctrl-C does not reach the program, or reaches it both from the terminal and from the engine",
        )?;
    }
    Ok(())
}

fn the_third_interrupt_ends_what_ignores_it() -> Outcome {
    let program =
        "trap 'echo got INT' INT; trap 'echo got TERM' TERM; echo ready; while :; do sleep 0.01; done";
    for flags in [&["--rm"][..], &["--rm", "--init"], &["--name", "kept"]] {
        let command = [&["coracle", "run"], flags, &["tiny", "sh", "-c", program]].concat();
        let mut run = world().start(command)?;
        run.wait_for("ready")?;
        run.signal(Signal::SIGINT)?;
        run.wait_for("got INT")?;
        run.signal(Signal::SIGTERM)?;
        run.wait_for("got TERM")?;
        run.signal(Signal::SIGINT)?;
        let out = run.finish()?;
        holds(
            out.code == Some(137) && out.stderr == "coracle: got 3 SIGTERM/SIGINTs, forcefully exiting\n",
            format!("{flags:?}: {out:?}"),
            "a program that ignores Ctrl-C cannot be ended from the keyboard",
        )?;
    }
    Ok(())
}
