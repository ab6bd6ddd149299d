//! `cargo workbook stubs`: makes each `exercise.rs` from its `solution.rs`, or checks that it is in step.

use crate::{
    chapter_data, difference, mine,
    paint::{BAD, CARE, GOOD, paint},
    records, stubs,
    workspace::{Chapter, Workspace, read, write},
};
use anstream::{eprintln, println};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Flags of `stubs`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this chapter
    chapter: Option<u32>,
    /// Change nothing; show what differs, and fail when something does
    #[arg(long)]
    check: bool,
    /// Write even where a chapter is switched to your own code (a copy is kept)
    #[arg(long, conflicts_with = "check")]
    force: bool,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut fine = true;
    for chapter in workspace.chosen(args.chapter)? {
        let done =
            if args.check { check(&workspace, &chapter) } else { make(&workspace, &chapter, args.force) };
        fine &= done.unwrap_or_else(|error| {
            eprintln!("{} {}: {error:#}", paint(BAD, "✗"), chapter.name);
            false
        });
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The stubs that belong to a chapter.
pub(crate) fn pristine(workspace: &Workspace, chapter: &Chapter) -> Result<String> {
    let path = chapter.solution();
    stubs::generate(&chapter.reference()?).with_context(|| workspace.shown(&path).to_string())
}

/// Compares; false when the file differs from what it should be.
fn check(workspace: &Workspace, chapter: &Chapter) -> Result<bool> {
    let (name, path) = (&chapter.name, chapter.exercise());
    let right = pristine(workspace, chapter)?;
    let there = if path.is_file() { read(&path)? } else { String::new() };
    if there != right {
        println!(
            "{} {name}: not in step with solution.rs (cargo workbook stubs makes it so)",
            paint(BAD, "✗")
        );
        println!("{}", difference::unified(&there, &right, "exercise.rs", "from solution.rs"));
        return Ok(false);
    }
    chapter_data::check_hints(workspace, chapter)?;
    println!("{} {name}: exercise.rs and hints.toml are in step with solution.rs", paint(GOOD, "✓"));
    Ok(true)
}

/// Writes; a file that would be lost is copied first.
fn make(workspace: &Workspace, chapter: &Chapter, force: bool) -> Result<bool> {
    let (name, path) = (&chapter.name, chapter.exercise());
    let right = pristine(workspace, chapter)?;
    if path.is_file() && read(&path)? == right {
        println!("{} {name}: unchanged", paint(GOOD, "✓"));
        return Ok(true);
    }
    if mine::list(workspace)?.contains(&chapter.number) && !force {
        println!("{} {name}: left alone, it runs on your own code (--force writes it)", paint(CARE, "–"));
        return Ok(true);
    }
    let copy = records::back_up(workspace, name, &path)?;
    write(&path, &right)?;
    println!("{} {name}: written {}", paint(GOOD, "✓"), workspace.shown(&path));
    if let Some(copy) = copy {
        println!("  what was there is kept in {}", workspace.shown(&copy));
    }
    Ok(true)
}
