//! The two data files of a chapter: `hints.toml` and `mistakes.toml`.

use crate::{
    source::{self, Role},
    workspace::{Chapter, Workspace, read},
};
use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use std::path::Path;

/// One task and its ladder of hints.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    /// `1.1`.
    pub(crate) id: String,
    /// `Change the root`.
    pub(crate) title: String,
    /// The function to write; several are joined by commas.
    pub(crate) function: String,
    /// Concept, man page, where to look, almost the answer.
    pub(crate) hints: Vec<String>,
}

/// One wrong solution that people really write.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mistake {
    /// `no chdir after chroot`.
    pub(crate) name: String,
    /// The task it belongs to.
    pub(crate) task: String,
    /// Text of the reference, which must occur there exactly once …
    pub(crate) find: String,
    /// … and what stands there instead.
    pub(crate) replace: String,
    /// The test that must fail.
    pub(crate) caught_by: String,
    /// Words that this test must say.
    pub(crate) says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HintsFile {
    /// What the runtime can do when the chapter is done, in a sentence or two.
    #[serde(default)]
    done: String,
    #[serde(default)]
    task: Vec<Task>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MistakesFile {
    #[serde(default)]
    mistake: Vec<Mistake>,
}

/// The tasks of a chapter: from `hints.toml`, or, when there is none, from the reference's doc comments.
pub(crate) fn tasks(workspace: &Workspace, chapter: &Chapter) -> Result<Vec<Task>> {
    if chapter.hints().is_file() {
        return Ok(toml::<HintsFile>(workspace, &chapter.hints())?.task);
    }
    let mut tasks: Vec<Task> = Vec::new();
    for (id, sentence, function) in tasks_in_source(workspace, chapter)? {
        match tasks.iter_mut().find(|task| task.id == id) {
            Some(task) => task.function = format!("{}, {function}", task.function),
            None => tasks.push(Task {
                id,
                title: sentence.trim_end_matches('.').to_owned(),
                function,
                hints: Vec::new(),
            }),
        }
    }
    Ok(tasks)
}

/// What the runtime can do now: `done` of `hints.toml`, else what the milestone's header says.
pub(crate) fn achievement(workspace: &Workspace, chapter: &Chapter) -> Result<String> {
    if chapter.hints().is_file() {
        let done = toml::<HintsFile>(workspace, &chapter.hints())?.done;
        if !done.is_empty() {
            return Ok(done.trim().to_owned());
        }
    }
    let text = if chapter.milestone().is_file() { read(&chapter.milestone())? } else { String::new() };
    let header = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let first: Vec<_> = header.take_while(|line| !line.is_empty()).collect();
    Ok(format!("Your runtime: {}", first.join(" ")))
}

/// The wrong solutions of a chapter; none when there is no file.
pub(crate) fn mistakes(workspace: &Workspace, chapter: &Chapter) -> Result<Vec<Mistake>> {
    if !chapter.mistakes().is_file() {
        return Ok(Vec::new());
    }
    Ok(toml::<MistakesFile>(workspace, &chapter.mistakes())?.mistake)
}

/// Id, sentence and function name of each task function of the reference.
fn tasks_in_source(workspace: &Workspace, chapter: &Chapter) -> Result<Vec<(String, String, String)>> {
    let path = chapter.solution();
    let functions =
        source::functions(&chapter.reference()?).with_context(|| workspace.shown(&path).to_string())?;
    Ok(functions
        .into_iter()
        .filter_map(|function| match function.role {
            Role::Task { id, sentence } => Some((id, sentence, function.name)),
            _ => None,
        })
        .collect())
}

/// Do the hints name just the tasks and functions that the reference has?
pub(crate) fn check_hints(workspace: &Workspace, chapter: &Chapter) -> Result<()> {
    let hints = workspace.shown(&chapter.hints()).to_string();
    ensure!(chapter.hints().is_file(), "{hints} is missing");
    let tasks = tasks(workspace, chapter)?;
    let written = tasks_in_source(workspace, chapter)?;
    for (id, _, function) in &written {
        let task = tasks.iter().find(|task| &task.id == id);
        let task = task.ok_or_else(|| anyhow!("{hints} has no task {id} (`{function}`)"))?;
        ensure!(
            names(task).any(|name| name == function),
            "{hints}: task {id} does not name its function `{function}`"
        );
    }
    for task in &tasks {
        let id = &task.id;
        ensure!(written.iter().any(|(other, ..)| other == id), "{hints}: the reference has no task {id}");
        ensure!(!task.hints.is_empty(), "{hints}: task {id} has no hints");
        for name in names(task) {
            ensure!(
                written.iter().any(|(other, _, function)| other == id && function == name),
                "{hints}: task {id} has no function `{name}` in the reference"
            );
        }
    }
    Ok(())
}

/// The functions of a task, one by one.
pub(crate) fn names(task: &Task) -> impl Iterator<Item = &str> {
    task.function.split([',', ' ']).map(|name| name.trim_matches('`')).filter(|name| !name.is_empty())
}

/// Reads a TOML file; the error is one sentence with the file and the line.
fn toml<T: DeserializeOwned>(workspace: &Workspace, path: &Path) -> Result<T> {
    let text = read(path)?;
    toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text[..at].matches('\n').count() + 1;
        let message = error.message().replace('\n', " ");
        anyhow!("{}, line {line}: {message}", workspace.shown(path))
    })
}
