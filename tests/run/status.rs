//! Exit statuses.

use crate::engine::{script, shows};
use coracle_testkit::{Outcome, check};

pub(crate) fn the_programs_exit_code_is_ours() -> Outcome {
    shows(
        r#"for code in 0 1 7 42 125 255; do
            coracle run --rm tiny sh -c "exit $code"; echo $?
            coracle run --name kept tiny sh -c "exit $code"; echo $?; coracle rm kept >/dev/null
        done"#,
        &["0", "0", "1", "1", "7", "7", "42", "42", "125", "125", "255", "255"],
        "scripts that look at the exit status take another way than with Docker",
    )
}

pub(crate) fn a_program_killed_by_a_signal_gives_128_and_its_number() -> Outcome {
    let out = script(
        r#"coracle run --name killed tiny sh -c 'echo up; exec sleep 60' >out & 
        says out up; kill -KILL $(init); wait $!; echo $?
        for signal in TERM SEGV KILL USR1; do
            coracle run --rm --init tiny sh -c "kill -$signal \$\$"; echo $?
        done
        coracle ps -a"#,
    )?;
    let lines: Vec<&str> = out.stdout.lines().collect();
    check(lines[..5] == ["137", "143", "139", "137", "138"] && out.stdout.contains("Exited (137)"))
        .observed(format!("{out:?}"))
        .means("nobody can tell from the exit status that a signal ended the program")
        .misconception(crate::engine::LOOK)
}

pub(crate) fn a_command_that_cannot_start_is_126_or_127() -> Outcome {
    shows(
        r#"exec 2>/dev/null
        for command in nothing /bin/nothing '' /etc/passwd /etc; do
            for flags in --rm '--rm --init' '--name kept'; do
                coracle run $flags tiny "$command"; echo -n "$? "
            done; echo "'$command'"
        done; left"#,
        &[
            "127 127 127 'nothing'",
            "127 127 127 '/bin/nothing'",
            "127 127 127 ''",
            "126 126 126 '/etc/passwd'",
            "126 126 126 '/etc'",
        ],
        "a command that is missing, and one that is no program, cannot be told apart as with Docker",
    )
}
