//! `cargo workbook run`: the milestone of a chapter on the learner's code, in a throwaway world with a tiny root.
//!
//! ```text
//! cargo workbook run 1 -- sh
//!   └─ world --rootfs --                 the kit's: namespaces of its own, a scratch folder, ./rootfs in it
//!        └─ ch01 rootfs sh               the runtime so far
//!             └─ sh                      in its new root
//! ```

use crate::{
    cargo::{Built, Cargo, executable, own_words},
    current::named_or_current,
    process,
    workspace::Workspace,
};
use anstream::eprint;
use anyhow::Result;
use std::process::{Command, ExitCode};

/// Flags of `run`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number; the one you are at when it is left out
    chapter: Option<u32>,
    /// The command inside; a shell when it is left out
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapter = named_or_current(&workspace, args.chapter)?;
    let cargo = Cargo::on_learners_code(&workspace, chapter.number)?;
    let (package, binary) = (chapter.package(), chapter.binary());
    let words = ["build", "-p", &package, "--bin", &binary, "-p", "coracle-testkit", "--bin", "world"];
    let built = match cargo.build(&words)? {
        Built::Ready(built) => built,
        Built::Broken(errors) => {
            eprint!("{}", super::check::broken(&workspace, &chapter, &errors, crate::paint::width()));
            return Ok(ExitCode::FAILURE);
        }
        Built::Failed(stderr) => return Err(own_words(&stderr)),
    };
    let mut command = Command::new(executable(&built, "world")?);
    command.args(["--rootfs", "--"]).arg(executable(&built, &binary)?).arg("rootfs");
    if args.command.is_empty() {
        command.arg("/bin/sh");
    }
    process::in_foreground(command.args(&args.command))
}
