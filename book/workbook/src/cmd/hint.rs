//! `cargo workbook hint`: one rung further down a task's ladder, from the concept to almost the answer.

use crate::{
    chapter_data::{self, Task},
    current::current,
    mine,
    misuse::misuse,
    paint::{FAINT, PLACE, STRONG, paint, width, wrap},
    records::{Records, TaskState},
    workspace::{Chapter, Workspace},
};
use anstream::println;
use anyhow::Result;
use std::process::ExitCode;

/// Flags of `hint`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The task, like 1.2, or a chapter, for the first task in it that fails; the chapter you are at when it is left out
    task: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut records = Records::load(&workspace)?;
    let task = match args.task {
        Some(id) => match id.parse() {
            Ok(number) => first_open(&workspace, &records, &workspace.chapter(number)?)?,
            Err(_) => named(&workspace, &id)?,
        },
        None => first_open(&workspace, &records, &at_hand(&workspace, &records)?)?,
    };
    if task.hints.is_empty() {
        return Err(misuse(format!("there are no hints for task {} yet", task.id)));
    }
    let rungs = task.hints.len();
    let opened = records.hints.get(&task.id).map_or(0, |count| (*count).min(rungs));
    let now = (opened + 1).min(rungs);
    println!("{}", render(&task, now, width()));
    records.hints.insert(task.id.clone(), now);
    records.save(&workspace)?;
    Ok(ExitCode::SUCCESS)
}

/// The rungs up to `now`; those seen before are faint.
fn render(task: &Task, now: usize, width: usize) -> String {
    let rungs = task.hints.len();
    let mut lines =
        vec![wrap(&paint(STRONG, format!("{} {} · {}", task.id, task.title, task.function)), "", width)];
    for (number, hint) in task.hints.iter().take(now).enumerate() {
        let number = number + 1;
        let style = if number == now { anstyle::Style::new() } else { FAINT };
        let head = paint(FAINT, format!("  {number}/{rungs} "));
        let text = hint.trim().lines().map(|line| paint(style, line)).collect::<Vec<_>>().join("\n");
        lines.push(wrap(&text, &head, width));
    }
    let chapter = task.id.split('.').next().unwrap_or_default();
    let first = chapter_data::names(task).next().unwrap_or_default();
    let (words, command) = match rungs - now {
        0 => ("That was the last one. The reference:", format!("cargo workbook solution {chapter} {first}")),
        1 => ("One more:", format!("cargo workbook hint {}", task.id)),
        _ => ("The next one:", format!("cargo workbook hint {}", task.id)),
    };
    lines.push(wrap(&format!("{words} {}", paint(PLACE, command)), "", width));
    lines.join("\n")
}

/// The task `id`.
fn named(workspace: &Workspace, id: &str) -> Result<Task> {
    let number = id.split_once('.').and_then(|(chapter, task)| {
        task.parse::<u32>().ok()?;
        chapter.parse().ok()
    });
    let Some(number) = number else {
        return Err(misuse(format!("`{id}` is no task; tasks are named like 1.2")));
    };
    let tasks = of_chapter(workspace, &workspace.chapter(number)?)?;
    let ids: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
    tasks
        .into_iter()
        .find(|task| task.id == id)
        .ok_or_else(|| misuse(format!("there is no task {id}; chapter {number} has: {}", ids.join(", "))))
}

/// The chapter that the learner is at; none when they have finished one and not started the next.
fn at_hand(workspace: &Workspace, records: &Records) -> Result<Chapter> {
    let chapter = current(workspace)?;
    let begun = mine::list(workspace)?.contains(&chapter.number);
    let before = workspace.chapters()?.into_iter().rfind(|other| other.number < chapter.number);
    match before.filter(|before| !begun && records.finished(before.number)) {
        Some(before) => Err(misuse(format!(
            "every task of chapter {} passes, and chapter {next} is not started: cargo workbook start {next}",
            before.number,
            next = chapter.number
        ))),
        None => Ok(chapter),
    }
}

/// The first task of a chapter that failed in its last check, or was never checked.
fn first_open(workspace: &Workspace, records: &Records, chapter: &Chapter) -> Result<Task> {
    let tasks = of_chapter(workspace, chapter)?;
    let state = |task: &Task| records.checks.get(&chapter.number)?.tasks.get(&task.id).copied();
    let open = |task: &Task| {
        !matches!(state(task), Some(TaskState::Passed | TaskState::Skipped | TaskState::Waiting))
    };
    let waiting = |task: &Task| state(task) == Some(TaskState::Waiting);
    let found = tasks.iter().find(|task| open(task)).or_else(|| tasks.iter().find(|task| waiting(task)));
    found.cloned().ok_or_else(|| {
        misuse(format!(
            "every task of chapter {} passes; name the one you mean, like {}.1",
            chapter.number, chapter.number
        ))
    })
}

/// The tasks of a chapter that has hints.
fn of_chapter(workspace: &Workspace, chapter: &Chapter) -> Result<Vec<Task>> {
    if !chapter.hints().is_file() {
        return Err(misuse(format!("chapter {} has no hints yet", chapter.number)));
    }
    chapter_data::tasks(workspace, chapter)
}
