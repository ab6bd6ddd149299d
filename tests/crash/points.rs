//! `CORACLE_KILL_AT`: the engine kills itself at a step that has a name, and the next command looks after it.

use crate::SETTLED;
use crate::engine::{holds, long_world, said, script, script_in};
use coracle_testkit::{Outcome, Output};

/// One command, killed at each point in turn.
struct Victim {
    /// Done once.
    setup: &'static str,
    /// Done before each death.
    before: &'static str,
    /// What is killed.
    command: &'static str,
    /// Done after each death, by the next command; what this prints follows the point's name and the status.
    after: &'static str,
    /// What must come out: a line for each point that this command meets.
    met: &'static [&'static str],
}

impl Victim {
    fn dies_at_each_point(&self) -> Outcome {
        let Victim { setup, before, command, after, met } = self;
        let script = format!(
            "{SETTLED} {setup}
            for point in $(coracle fault-points); do
                {before}
                CORACLE_KILL_AT=$point {command} >/dev/null 2>&1; status=$?
                echo $point $status $({after})
            done"
        );
        let out = script_in(long_world(), &script)?;
        // A point that this command does not meet changes nothing, so its status is 0 as ever.
        let unmet = |line: &&str| line.split(' ').nth(1) == Some("0");
        let lines: Vec<&str> = out.stdout.lines().filter(|line| !unmet(line)).collect();
        let seen = Output { stdout: lines.join("\n"), ..out };
        said(&seen, met, "the engine died at this step, and the next command did not put everything in order")
    }
}

/// After this there is nothing: no container, no file, and the name is free.
const NOTHING: &str = "settled; cat listed; coracle run --rm --name victim tiny true; ls -A data/containers";

const RUN_WITH_RM: Victim = Victim {
    setup: "",
    before: "",
    command: "coracle run --rm --name victim tiny sh -c 'echo x >/file'",
    after: NOTHING,
    met: &[
        "container-folder-made 137",
        "container-locked 137",
        "container-created 137",
        "rootfs-ready 137",
        "group-made 137",
        "init-cloned 137",
        "init-prepared 137",
        "program-started 137",
        "run-returned 137",
        "container-removing 137",
        "rootfs-removing 137",
        "rootfs-removed 137",
        "container-unlocked 137",
    ],
};

/// A data root that is itself on an overlay, as in a development container: the kernel refuses another one on it.
const ON_AN_OVERLAY: &str = "mkdir below above work; cp -a data/. below
    mount -t overlay -o lowerdir=below,upperdir=above,workdir=work over data; trap 'umount data' EXIT";

const RUN_WITHOUT_OVERLAY: Victim = Victim {
    setup: ON_AN_OVERLAY,
    before: "",
    command: "coracle run --rm --name victim tiny sh -c 'echo x >/file'",
    after: NOTHING,
    met: &[
        "container-folder-made 137",
        "container-locked 137",
        "container-created 137",
        "rootfs-copying 125", // in init, which dies; the engine lives and says so
        "rootfs-ready 137",
        "group-made 137",
        "init-cloned 137",
        "init-prepared 137",
        "program-started 137",
        "run-returned 137",
        "container-removing 137",
        "rootfs-removed 137",
        "container-unlocked 137",
    ],
};

const RUN: Victim = Victim {
    setup: "",
    before: "",
    command: "coracle run --name victim tiny sh -c 'echo x >/file; sleep 0.1'",
    // The program may or may not have come to write its file when its engine dies while it runs.
    after: "settled; coracle ps -a | grep -o 'Exited ([0-9]*)'
        [ $point = program-started ] || cat data/containers/*/rootfs/file 2>/dev/null
        [ -s listed ] && coracle rm victim >removed; settled; coracle run --rm --name victim tiny true",
    met: &[
        "container-folder-made 137",
        "container-locked 137",
        "container-created 137",
        "rootfs-copying 137",
        "rootfs-ready 137",
        "group-made 137",
        "init-cloned 137",
        "init-prepared 137",
        "program-started 137 Exited (137)",
        "run-returned 137 Exited (137) x",
        "exit-saved 137 Exited (0) x",
    ],
};

const REMOVAL: Victim = Victim {
    setup: "",
    before: "coracle run --name victim tiny true",
    command: "coracle rm victim",
    after: NOTHING,
    met: &["container-removing 137", "rootfs-removing 137", "rootfs-removed 137", "container-unlocked 137"],
};

/// An archive in the place of an image that is there: it is the old one or the new one, and whole.
const IMPORT: Victim = Victim {
    setup: "cp -a data/images/tiny/latest/rootfs old; cp -a old new; echo old >old/which; echo new >new/which
        tar -C new -cf new.tar .",
    before: "coracle import old box >imported",
    command: "coracle import new.tar box",
    after: "settled; coracle run --rm box cat /which; ls -A data/images | grep -v tiny",
    met: &[
        "import-begun 137 old box",
        "import-unpacking 137 old box",
        "import-unpacked 137 old box",
        "import-described 137 old box",
        "import-renamed 137 new box",
        "rootfs-removing 137 new box",
    ],
};

/// `tiny` itself, at its first use.
const FIRST_USE: Victim = Victim {
    setup: "",
    before: "rm -r data",
    command: "coracle run --rm --name victim tiny true",
    after: "settled; coracle run --rm --name victim tiny echo well",
    met: &[
        "import-begun 137 well",
        "import-unpacked 137 well",
        "import-described 137 well",
        "import-renamed 137 well",
        "container-folder-made 137 well",
        "container-locked 137 well",
        "container-created 137 well",
        "rootfs-ready 137 well",
        "group-made 137 well",
        "init-cloned 137 well",
        "init-prepared 137 well",
        "program-started 137 well",
        "run-returned 137 well",
        "container-removing 137 well",
        "rootfs-removing 137 well",
        "rootfs-removed 137 well",
        "container-unlocked 137 well",
    ],
};

pub(crate) fn a_run_with_rm_killed_at_each_point_leaves_nothing() -> Outcome {
    RUN_WITH_RM.dies_at_each_point()
}

pub(crate) fn a_run_without_overlay_killed_at_each_point_leaves_nothing() -> Outcome {
    RUN_WITHOUT_OVERLAY.dies_at_each_point()
}

pub(crate) fn a_run_killed_at_each_point_leaves_nothing_or_a_container_that_ended() -> Outcome {
    RUN.dies_at_each_point()
}

pub(crate) fn a_removal_killed_at_each_point_is_finished() -> Outcome {
    REMOVAL.dies_at_each_point()
}

pub(crate) fn an_import_killed_at_each_point_is_whole_or_not_there() -> Outcome {
    IMPORT.dies_at_each_point()
}

pub(crate) fn tiny_killed_while_it_is_made_is_made_again() -> Outcome {
    FIRST_USE.dies_at_each_point()
}

pub(crate) fn every_point_is_met_above() -> Outcome {
    let points = script("coracle fault-points")?.stdout;
    let victims = [RUN_WITH_RM, RUN_WITHOUT_OVERLAY, RUN, REMOVAL, IMPORT, FIRST_USE];
    let met = |point: &str| {
        victims.iter().flat_map(|victim| victim.met).any(|line| line.split(' ').next() == Some(point))
    };
    let missed: Vec<&str> = points.lines().filter(|point| !met(point)).collect();
    holds(
        missed.is_empty() && points.lines().count() > 10,
        format!("{missed:?}"),
        "a step of the engine has a name, and nobody tries what its death there leaves",
    )
}
