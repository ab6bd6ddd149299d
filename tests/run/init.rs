//! `--init`: a small PID 1 between the kernel and the program.

use crate::engine::{holds, shows, with_prelude, world};
use coracle_testkit::{Outcome, Signal};

pub(crate) fn init_reaps_orphans() -> Outcome {
    // The orphan writes down its number and ends; its directory in /proc goes when somebody has waited for it.
    shows(
        r#"coracle run --rm --init tiny sh -c '
            cat /proc/1/comm; echo $$
            sh -c "sh -c \"echo \\\$\\\$ >/tmp/orphan\" &"
            until [ -s /tmp/orphan ]; do :; done
            while [ -d /proc/$(cat /tmp/orphan) ]; do :; done; echo reaped'"#,
        &["coracle-init", "2", "reaped"],
        "processes that have ended pile up as zombies",
    )
}

pub(crate) fn init_passes_signals_on() -> Outcome {
    for (signal, name) in [(Signal::SIGTERM, "TERM"), (Signal::SIGUSR1, "USR1"), (Signal::SIGHUP, "HUP")] {
        let program = format!("trap 'echo got {name}; exit 5' {name}; echo up; while :; do sleep 0.01; done");
        let mut run = world().start(["coracle", "run", "--rm", "--init", "tiny", "sh", "-c", &program])?;
        run.wait_for("up")?;
        run.signal(signal)?;
        let out = run.finish()?;
        holds(
            out.code == Some(5) && out.stdout == format!("up\ngot {name}\n"),
            format!("{out:?}"),
            "a signal for the program ends at its init",
        )?;
    }
    Ok(())
}

pub(crate) fn init_ends_as_its_program_does() -> Outcome {
    let script = r#"coracle run --rm --init tiny sh -c 'exit 7'; echo $?
        coracle run --rm --init tiny sh -c 'sleep 60 & kill -TERM $$'; echo $?
        coracle run --name kept --init tiny sh -c 'echo up; exec sleep 60' >out & says out up
        kill -KILL $(init); wait $!; echo $?; grep -c '"exit_code": 137' data/containers/*/state.json"#;
    let out = world().script(&with_prelude(script))?;
    crate::engine::said(&out, &["7", "143", "137", "1"], "with `--init` another exit status comes back")
}
