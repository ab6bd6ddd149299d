//! `cargo workbook doctor`: what this machine can do. Being written.

use std::process::ExitCode;

/// Flags of `doctor`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
