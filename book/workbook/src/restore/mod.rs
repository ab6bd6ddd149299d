//! `cargo workbook restore`: finds and removes what a crashed experiment left on this machine.
//!
//! Tests, `cargo workbook run` and the engine clean up after themselves. This command is for the day when one of them was killed at the
//! wrong moment, or when an exercise did to the host what it should have done to its container. A thing is removed only when it can be
//! told whose it is, and when nothing that lives still uses it:
//!
//! | thing | ours when | in use while |
//! |---|---|---|
//! | process | its environment names a test world, or an abandoned container's state names it | the world or the engine lives |
//! | mount | it lies in a container, in a world's scratch directory, or in a temporary directory of ours | the container's lock is held |
//! | container | it is in the data root, unlocked, and unfinished | its lock is held |
//! | cgroup | its name begins with `coracle-` | its world or container lives; it is new; a stranger is in it |
//! | link | it is virtual and called `coracle…`, `cor-…` or `cor` with 8 to 12 hex digits | any container lives |
//! | nft table | it is called `coracle`, or that with `_` or `-` and more | any container lives |
//! | directory in `/tmp` | its name holds the number of one of our processes | that process lives; it is new |
//!
//! Tearing down goes on after an error; every failure is told, and the exit code is 1 then.

#[cfg(target_os = "linux")]
mod cgroups;
#[cfg(target_os = "linux")]
mod containers;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod remedy;
#[cfg(target_os = "linux")]
mod temporary;
#[cfg(target_os = "linux")]
mod undo;

use std::process::ExitCode;

/// Flags of `restore`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only say what would be removed
    #[arg(long)]
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    dry_run: bool,
}

/// Runs the command.
#[cfg(target_os = "linux")]
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    Ok(undo::everything(args.dry_run))
}

/// Elsewhere nothing can have been left: containers need Linux.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    println!(
        "Nothing to restore: experiments run on Linux only. Inside Lima, WSL 2 or the devcontainer, run it there."
    );
    Ok(ExitCode::SUCCESS)
}
