//! `cargo workbook shell`: a shell in a throwaway world, for the commands of a page.
//!
//! The same world as for [`run`](super::run), but with a shell of this machine in it instead of a milestone: `./rootfs`
//! is a tiny root, every milestone and `coracle` can be called by name, and nothing outlives the shell. The chapters
//! that are switched to the learner's code run on it.

use crate::{
    cargo::{Built, Cargo, executable, own_words},
    process,
    workspace::Workspace,
};
use anyhow::{Context, Result, bail};
use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Flags of `shell`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The command to run there instead of a shell
    #[arg(last = true)]
    command: Vec<String>,
}

/// Opens the shell.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let cargo =
        Cargo { root: workspace.root, mine: env::var("CORACLE_MINE").unwrap_or_default(), apart: None };
    let built = match cargo.build(&["build", "--workspace", "--bins"])? {
        Built::Ready(built) => built,
        Built::Broken(_) => bail!("your code does not compile yet: `cargo workbook check` shows where"),
        Built::Failed(stderr) => return Err(own_words(&stderr)),
    };
    let world = executable(&built, "world")?;
    let programs = world.parent().context("the program `world` lies in a folder")?;
    let mut places: Vec<PathBuf> = vec![programs.to_path_buf()];
    places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let path = env::join_paths(places).context("a folder in PATH has a colon in its name")?;

    let mut command = Command::new(world);
    command.args(["--rootfs", "--env", "PS1=world \\w # ", "--env"]);
    command.arg(format!("PATH={}", path.to_string_lossy())).arg("--");
    match &args.command[..] {
        [] => process::in_foreground(command.args(["bash", "--norc"])),
        words => process::in_foreground(command.args(words)),
    }
}
