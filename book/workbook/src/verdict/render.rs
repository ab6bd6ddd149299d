//! A verdict as text, at a given width, colours included.
//!
//! ```text
//! ✗ 1.1 Change the root · chroot_into
//!   working_directory_is_the_new_root
//!   observed  `pwd` printed "/tmp/x"
//!   means     the process still stands in a directory of the old root
//!   usually   chroot() changes what `/` means, not where you stand
//!   next      cargo workbook hint 1.1
//! ```

use super::{Judged, Verdict};
use crate::{
    milestone::{Outcome, TestReport},
    paint::{self, BAD, CARE, FAINT, GOOD, STRONG, paint, wrap},
    records::TaskState,
};

/// A line of a report may hold a whole script; the learner needs its beginning.
const MOST_LINES: usize = 8;

/// The whole verdict. `place` says where a function of the learner's file stands.
pub(crate) fn verdict(verdict: &Verdict, place: &dyn Fn(&str) -> String, width: usize) -> String {
    let mut blocks: Vec<String> =
        verdict.tasks.iter().map(|judged| task(judged, verdict, place, width)).collect();
    let broken = |test: &&TestReport| !matches!(test.result, Outcome::Passed | Outcome::Skipped);
    for test in verdict.others.iter().filter(broken) {
        blocks.push(format!("{}\n{}", paint(BAD, "✗ outside the tasks"), failure(test, width)));
    }
    blocks.join("\n")
}

/// One task: a head, and what there is to say below it.
fn task(judged: &Judged, verdict: &Verdict, place: &dyn Fn(&str) -> String, width: usize) -> String {
    let mark = match judged.state {
        TaskState::Passed => paint(GOOD, "✓"),
        TaskState::Skipped => paint(CARE, "–"),
        _ => paint(BAD, "✗"),
    };
    let task = &judged.task;
    let head = format!("{} {} · {}", paint(STRONG, &task.id), task.title, task.function);
    let mut lines = vec![wrap(&head, &format!("{mark} "), width)];
    match judged.state {
        TaskState::Passed => {}
        TaskState::Failed => lines.push(failures(judged, width)),
        TaskState::Todo => lines.push(todo(judged, place, width)),
        TaskState::Waiting => lines.push(waiting(judged, verdict, width)),
        TaskState::Skipped if judged.tests.is_empty() => {
            lines.push(wrap("no test of this run belongs to it", "  ", width));
        }
        TaskState::Skipped => {}
    }
    lines.extend(skipped(judged, width));
    if matches!(judged.state, TaskState::Failed | TaskState::Todo) && !task.hints.is_empty() {
        lines.push(labelled("next", &format!("cargo workbook hint {}", helpful(judged, verdict)), width));
    }
    lines.join("\n")
}

/// The task whose hint helps: its own, or that of the task which kept its test from seeing anything.
fn helpful<'a>(judged: &'a Judged, verdict: &'a Verdict) -> &'a str {
    let first = judged.tests.iter().find(|test| test.result == Outcome::Failed);
    let Some(first) = first.filter(|test| !test.blocked_by.is_empty()) else { return &judged.task.id };
    let bad = |other: &&Judged| matches!(other.state, TaskState::Failed | TaskState::Todo);
    let culprit = verdict.tasks.iter().filter(bad).find(|other| other.task.id != judged.task.id);
    culprit.map_or(&first.blocked_by, |other| &other.task.id)
}

/// The first test that failed in full, the others by name.
fn failures(judged: &Judged, width: usize) -> String {
    let bad = |test: &&TestReport| matches!(test.result, Outcome::Failed | Outcome::TimedOut);
    let mut failed = judged.tests.iter().filter(bad);
    let mut lines: Vec<String> = failed.next().map(|first| failure(first, width)).into_iter().collect();
    let others: Vec<_> = failed.map(|test| test.test.as_str()).collect();
    if !others.is_empty() {
        lines.push(labelled("also", &others.join(", "), width));
    }
    lines.join("\n")
}

/// A failed test: its name and three short lines; what it printed, when it says nothing else.
fn failure(test: &TestReport, width: usize) -> String {
    let mut lines = vec![wrap(&paint(FAINT, &test.test), "  ", width)];
    let said = [("observed", &test.observed), ("means", &test.means), ("usually", &test.misconception)];
    for (label, text) in said.into_iter().filter(|(_, text)| !text.is_empty()) {
        lines.push(paint::clip(&labelled(label, text, width), MOST_LINES));
    }
    if test.observed.is_empty() && test.result == Outcome::TimedOut {
        lines.push(labelled("observed", "the program did not end in time and was killed", width));
    } else if test.observed.is_empty() {
        let output = if test.output.is_empty() { "it failed and printed nothing" } else { &test.output };
        let skipped = output.trim().lines().count().saturating_sub(MOST_LINES);
        let last: Vec<_> = output.trim().lines().skip(skipped).collect();
        lines.push(labelled("printed", &last.join("\n"), width));
    }
    lines.join("\n")
}

/// The task's own `todo!` was met.
fn todo(judged: &Judged, place: &dyn Fn(&str) -> String, width: usize) -> String {
    let first = crate::chapter_data::names(&judged.task).next().unwrap_or_default();
    let text = format!("still `todo!`: write it in {}", place(first));
    wrap(&text, "  ", width)
}

/// Another task's `todo!` stands in the way.
fn waiting(judged: &Judged, verdict: &Verdict, width: usize) -> String {
    let blocked = judged.tests.iter().find(|test| test.result == Outcome::NotYet);
    let other = blocked.map_or("another", |test| test.blocked_by.as_str());
    let text = if judged.unwritten {
        format!("not reached: task {other} comes first and is still `todo!`")
    } else {
        let left = verdict.tasks.iter().filter(|judged| judged.unwritten && judged.task.id != other);
        let left: Vec<_> = left.map(|judged| judged.task.id.as_str()).collect();
        let too = match &left[..] {
            [] => String::new(),
            [one] => format!(", and so is {one}"),
            [more @ .., last] => format!(", and so are {} and {last}", more.join(", ")),
        };
        format!("written; it can be tried when task {other} is written too (still `todo!`{too})")
    };
    wrap(&text, "  ", width)
}

/// The tests that could not run here, with the reason.
fn skipped(judged: &Judged, width: usize) -> Vec<String> {
    let skipped = judged.tests.iter().filter(|test| test.result == Outcome::Skipped);
    skipped
        .map(|test| {
            let needs = if test.needs.is_empty() { "something this machine lacks" } else { &test.needs };
            let fix = if test.fix.is_empty() { String::new() } else { format!(" ({})", test.fix) };
            let text = format!("{} {} {needs}{fix}", test.test, paint(CARE, "skipped: needs"));
            wrap(&text, "  ", width)
        })
        .collect()
}

/// `  observed  text`, wrapped with the text set in.
fn labelled(label: &str, text: &str, width: usize) -> String {
    wrap(text, &format!("  {}", paint(FAINT, format!("{label:<10}"))), width)
}
