//! What the program is started with.

use crate::engine::{holds, script, shows, shows_in, world};
use coracle_testkit::Outcome;

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(crate) fn variables_are_made_from_nothing() -> Outcome {
    shows_in(
        world().env("SECRET", "of the caller"),
        r#"coracle run --rm --hostname box tiny env | sort
        echo; coracle run --rm -t --hostname box tiny env | tr -d '\r' | sort"#,
        &["HOME=/root", "HOSTNAME=box", PATH, "", "HOME=/root", "HOSTNAME=box", PATH, "TERM=xterm"],
        "variables of the caller get into the container, or some of Docker's do not",
    )
}

pub(crate) fn flags_and_files_set_variables() -> Outcome {
    shows(
        r#"export MINE='of the caller'
        cat >one <<'END'
# a comment
A=file
QUOTED="stays"
 SPACE= kept 
MINE
NOBODYS
END
        echo B=second >two
        coracle run --rm --hostname box -e A=flag --env C='two words' --env-file one --env-file two -e EMPTY= \
            -e NOBODYS -e HOME=/elsewhere tiny env | sort
        echo; coracle run --rm -h box -e PATH=/nowhere:/bin -eHOSTNAME=other -e MINE tiny env | sort"#,
        &[
            "A=flag",
            "B=second",
            "C=two words",
            "EMPTY=",
            "HOME=/elsewhere",
            "HOSTNAME=box",
            "MINE=of the caller",
            PATH,
            "QUOTED=\"stays\"",
            "SPACE= kept ",
            "",
            "HOME=/root",
            "HOSTNAME=other",
            "MINE=of the caller",
            "PATH=/nowhere:/bin",
        ],
        "`-e` and `--env-file` follow other rules than Docker's",
    )
}

pub(crate) fn entrypoint_and_command_are_joined() -> Outcome {
    shows(
        r#"coracle run --rm --entrypoint echo tiny hello world
        coracle run --rm --entrypoint /bin/echo tiny
        coracle run --rm --entrypoint '' tiny echo none
        coracle run --rm tiny echo --rm -it --name
        echo 'echo the image has a command of its own' | coracle run --rm -i tiny
        coracle run --rm -- tiny echo after two dashes"#,
        &[
            "hello world",
            "",
            "none",
            "--rm -it --name",
            "the image has a command of its own",
            "after two dashes",
        ],
        "another program runs than the one that was asked for, or with other arguments",
    )
}

pub(crate) fn nothing_of_the_caller_is_inherited() -> Outcome {
    let out = script(
        r#"umask 077; trap '' INT PIPE HUP USR1; mkdir -p deep/er; cd deep/er
        coracle run --rm tiny sh -c '
            echo $(umask) $(pwd); touch /new; stat -c %a /new'
        echo $(coracle run --rm tiny ls /proc/self/fd) 5</etc/passwd 9>here # the last is the directory itself
        coracle run --rm tiny grep -E 'Sig(Blk|Ign)' /proc/self/status >&2
        coracle run --rm -w /made/of/late tiny stat -c '%a %u' /made /made/of/late"#,
    )?;
    let lines: Vec<&str> = out.stdout.lines().collect();
    holds(
        lines == ["0022 /", "644", "0 1 2 3", "755 0", "755 0"],
        format!("{out:?}"),
        "an open file, the directory or the umask of the caller reaches the program",
    )?;
    // Bit n-1 is signal n. Those above 31 are left out: the C library keeps two of them to itself.
    let masks =
        out.stderr.lines().filter_map(|line| u64::from_str_radix(line.split_once(':')?.1.trim(), 16).ok());
    let masks: Vec<u64> = masks.map(|mask| mask & 0x7fff_ffff).collect();
    holds(masks == [0, 0], out.stderr, "a signal that the caller ignores is ignored in the container too")
}
