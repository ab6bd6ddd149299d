//! From the reports of single tests to a verdict on each task.

pub(crate) mod render;
#[cfg(test)]
mod tests;

use crate::{
    chapter_data::{self, Task},
    milestone::{Outcome, TestReport},
    records::TaskState,
    source,
};
use std::collections::BTreeMap;

/// A chapter's verdict.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// One entry for each task, in the book's order.
    pub(crate) tasks: Vec<Judged>,
    /// Tests that belong to no task of the chapter.
    pub(crate) others: Vec<TestReport>,
}

/// One task's verdict.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The task.
    pub(crate) task: Task,
    /// What its tests say together.
    pub(crate) state: TaskState,
    /// The tests.
    pub(crate) tests: Vec<TestReport>,
    /// Is a `todo!` of its own still there?
    pub(crate) unwritten: bool,
}

impl Verdict {
    /// Sorts the reports by task; `exercise` is the text of the learner's file.
    pub(crate) fn new(tasks: Vec<Task>, mut reports: Vec<TestReport>, exercise: &str) -> Self {
        let bodies = bodies(exercise);
        let mut judged = Vec::new();
        for task in tasks {
            let (tests, rest) = reports.into_iter().partition(|report| report.task == task.id);
            reports = rest;
            let unwritten = chapter_data::names(&task)
                .any(|name| bodies.get(name).is_some_and(|body| body.contains("todo!(")));
            judged.push(Judged { state: state(&task.id, &tests), task, tests, unwritten });
        }
        Self { tasks: judged, others: reports }
    }

    /// Passed, as far as this machine can tell.
    pub(crate) fn passed(&self) -> bool {
        let fine = |state| matches!(state, TaskState::Passed | TaskState::Skipped);
        self.tasks.iter().all(|judged| fine(judged.state))
            && self.others.iter().all(|test| matches!(test.result, Outcome::Passed | Outcome::Skipped))
            && self.tasks.iter().any(|judged| judged.state == TaskState::Passed)
    }

    /// What the records keep.
    pub(crate) fn states(&self) -> BTreeMap<String, TaskState> {
        self.tasks.iter().map(|judged| (judged.task.id.clone(), judged.state)).collect()
    }
}

/// The worst that a task's tests say decides. A task without tests counts as skipped.
fn state(id: &str, tests: &[TestReport]) -> TaskState {
    let has = |outcome| tests.iter().any(|test| test.result == outcome);
    let own_todo = |test: &TestReport| test.result == Outcome::NotYet && test.blocked_by == id;
    if tests.iter().any(own_todo) {
        TaskState::Todo
    } else if has(Outcome::Failed) || has(Outcome::TimedOut) {
        TaskState::Failed
    } else if has(Outcome::NotYet) {
        TaskState::Waiting
    } else if has(Outcome::Passed) {
        TaskState::Passed
    } else {
        TaskState::Skipped
    }
}

/// The body of each function; nothing when the file is not Rust.
fn bodies(text: &str) -> BTreeMap<String, &str> {
    let functions = source::functions(text).unwrap_or_default();
    functions.into_iter().map(|function| (function.name, &text[function.body])).collect()
}
