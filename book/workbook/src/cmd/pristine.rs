//! `cargo workbook pristine`: on the untouched stubs every milestone test must fail.

use super::{mistakes::silent, stubs};
use crate::{
    milestone::{self, Outcome, TestReport},
    tally::{Mark, Tally},
    tree::Tree,
    workspace::Workspace,
};
use anyhow::Result;
use std::process::ExitCode;

/// Flags of `pristine`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this chapter
    chapter: Option<u32>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapters = workspace.chosen(args.chapter)?;
    let tree = Tree::refresh(&workspace)?;
    let mut tally = Tally::default();
    for chapter in chapters {
        tally.head(&chapter.name);
        tree.put_exercise(&chapter, &stubs::pristine(&workspace, &chapter)?)?;
        let tested = milestone::test(&tree.cargo(chapter.number), &tree.chapter(&chapter), None)?;
        if tested.tests.is_empty() {
            tally.line("the tests", "", Mark::Failed(silent(&tested)));
        }
        for test in &tested.tests {
            tally.line(&test.test, &test.task, judge(test));
        }
    }
    Ok(tally.close())
}

/// A test that passes on a stub tests nothing.
fn judge(test: &TestReport) -> Mark {
    match test.result {
        Outcome::NotYet => Mark::Passed,
        Outcome::Failed | Outcome::TimedOut => Mark::Failed(format!(
            "it fails, but not because of a `todo!`: {}\n{}",
            test.observed, test.output
        )),
        Outcome::Skipped => Mark::Skipped(format!("skipped: needs {}", test.needs)),
        Outcome::Passed => Mark::Failed("it passes on code that does nothing".into()),
    }
}
