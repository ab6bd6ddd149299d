//! Standard input, output and error.

use crate::engine::{LOOK, script, shows};
use coracle_testkit::{Outcome, check};

pub(crate) fn output_and_error_stay_apart() -> Outcome {
    let out = script("coracle run --rm tiny sh -c 'echo this; echo that >&2; echo this too'")?;
    check(out.stdout == "this\nthis too\n" && out.stderr == "that\n")
        .observed(format!("{out:?}"))
        .means("`2>/dev/null` and `|` do not do what they should")
        .misconception(LOOK)
}

pub(crate) fn input_is_piped_only_with_i() -> Outcome {
    shows(
        r#"echo hello | coracle run --rm -i tiny cat
        echo hello | coracle run --rm tiny sh -c 'cat; readlink /proc/self/fd/0'
        printf 'one\ntwo' | coracle run --rm --interactive tiny wc -c
        printf '' | coracle run --rm -i tiny cat; echo $?
        coracle run --rm -i tiny sh <<'END'
echo a script
END"#,
        &["hello", "/dev/null", "7", "0", "a script"],
        "input gets lost, or gets in where nobody asked for it",
    )
}

pub(crate) fn megabytes_pass_both_ways_at_once() -> Outcome {
    shows(
        r#"head -c 8000000 /dev/urandom >in
        cat in | coracle run --rm -i tiny cat | cmp - in && echo same
        coracle run --rm -i tiny tee /dev/stderr <in 2>err | cmp - in && cmp err in && echo same twice
        coracle run --rm -i --init tiny cat <in >out; cmp out in && echo same with --init"#,
        &["same", "same twice", "same with --init"],
        "bytes get lost, or both sides wait for each other",
    )
}

pub(crate) fn a_program_need_not_read_its_input() -> Outcome {
    shows(
        r#"yes | coracle run --rm -i tiny true; echo $?
        yes | coracle run --rm -i tiny head -n 1; echo $?
        yes | coracle run --rm -i tiny sh -c 'exec <&-; head -c 3000000 /dev/zero' | wc -c
        yes | head -c 3000000 | coracle run --rm -i tiny sh -c 'head -c 3000000 /dev/zero; wc -c' | tail -c 8"#,
        &["0", "y", "0", "3000000", "3000000"],
        "the engine waits for a program to read, and the program for the engine",
    )
}

pub(crate) fn an_input_that_stays_open_does_not_keep_us() -> Outcome {
    shows(
        r#"mkfifo input; exec 3<>input
        coracle run --rm -i tiny sh -c 'echo bye; exit 4' <input; echo $?"#,
        &["bye", "4"],
        "the engine reads on although there is nobody to read for",
    )
}

pub(crate) fn closed_streams_are_no_trouble() -> Outcome {
    shows(
        r#"coracle run --rm tiny echo no input <&-; echo $?
        coracle run --rm -i tiny sh -c 'cat; echo an input that has ended' <&-; echo $?
        coracle run --rm tiny sh -c 'echo lost; exit 3' >&-; echo $?
        coracle run --rm tiny sh -c 'echo lost >&2; exit 4' 2>&-; echo $?
        coracle run --rm -i tiny sh -c 'cat; exit 5' <&- >&- 2>&-; echo $?
        coracle run --rm tiny sh -c 'echo x; exit 6' >/dev/full; echo $?"#,
        &["no input", "0", "an input that has ended", "0", "3", "4", "5", "6"],
        "a daemon or a cron job, which have no streams, cannot run containers",
    )
}

pub(crate) fn the_last_byte_before_the_end_arrives() -> Outcome {
    shows(
        r#"for round in 1 2 3 4 5; do
            coracle run --rm tiny sh -c 'head -c 1000000 /dev/zero; printf end; exit 9' >out; echo $? $(wc -c <out)
        done"#,
        &["9 1000003"; 5],
        "the engine ends before it has passed on what was written",
    )
}

pub(crate) fn a_reader_that_goes_away_ends_the_writer() -> Outcome {
    shows(
        r#"{ coracle run --rm tiny sh -c 'while echo line; do :; done' 2>/dev/null; echo ended >status; } | head -n 2
        says status ended; coracle ps -q"#,
        &["line", "line"],
        "`coracle run … | head` leaves a container behind that writes for ever",
    )
}

pub(crate) fn a_background_process_does_not_keep_us() -> Outcome {
    shows(
        r#"coracle run --rm tiny sh -c 'sleep 60 & setsid sleep 60 & echo done; exit 3'; echo $?
        coracle run --rm --init tiny sh -c 'sleep 60 & echo done'; echo $?"#,
        &["done", "3", "done", "0"],
        "a process that the program left behind outlives the container",
    )
}

pub(crate) fn standard_streams_can_be_opened_again_by_name() -> Outcome {
    let out = script(
        r#"echo in | coracle run --rm -i tiny sh -c 'cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr; echo fd >/dev/fd/1'"#,
    )?;
    check(out.stdout == "in\nout\nfd\n" && out.stderr == "err\n")
        .observed(format!("{out:?}"))
        .means("images that log to `/dev/stdout` (nginx does) do not start")
        .misconception(LOOK)
}
