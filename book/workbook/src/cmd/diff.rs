//! `cargo workbook diff`: what changed in the runtime from one chapter's milestone to another's.

use crate::{
    difference,
    misuse::misuse,
    workspace::{Workspace, read},
};
use anstream::{print, println};
use anyhow::Result;
use std::process::ExitCode;

/// Flags of `diff`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// From this chapter's milestone …
    from: u32,
    /// … to this one's; the chapter after it when it is left out
    to: Option<u32>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let from = workspace.chapter(args.from)?.milestone();
    let last = workspace.chapters()?.last().is_some_and(|chapter| chapter.number == args.from);
    if let (None, true, Some(before)) = (args.to, last, args.from.checked_sub(1)) {
        return Err(misuse(format!(
            "chapter {} is the last one so far: `cargo workbook diff {before} {}` shows what it adds",
            args.from, args.from
        )));
    }
    let to = workspace.chapter(args.to.unwrap_or(args.from + 1))?.milestone();
    let names = [&from, &to].map(|path| workspace.shown(path).to_string());
    let text = difference::unified(&read(&from)?, &read(&to)?, &names[0], &names[1]);
    if text.is_empty() {
        println!("{} and {} are equal.", names[0], names[1]);
    }
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}
