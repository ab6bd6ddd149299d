//! `coracle rm`: containers that are not needed any more.
//!
//! What we leave out: anonymous volumes (`-v`, chapter 8).

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::container::Status;
use crate::store::{NoSuchContainer, Store, kill_and_wait};

/// Remove one or more containers
#[derive(clap::Args)]
#[command(override_usage = "coracle rm [OPTIONS] CONTAINER [CONTAINER...]", args_override_self = true)]
pub(super) struct Args {
    /// Force the removal of a running container (uses SIGKILL)
    #[arg(short, long)]
    force: bool,
    /// Names, ids, or beginnings of ids
    #[arg(value_name = "CONTAINER", required = true)]
    containers: Vec<String>,
}

/// Removes each, printing what was removed; one failure does not keep the others.
pub(super) fn run(args: &Args) -> Result<u8> {
    let store = Store::open()?;
    let mut status = 0;
    for container in &args.containers {
        match remove(&store, container, args.force) {
            Ok(()) => _ = super::print(&format!("{container}\n"))?,
            // What should be gone is gone: Docker's -f says so and is content.
            Err(error) if args.force && error.is::<NoSuchContainer>() => eprintln!("coracle: {error}"),
            Err(error) => {
                eprintln!("coracle: {error:#}");
                status = 1;
            }
        }
    }
    Ok(status)
}

fn remove(store: &Store, text: &str, force: bool) -> Result<()> {
    let known = store.find(text)?;
    // What cannot be read cannot be running: a living engine writes its state whole.
    if let Ok(container) = known.container {
        let running = container.state.status == Status::Running;
        ensure!(
            !running || force,
            "cannot remove container `{text}`: it is running; end its command first, or force it with `rm -f`"
        );
        ensure!(
            container.state.status != Status::Created,
            "cannot remove container `{text}`: it is being made; try again in a moment"
        );
        if let (true, Some(init)) = (running, container.state.init) {
            kill_and_wait(init);
            return wait_until_left(store, text);
        }
    }
    store.remove_container(&known.id)
}

/// Waits until the engine that looked after the container has written down its end, or has removed it (`--rm`).
fn wait_until_left(store: &Store, text: &str) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(10);
    while Instant::now() < patience {
        match store.find(text) {
            Err(error) if error.is::<NoSuchContainer>() => return Ok(()),
            Err(error) => return Err(error),
            Ok(known) if known.container.as_ref().is_ok_and(|left| left.state.status == Status::Exited) => {
                return store.remove_container(&known.id);
            }
            Ok(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
    bail!("container `{text}` was killed, but its engine has not let go of it in ten seconds")
}
