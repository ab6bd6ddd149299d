//! `cargo workbook start`: switches a chapter to the learner's code, and says where to begin.

use super::stubs::pristine;
use crate::{
    chapter_data::{self, names},
    current::named_or_current,
    mine,
    paint::{FAINT, PLACE, STRONG, paint, width, wrap},
    records::{Records, TaskState},
    source,
    workspace::{Chapter, Workspace, read, write},
};
use anstream::println;
use anyhow::Result;
use std::process::ExitCode;

/// Flags of `start`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number; the next one that is not finished when it is left out
    chapter: Option<u32>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapter = named_or_current(&workspace, args.chapter)?;
    if !chapter.exercise().is_file() {
        write(&chapter.exercise(), &pristine(&workspace, &chapter)?)?;
    }
    mine::add(&workspace, chapter.number)?;
    let (number, width) = (chapter.number, width());
    println!("{}", paint(STRONG, format!("Chapter {number} · {}", chapter.topic())));
    println!("{}", wrap("It now runs on your code, in the whole engine too.", "", width));
    println!();
    let page = workspace.root.join("book/src").join(format!("{}.md", chapter.name));
    if page.is_file() {
        println!("{}", labelled("the page", &workspace.shown(&page).to_string()));
    }
    println!("{}", labelled("your file", &workspace.shown(&chapter.exercise()).to_string()));
    if let Some(first) = first_task(&workspace, &chapter)? {
        println!("{}", labelled("begin with", &first));
    }
    println!(
        "{}",
        labelled("check it", &format!("cargo workbook check {number}   (or watch {number}: at every save)"))
    );
    println!("{}", labelled("stuck?", "cargo workbook hint"));
    Ok(ExitCode::SUCCESS)
}

/// The first task that has not passed: `1.2 Find the program: find_program, chapters/…/exercise.rs:12`.
fn first_task(workspace: &Workspace, chapter: &Chapter) -> Result<Option<String>> {
    let records = Records::load(workspace)?;
    let states = records.checks.get(&chapter.number).map(|check| &check.tasks);
    let open = |id: &str| states.and_then(|tasks| tasks.get(id)) != Some(&TaskState::Passed);
    let tasks = chapter_data::tasks(workspace, chapter)?;
    let Some(task) = tasks.iter().find(|task| open(&task.id)) else { return Ok(None) };
    let text = read(&chapter.exercise())?;
    let functions = source::functions(&text).unwrap_or_default();
    let line = functions.iter().find(|function| names(task).any(|name| name == function.name));
    let line = line.map_or_else(String::new, |function| format!(", line {}", function.line));
    Ok(Some(format!("task {}, {}: `{}`{line}", task.id, task.title, task.function)))
}

/// One line of the list.
fn labelled(label: &str, text: &str) -> String {
    let style = if text.starts_with("cargo") || text.ends_with(".rs") || text.ends_with(".md") {
        PLACE
    } else {
        STRONG
    };
    wrap(&paint(style, text), &format!("  {}", paint(FAINT, format!("{label:<12}"))), width())
}
