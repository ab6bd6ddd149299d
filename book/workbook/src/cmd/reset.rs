//! `cargo workbook reset`: starts a chapter over. What the learner wrote is kept, and it is said where.

use super::stubs::pristine;
use crate::{
    records::{self, Records},
    workspace::{Workspace, read, write},
};
use anstream::{print, println};
use anyhow::{Context, Result};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Flags of `reset`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number
    chapter: u32,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapter = workspace.chapter(args.chapter)?;
    let file = chapter.exercise();
    let shown = workspace.shown(&file);
    let fresh = pristine(&workspace, &chapter)?;
    if file.is_file() && read(&file)? == fresh {
        println!("{shown} is as it was in the beginning; there is nothing to reset.");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed(&format!("Put {shown} back to the beginning? A copy of yours is kept. [y/N] "))? {
        println!("Nothing was changed.");
        return Ok(ExitCode::FAILURE);
    }
    if let Some(copy) = records::back_up(&workspace, &chapter.name, &file)? {
        println!("Yours is kept in {}", workspace.shown(&copy));
    }
    write(&file, &fresh)?;
    let mut records = Records::load(&workspace)?;
    records.checks.remove(&chapter.number);
    records.save(&workspace)?;
    println!("{shown} is as it was in the beginning.");
    Ok(ExitCode::SUCCESS)
}

/// Asks; everything but `y` and `yes` is a no.
fn agreed(question: &str) -> Result<bool> {
    print!("{question}");
    io::stdout().flush().context("write the question")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("read the answer")?;
    if !answer.ends_with('\n') {
        println!();
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
