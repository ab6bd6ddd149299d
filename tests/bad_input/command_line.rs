//! Flags, names and files of the command line.

use crate::engine::{holds, script};
use crate::session::{is_as_pinned, session};
use coracle_testkit::Outcome;

pub(crate) fn flags_that_make_no_sense() -> Outcome {
    let said = session(
        "",
        &[
            "coracle run --nam x tiny true",
            "coracle run -x tiny true",
            "coracle run --rm=maybe tiny true",
            "coracle run --name",
            "coracle run --volume x:/x tiny true",
            "coracle run -v x:/x tiny true",
            "coracle run -d tiny true",
            "coracle run --publish 80:80 tiny true",
            "coracle run --network bridge tiny true",
            "coracle run --network= tiny true",
            "coracle run --user nosuch tiny true",
            "coracle run --user 0:nosuch tiny true",
            "coracle run --group-add nosuch tiny true",
            "coracle run --user -1 tiny true",
            "coracle run --user 5000000000 tiny true",
            "coracle run --pid container:x tiny true",
            "coracle run --pid mine tiny true",
            "coracle run --ipc none tiny true",
            "coracle run --uts host --hostname x tiny true",
            "coracle run -w here tiny true",
            "coracle run -w '' tiny true",
            "coracle run -e =x tiny true",
            "coracle run -e '' tiny true",
            "coracle run --hostname -x tiny true",
            "coracle run --hostname a..b tiny true",
            "coracle run --hostname $(printf %064d 0) tiny true",
            "coracle run --tmpfs here tiny true",
            "coracle run --tmpfs / tiny true",
            "coracle run --tmpfs /a/../b tiny true",
            "coracle run --tmpfs /a:bind tiny true",
            "coracle run --tmpfs /a --tmpfs /a tiny true",
            "coracle run --entrypoint '' tiny",
            "coracle run -it tiny true",
            "coracle run $(printf 'tiny \\377') true",
        ],
    )?;
    is_as_pinned("flags", &said)
}

pub(crate) fn verbs_and_arguments_that_make_no_sense() -> Outcome {
    let said = session(
        "",
        &[
            "coracle run",
            "coracle run --rm",
            "coracle build .",
            "coracle exec x sh",
            "coracle imagse",
            "coracle nonsense",
            "coracle --nonsense run tiny true",
            "coracle images tiny",
            "coracle ps --everything",
            "coracle rm",
            "coracle rm nobody",
            "coracle rm -f nobody",
            "coracle rm ''",
            "coracle import",
            "coracle import only-one.tar",
            "coracle import a b c",
        ],
    )?;
    is_as_pinned("verbs", &said)
}

pub(crate) fn a_wrong_flag_gets_the_usage_too() -> Outcome {
    let out = script("coracle run --nam x tiny true; echo $?; ls")?;
    let expected = "coracle: unknown flag: --nam; did you mean '--name'?\n\n\
                    Usage:  coracle run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n\
                    Run 'coracle run --help' for more information\n";
    holds(
        out.stderr == expected && out.stdout == "125\ntmp\n",
        format!("{out:?}"),
        "a wrong flag does not say how it should be, or something was made already",
    )
}

pub(crate) fn names_that_are_taken_or_are_none() -> Outcome {
    let said = session(
        "coracle run --name taken tiny true",
        &[
            "coracle run --name taken tiny true",
            "coracle run --rm --name taken tiny true",
            "coracle run --name x tiny true",
            "coracle run --name '' tiny true",
            "coracle run --name a/b tiny true",
            "coracle run --name 'a b' tiny true",
            "coracle run --name .. tiny true",
            "coracle run --name -it tiny true",
        ],
    )?;
    is_as_pinned("names", &said)
}

pub(crate) fn files_that_a_flag_names() -> Outcome {
    let said = session(
        r#"mkdir folder; echo 'A B=1' >spaces; echo =1 >nameless; printf 'A=\377\n' >latin"#,
        &[
            "coracle run --env-file none tiny true",
            "coracle run --env-file folder tiny true",
            "coracle run --env-file spaces tiny true",
            "coracle run --env-file nameless tiny true",
            "coracle run --env-file latin tiny true",
        ],
    )?;
    is_as_pinned("env_files", &said)
}

pub(crate) fn places_in_the_container_that_cannot_be() -> Outcome {
    let said = session(
        "",
        &[
            "coracle run -w /etc/passwd tiny true",
            "coracle run -w /etc/passwd/below tiny true",
            "coracle run -w /proc/new tiny true",
            "coracle run -w /$(printf %0300d 0) tiny true 2>&1 | tail -c 100",
            "coracle run --rm --tmpfs /etc/passwd tiny true",
            "coracle run --tmpfs /proc/sys/new tiny true",
            "coracle run --tmpfs /a:size=lots tiny true",
            "coracle run --tmpfs /bin tiny true",
        ],
    )?;
    is_as_pinned("places", &said)
}
