//! `cargo workbook solution`: shows the reference, all of it or one function with the helpers it calls.

use crate::{
    chapter_data,
    misuse::misuse,
    paint::{PLACE, paint},
    source::{self, Function, Role},
    workspace::Workspace,
};
use anstream::println;
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Flags of `solution`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number
    chapter: u32,
    /// A function, or a task like 1.2; the whole file when it is left out
    function: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapter = workspace.chapter(args.chapter)?;
    let path = chapter.solution();
    let text = chapter.reference()?;
    let shown = workspace.shown(&path).to_string();
    let Some(wanted) = args.function else {
        println!("{}\n\n{}", paint(PLACE, shown), text.trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    let functions = source::functions(&text).with_context(|| shown.clone())?;
    let chosen: Vec<_> = functions.iter().filter(|one| is(one, &wanted)).collect();
    if chosen.is_empty() {
        let tasks = chapter_data::tasks(&workspace, &chapter)?;
        let names: Vec<_> = tasks.iter().map(|task| format!("{} {}", task.id, task.function)).collect();
        return Err(misuse(format!(
            "chapter {} has no `{wanted}`; it has: {}",
            chapter.number,
            names.join("; ")
        )));
    }
    for function in with_helpers(&text, &functions, chosen) {
        println!(
            "{}\n{}\n",
            paint(PLACE, format!("{shown}:{}", function.line)),
            &text[function.whole.clone()]
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Is this the function of that name, or one of that task?
fn is(function: &Function, wanted: &str) -> bool {
    let short = function.name.rsplit("::").next();
    function.name == wanted
        || short == Some(wanted)
        || matches!(&function.role, Role::Task { id, .. } if id == wanted)
}

/// The chosen functions, and the private ones that they call, in the file's order.
fn with_helpers<'a>(text: &str, all: &'a [Function], chosen: Vec<&'a Function>) -> Vec<&'a Function> {
    let mut shown = chosen;
    let mut next = 0;
    while let Some(function) = shown.get(next).copied() {
        next += 1;
        for other in all.iter().filter(|other| !other.public) {
            let name = other.name.rsplit("::").next().unwrap_or_default();
            if calls(&text[function.body.clone()], name) && !shown.contains(&other) {
                shown.push(other);
            }
        }
    }
    shown.sort_by_key(|function| function.line);
    shown
}

/// Does the word `name` stand in `body`?
fn calls(body: &str, name: &str) -> bool {
    body.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == name)
}
