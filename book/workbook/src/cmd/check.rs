//! `cargo workbook check`: the milestone tests of a chapter on the learner's code, told task by task.

use crate::{
    cargo::{Built, Cargo, Diagnostic, milestone_of, own_words},
    chapter_data,
    current::named_or_current,
    milestone::{self, Tested},
    paint::{self, BAD, CARE, GOOD, PLACE, STRONG, paint, wrap},
    records::{self, Check, Records, TaskState},
    source,
    verdict::{Verdict, render},
    workspace::{Chapter, Workspace, read},
};
use anstream::{print, println};
use anyhow::{Result, anyhow};
use std::process::ExitCode;

/// Flags of `check`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number; the one you are at when it is left out
    chapter: Option<u32>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapter = named_or_current(&workspace, args.chapter)?;
    Ok(if check(&workspace, &chapter)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks a chapter and tells what was found; true when all of it passed.
pub(crate) fn check(workspace: &Workspace, chapter: &Chapter) -> Result<bool> {
    println!("{}\n", paint(STRONG, format!("Chapter {} · {} · your code", chapter.number, chapter.topic())));
    let width = paint::width();
    let verdict = match try_out(workspace, chapter)? {
        Found::Broken(errors) => {
            print!("{}", broken(workspace, chapter, &errors, width));
            return Ok(false);
        }
        Found::Verdict(verdict) => verdict,
    };
    let text = read(&chapter.exercise())?;
    let functions = source::functions(&text).unwrap_or_default();
    let file = workspace.shown(&chapter.exercise()).to_string();
    let place = |name: &str| match functions.iter().find(|function| function.name == name) {
        Some(function) => format!("{file}:{}", function.line),
        None => file.clone(),
    };
    println!("{}\n", render::verdict(&verdict, &place, width));
    println!("{}", closing(workspace, chapter, &verdict, width)?);
    Ok(verdict.passed())
}

/// What trying a chapter gives.
pub(crate) enum Found {
    /// It does not compile.
    Broken(Vec<Diagnostic>),
    /// It was tested.
    Verdict(Verdict),
}

/// Builds and tests a chapter on the learner's code, prints nothing, and remembers what was found.
pub(crate) fn try_out(workspace: &Workspace, chapter: &Chapter) -> Result<Found> {
    let cargo = Cargo::on_learners_code(workspace, chapter.number)?;
    let tasks = chapter_data::tasks(workspace, chapter)?;
    let exercise = chapter.exercise();
    if !exercise.is_file() {
        let shown = workspace.shown(&exercise);
        return Err(anyhow!("{shown} is missing; cargo workbook reset {} makes it", chapter.number));
    }
    let milestone = milestone_of(chapter);
    let mut words = vec!["test", "--no-run"];
    words.extend(milestone.iter().map(String::as_str));
    match cargo.build(&words)? {
        Built::Ready(_) => {}
        Built::Broken(errors) => return Ok(Found::Broken(errors)),
        Built::Failed(stderr) => return Err(own_words(&stderr)),
    }
    let tested = milestone::test(&cargo, chapter, None)?;
    let verdict = Verdict::new(tasks, tested.tests.clone(), &read(&exercise)?);
    complete(&tested, &verdict)?;
    remember(workspace, chapter, &verdict)?;
    Ok(Found::Verdict(verdict))
}

/// A test program that was killed, or that failed without saying why, is not a verdict.
fn complete(tested: &Tested, verdict: &Verdict) -> Result<()> {
    let ended = &tested.ended;
    let tail = |text: &str| {
        text.lines().rev().take(15).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    };
    let (out, err) = (tail(&ended.stdout), tail(&ended.stderr));
    match ended.status {
        None => Err(anyhow!(
            "the tests did not end in time and were killed, with all that they had started\n{out}\n{err}"
        )),
        Some(status) if tested.tests.is_empty() => {
            Err(anyhow!("the tests ended without a report ({status})\n{out}\n{err}"))
        }
        Some(status) if !status.success() && verdict.passed() => {
            Err(anyhow!("every test passed, yet the test program ended with {status}\n{out}\n{err}"))
        }
        Some(_) => Ok(()),
    }
}

/// rustc's own words; those about the learner's file first, and alone when there are any.
pub(super) fn broken(
    workspace: &Workspace,
    chapter: &Chapter,
    errors: &[Diagnostic],
    width: usize,
) -> String {
    let own = workspace.shown(&chapter.exercise()).to_string();
    let wanted: [&dyn Fn(&str) -> bool; 3] =
        [&|file| file == own, &|file| file.ends_with("exercise.rs"), &|_| true];
    let of_file =
        |wanted: &dyn Fn(&str) -> bool| errors.iter().filter(|error| wanted(&error.file)).collect::<Vec<_>>();
    let shown = wanted.into_iter().map(of_file).find(|list| !list.is_empty()).unwrap_or_default();
    let mut text = wrap("Your code does not compile yet; this is rustc speaking:", "", width) + "\n\n";
    shown.iter().for_each(|error| text += &format!("{}\n\n", error.rendered.trim_end_matches('\n')));
    let left = match errors.len() - shown.len() {
        0 => "",
        1 => "One more error elsewhere is left out: it may well follow from these.",
        _ => "More errors elsewhere are left out: they may well follow from these.",
    };
    let contract = match errors.iter().any(|error| error.file.ends_with("src/lib.rs")) {
        true => {
            "lib.rs holds the chapter's contract. It says that a function of yours is missing, or has another signature than the one it came with."
        }
        false => "",
    };
    for note in [left, contract].into_iter().filter(|note| !note.is_empty()) {
        text += &format!("{}\n\n", wrap(note, "", width));
    }
    text + &wrap(
        &format!("nothing was run; edit {own} and check again"),
        &format!("{} ", paint(BAD, "✗")),
        width,
    ) + "\n"
}

/// Keeps what was found for `progress`, `hint` and `start`.
fn remember(workspace: &Workspace, chapter: &Chapter, verdict: &Verdict) -> Result<()> {
    let mut records = Records::load(workspace)?;
    records.checks.insert(chapter.number, Check { at: records::now(), tasks: verdict.states() });
    records.save(workspace)
}

/// What to do now.
fn closing(workspace: &Workspace, chapter: &Chapter, verdict: &Verdict, width: usize) -> Result<String> {
    let done = verdict.tasks.iter().filter(|judged| judged.state == TaskState::Passed).count();
    let skipped = verdict
        .tasks
        .iter()
        .flat_map(|judged| &judged.tests)
        .filter(|test| test.result == milestone::Outcome::Skipped)
        .count();
    let mut lines = Vec::new();
    if skipped > 0 {
        let words = format!(
            "{skipped} of the tests could not run here; `cargo workbook doctor` says what they lack."
        );
        lines.push(wrap(&words, &format!("{} ", paint(CARE, "–")), width));
    }
    if !verdict.passed() {
        lines.push(wrap(&format!("{done} of {} tasks pass.", verdict.tasks.len()), "", width));
        return Ok(lines.join("\n"));
    }
    let praise = match skipped {
        0 => format!("Well done: chapter {} is yours.", chapter.number),
        _ => format!("Well done: all of chapter {} that can run here passes.", chapter.number),
    };
    lines.push(wrap(&paint(GOOD, praise), "", width));
    lines.push(wrap(&chapter_data::achievement(workspace, chapter)?, "", width));
    let next = workspace.chapters()?.into_iter().find(|other| other.number > chapter.number);
    let mut commands = vec![format!("cargo workbook run {} -- sh", chapter.number)];
    match next {
        Some(next) => commands.push(format!("cargo workbook start {}", next.number)),
        None => commands.push("cargo workbook progress".to_owned()),
    }
    lines.push(format!("{} {}", paint(STRONG, "Try it:"), paint(PLACE, &commands[0])));
    lines.push(format!("{} {}", paint(STRONG, "Go on: "), paint(PLACE, &commands[1])));
    Ok(lines.join("\n"))
}
