//! `cargo workbook restore`: removes what a crashed experiment left. Being written.

use std::process::ExitCode;

/// Flags of `restore`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
