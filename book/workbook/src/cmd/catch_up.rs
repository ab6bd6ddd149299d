//! `cargo workbook catch-up`: the reference for the chapters below N; those whose own code passes stay the learner's.

use super::check::{Found, try_out};
use crate::{
    mine,
    paint::{CARE, FAINT, GOOD, PLACE, paint, width, wrap},
    workspace::{Chapter, Workspace},
};
use anstream::println;
use anyhow::Result;
use std::process::ExitCode;

/// Flags of `catch-up`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter to be ready for
    chapter: u32,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let target = workspace.chapter(args.chapter)?;
    for chapter in workspace.chapters()?.iter().filter(|chapter| chapter.number < target.number) {
        let (mark, words) = match mine::list(&workspace)?.contains(&chapter.number) {
            false => (paint(FAINT, "·"), "the reference, as before".to_owned()),
            true if passes(&workspace, chapter)? => (paint(GOOD, "✓"), "yours: it passes".to_owned()),
            true => {
                mine::remove(&workspace, chapter.number)?;
                let back = format!(
                    "the reference from now on; your file stays (start {} takes it up again)",
                    chapter.number
                );
                (paint(CARE, "–"), back)
            }
        };
        println!("{}", wrap(&format!("{}: {words}", chapter.name), &format!("{mark} "), width()));
    }
    println!(
        "Ready for chapter {}: {}",
        target.number,
        paint(PLACE, format!("cargo workbook start {}", target.number))
    );
    Ok(ExitCode::SUCCESS)
}

/// Does the learner's code of a chapter compile and pass?
fn passes(workspace: &Workspace, chapter: &Chapter) -> Result<bool> {
    match try_out(workspace, chapter) {
        Ok(Found::Verdict(verdict)) => Ok(verdict.passed()),
        Ok(Found::Broken(_)) => Ok(false),
        Err(error) => {
            println!("{}", wrap(&format!("{error:#}"), "  ", width()));
            Ok(false)
        }
    }
}
