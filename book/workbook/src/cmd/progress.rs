//! `cargo workbook progress`: what the last check of each chapter found, as a table, or for a class's grading.

use crate::{
    chapter_data, mine,
    paint::{self, BAD, CARE, FAINT, GOOD, STRONG, paint},
    records::{self, Records, TaskState},
    workspace::{Chapter, Workspace},
};
use anstream::println;
use anyhow::{Context, Result};
use serde::Serialize;
use std::{
    fmt::Write,
    process::ExitCode,
    time::{Duration, UNIX_EPOCH},
};

/// Flags of `progress`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The ways to print it.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For scripts
    Json,
    /// For a class: one test suite a chapter, one test case a task
    Junit,
}

/// One chapter, as JSON prints it.
#[derive(Serialize)]
struct Row {
    chapter: u32,
    name: String,
    /// `yours` or `reference`: what the engine runs on.
    code: &'static str,
    /// When it was last checked, in seconds since 1970.
    checked: Option<u64>,
    /// The learner's file was saved after that.
    changed_since: bool,
    tasks: Vec<Cell>,
}

/// One task.
#[derive(Serialize)]
struct Cell {
    id: String,
    title: String,
    state: Option<TaskState>,
    hints: usize,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let records = Records::load(&workspace)?;
    let chapters = workspace.chapters()?;
    let rows: Vec<_> =
        chapters.iter().map(|chapter| row(&workspace, &records, chapter)).collect::<Result<_>>()?;
    match args.format {
        Format::Table => table(&rows),
        Format::Json => println!("{}", serde_json::to_string_pretty(&rows).context("write JSON")?),
        Format::Junit => println!("{}", junit(&rows)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Gathers what is known about a chapter.
fn row(workspace: &Workspace, records: &Records, chapter: &Chapter) -> Result<Row> {
    let check = records.checks.get(&chapter.number);
    let saved = chapter.exercise().metadata().and_then(|meta| meta.modified()).ok();
    let after = |at: u64| saved.is_some_and(|time| time > UNIX_EPOCH + Duration::from_secs(at + 1));
    let tasks = chapter_data::tasks(workspace, chapter)?.into_iter().map(|task| Cell {
        state: check.and_then(|check| check.tasks.get(&task.id)).copied(),
        hints: records.hints.get(&task.id).copied().unwrap_or(0),
        id: task.id,
        title: task.title,
    });
    Ok(Row {
        chapter: chapter.number,
        name: chapter.topic().to_owned(),
        code: if mine::list(workspace)?.contains(&chapter.number) { "yours" } else { "reference" },
        checked: check.map(|check| check.at),
        changed_since: check.is_some_and(|check| after(check.at)),
        tasks: tasks.collect(),
    })
}

/// As many columns as there is room for; the first ones always.
fn table(rows: &[Row]) {
    let widest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let most = rows.iter().map(|row| row.tasks.len()).max().unwrap_or(0);
    for row in rows {
        let done = row.tasks.iter().filter(|task| task.state == Some(TaskState::Passed)).count();
        let marks: String = row.tasks.iter().map(|task| mark(task.state)).collect();
        let gap = " ".repeat(most - row.tasks.len());
        let mut line = format!(
            "{} {:<widest$}  {marks}{gap}  {done} of {}",
            paint(STRONG, format!("{:>2}", row.chapter)),
            row.name,
            row.tasks.len()
        );
        let hints: usize = row.tasks.iter().map(|task| task.hints).sum();
        let opened = if hints == 1 { " 1 hint ".to_owned() } else { format!("{hints:>2} hints") };
        for more in [format!("{:<9}", row.code), opened, when(row)] {
            let longer = format!("{line}  {}", paint(FAINT, more));
            if textwrap::core::display_width(&longer) <= paint::width() {
                line = longer;
            }
        }
        println!("{line}");
    }
}

/// One letter for a task.
fn mark(state: Option<TaskState>) -> String {
    match state {
        Some(TaskState::Passed) => paint(GOOD, "✓"),
        Some(TaskState::Failed) => paint(BAD, "✗"),
        Some(TaskState::Skipped) => paint(CARE, "–"),
        Some(TaskState::Todo | TaskState::Waiting) | None => paint(FAINT, "·"),
    }
}

/// `checked 5 minutes ago`.
fn when(row: &Row) -> String {
    let Some(at) = row.checked else { return "not checked yet".into() };
    let seconds = records::now().saturating_sub(at);
    let (count, unit) = match seconds {
        0..60 => {
            return format!("checked just now{}", if row.changed_since { ", changed since" } else { "" });
        }
        60..3600 => (seconds / 60, "minute"),
        3600..86400 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("checked {count} {unit}{plural} ago{}", if row.changed_since { ", changed since" } else { "" })
}

/// JUnit's XML, as course platforms read it.
fn junit(rows: &[Row]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"coracle\">\n");
    for row in rows {
        let count = |wanted: fn(Option<TaskState>) -> bool| {
            row.tasks.iter().filter(|task| wanted(task.state)).count()
        };
        let skipped = count(|state| state == Some(TaskState::Skipped));
        let passed = count(|state| state == Some(TaskState::Passed));
        let head = format!(
            "  <testsuite name=\"{:02}-{}\" tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\">",
            row.chapter,
            escape(&row.name),
            row.tasks.len(),
            row.tasks.len() - passed - skipped
        );
        writeln!(out, "{head}").expect("writing to a string cannot fail");
        for task in &row.tasks {
            let inner = match task.state {
                Some(TaskState::Passed) => String::new(),
                Some(TaskState::Skipped) => "<skipped message=\"this machine lacks what it needs\"/>".into(),
                Some(state) => format!("<failure message=\"{}\"/>", state.word()),
                None => "<failure message=\"not checked yet\"/>".into(),
            };
            let name = escape(&format!("{} {}", task.id, task.title));
            writeln!(
                out,
                "    <testcase classname=\"{}\" name=\"{name}\">{inner}</testcase>",
                escape(&row.name)
            )
            .expect("writing to a string cannot fail");
        }
        out += "  </testsuite>\n";
    }
    out + "</testsuites>"
}

/// For XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
