//! Deaths and signals at instants that nobody chose.

use crate::SETTLED;
use crate::engine::{holds, long_world, said, script_in};
use coracle_testkit::{Failure, Outcome, Output};

pub(crate) fn an_engine_killed_while_the_program_runs_takes_it_along() -> Outcome {
    let out = script_in(
        long_world(),
        &format!(
            r#"{SETTLED}
            for flags in --rm '--rm --init' '--rm -i' '--rm -t' '--name kept' '--name kept --init'; do
                coracle run $flags tiny sh -c 'echo x >/file; echo up; sleep 60' >out 2>/dev/null </dev/null &
                says out up; kill -KILL $!; wait $! 2>/dev/null
                echo $flags: $(settled; coracle ps -a | grep -o 'Exited ([0-9]*)'; cat data/containers/*/rootfs/file 2>/dev/null
                    grep -os 'the engine that.*killed' data/containers/*/state.json; coracle rm kept 2>/dev/null; settled)
                rm out
            done"#
        ),
    )?;
    said(
        &out,
        &[
            "--rm:",
            "--rm --init:",
            "--rm -i:",
            "--rm -t:",
            "--name kept: Exited (137) x the engine that looked after it was killed kept",
            "--name kept --init: Exited (137) x the engine that looked after it was killed kept",
        ],
        "a container outlives its engine, or is not cleaned up after it",
    )
}

pub(crate) fn a_program_killed_from_outside_is_noticed() -> Outcome {
    let out = script_in(
        long_world(),
        &format!(
            r#"{SETTLED}
            for flags in --rm '--rm --init' '--name kept'; do
                coracle run $flags tiny sh -c 'sleep 61 & echo up; sleep 60' >out & says out up
                kill -KILL $(init); wait $!; echo $? $(settled; coracle rm kept 2>/dev/null); rm out
            done"#
        ),
    )?;
    said(&out, &["137", "137", "137 kept"], "the engine waits for a container that has ended")
}

/// Sends each of the signals at twenty instants of `command`, from its begin to a little after its end.
fn at_any_instant(setup: &str, command: &str, after: &str) -> Result<Output, Failure> {
    script_in(
        long_world(),
        &format!(
            r#"{SETTLED} {setup}
            before=$(date +%s%N); {command} >/dev/null; length=$(( ($(date +%s%N) - before) / 1000 )); {after}
            for signal in INT TERM KILL; do for part in $(seq 20); do
                micros=$((length * part / 16)); instant=$(printf '%d.%06d' $((micros / 1000000)) $((micros % 1000000)))
                timeout --foreground -s $signal $instant {command} >/dev/null 2>&1; status=$?
                echo "$signal $instant $status =>" $({after})
            done; done"#
        ),
    )
}

/// Fails if a line says anything after its arrow but one of `allowed`.
fn says_only(out: &Output, allowed: &[&str]) -> Outcome {
    let is_strange =
        |line: &&str| !line.split_once("=>").is_none_or(|(_, said)| allowed.contains(&said.trim()));
    let strange = out.stdout.lines().find(is_strange);
    let count = out.stdout.matches("=>").count();
    holds(
        strange.is_none() && count >= 40 && out.stderr.is_empty(),
        format!("{strange:?} in {count} lines; {:?}", out.stderr),
        "a signal at this instant leaves something behind that the next command does not clean up",
    )
}

/// After this there is nothing.
const NOTHING: &str = "settled; cat listed; coracle run --rm --name victim tiny true; ls -A data/containers";

/// How did it end, if it is there? Then it is removed.
const HOW_IT_ENDED: &str = "settled; coracle ps -a | grep -o 'Exited ([0-9]*)'
    [ -s listed ] && coracle rm victim >removed; coracle run --rm --name victim tiny true; ls -A data/containers";

/// An old image, imported, and an archive of a new one that will take its name.
const TWO_IMAGES: &str = "mkdir old new; echo old >old/which
    for i in $(seq 40); do mkdir new/$i; echo $i >new/$i/file; done; echo new >new/which
    tar -C new -cf new.tar .; coracle import old box >imported";

/// Which of the two is there, whole? Then the old one is again.
const OLD_OR_NEW: &str = "settled; cat data/images/box/latest/rootfs/which; ls -A data/images | grep -v tiny
    case $(ls data/images/box/latest/rootfs | wc -l) in 1|41);; *) echo half of it;; esac
    coracle import old box >imported";

pub(crate) fn signals_at_any_instant_of_a_run_with_rm() -> Outcome {
    says_only(&at_any_instant("", "coracle run --rm --name victim tiny true", NOTHING)?, &[""])
}

pub(crate) fn signals_at_any_instant_of_a_run() -> Outcome {
    let out = at_any_instant("", "coracle run --name victim tiny sh -c 'echo x >/file'", HOW_IT_ENDED)?;
    says_only(&out, &["", "Exited (0)", "Exited (130)", "Exited (137)", "Exited (143)"])
}

pub(crate) fn signals_at_any_instant_of_an_import() -> Outcome {
    let out = at_any_instant(TWO_IMAGES, "coracle import new.tar box", OLD_OR_NEW)?;
    says_only(&out, &["old box", "new box"])
}

/// Kills the host side of `command` at every so many-th of its system calls.
fn at_system_calls(setup: &str, command: &str, after: &str) -> Result<Output, Failure> {
    script_in(
        long_world(),
        &format!(
            r#"{SETTLED} {setup}
            strace -qqq -o calls {command} >/dev/null; total=$(wc -l <calls); {after}
            for call in $(seq 2 $((total / 45)) $total); do
                strace -qqq -o calls -e inject=all:signal=KILL:when=$call {command} >/dev/null 2>&1
                echo "call $call of $total, $(tail -n 2 calls | head -n 1 | cut -c 1-60) =>" $({after})
            done"#
        ),
    )
}

pub(crate) fn death_at_any_system_call_of_a_run() -> Outcome {
    let out = at_system_calls("", "coracle run --name victim tiny true", HOW_IT_ENDED)?;
    says_only(&out, &["", "Exited (0)", "Exited (137)"])
}

pub(crate) fn death_at_any_system_call_of_an_import() -> Outcome {
    let out = at_system_calls(TWO_IMAGES, "coracle import new.tar box", OLD_OR_NEW)?;
    says_only(&out, &["old box", "new box"])
}
