//! `cargo workbook mistakes`: tries each wrong solution of `mistakes.toml`, and sees that its test catches it.
//!
//! First the reference itself is tried as if the learner had written it: a test that fails there catches nothing.

use crate::{
    chapter_data::{self, Mistake},
    milestone::{self, Outcome, TestReport, Tested},
    tally::{Mark, Tally},
    tree::Tree,
    workspace::{Chapter, Workspace},
};
use anyhow::Result;
use std::{process::ExitCode, time::Instant};

/// Flags of `mistakes`.
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
        let mistakes = match chapter_data::mistakes(&workspace, &chapter) {
            Ok(mistakes) if mistakes.is_empty() => {
                tally.line("mistakes.toml", "", Mark::Failed("there is none, or it is empty".into()));
                continue;
            }
            Ok(mistakes) => mistakes,
            Err(error) => {
                tally.line("mistakes.toml", "", Mark::Failed(format!("{error:#}")));
                continue;
            }
        };
        let solution = chapter.reference()?;
        try_reference(&tree, &chapter, &solution, &mut tally)?;
        for mistake in mistakes {
            let begun = Instant::now();
            let mark = try_mistake(&tree, &chapter, &solution, &mistake)?;
            let note =
                format!("{}  {}  {:.1} s", mistake.task, mistake.caught_by, begun.elapsed().as_secs_f64());
            tally.line(&mistake.name, &note, mark);
        }
    }
    Ok(tally.close())
}

/// The reference must pass, or nothing that follows means anything.
fn try_reference(tree: &Tree, chapter: &Chapter, solution: &str, tally: &mut Tally) -> Result<()> {
    let begun = Instant::now();
    tree.put_exercise(chapter, solution)?;
    let tested = milestone::test(&tree.cargo(chapter.number), &tree.chapter(chapter), None)?;
    let bad = |test: &&TestReport| !matches!(test.result, Outcome::Passed | Outcome::Skipped);
    let failed: Vec<_> =
        tested.tests.iter().filter(bad).map(|test| format!("{}: {}", test.test, words(test))).collect();
    let mark = match tested.tests.is_empty() || !tested.ended.success() {
        true if failed.is_empty() => Mark::Failed(silent(&tested)),
        true => Mark::Failed(failed.join("\n")),
        false => Mark::Passed,
    };
    tally.line("the reference, which must pass", &format!("{:.1} s", begun.elapsed().as_secs_f64()), mark);
    Ok(())
}

/// Writes one mistake into the copy and runs the test that should catch it.
fn try_mistake(tree: &Tree, chapter: &Chapter, solution: &str, mistake: &Mistake) -> Result<Mark> {
    match solution.matches(&mistake.find).count() {
        1 => {}
        count => {
            return Ok(Mark::Failed(format!(
                "`find` occurs {count} times in solution.rs, not once:\n{}",
                mistake.find
            )));
        }
    }
    tree.put_exercise(chapter, &solution.replacen(&mistake.find, &mistake.replace, 1))?;
    let cargo = tree.cargo(chapter.number);
    let tested = milestone::test(&cargo, &tree.chapter(chapter), Some(&mistake.caught_by))?;
    let Some(test) = tested.tests.iter().find(|test| test.test == mistake.caught_by) else {
        return Ok(Mark::Failed(format!("no test `{}` was run. {}", mistake.caught_by, silent(&tested))));
    };
    Ok(judge(test, mistake))
}

/// Did the test fail, and with the right words?
fn judge(test: &TestReport, mistake: &Mistake) -> Mark {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match test.result {
        Outcome::Passed => Mark::Failed("not caught: the test passes".into()),
        Outcome::Skipped => Mark::Skipped(format!("skipped: needs {}", test.needs)),
        Outcome::NotYet => Mark::Failed("the code holds a `todo!`".into()),
        Outcome::Failed | Outcome::TimedOut if test.task != mistake.task => {
            Mark::Failed(format!("caught, but that test belongs to task {}, not {}", test.task, mistake.task))
        }
        Outcome::Failed | Outcome::TimedOut => {
            match squeezed(&words(test)).contains(&squeezed(&mistake.says)) {
                true => Mark::Passed,
                false => Mark::Failed(format!(
                    "caught, but it does not say `{}`; it says:\n{}",
                    mistake.says,
                    words(test)
                )),
            }
        }
    }
}

/// Everything that a failed test says.
fn words(test: &TestReport) -> String {
    let parts = [&test.observed, &test.means, &test.misconception, &test.output];
    parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// Why there is no report: mostly because the code does not compile.
pub(super) fn silent(tested: &Tested) -> String {
    let ended = &tested.ended;
    let lines: Vec<_> = ended.stderr.lines().chain(ended.stdout.lines()).collect();
    match (ended.status, lines.iter().position(|line| line.starts_with("error"))) {
        (None, _) => "The time was up, and it was killed.".into(),
        (_, Some(at)) => format!(
            "It does not build:\n{}",
            lines[at..].iter().take(12).copied().collect::<Vec<_>>().join("\n")
        ),
        (Some(status), None) => format!("There is no report ({status}).\n{}", lines.join("\n")),
    }
}
