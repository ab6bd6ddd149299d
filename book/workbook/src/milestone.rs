//! Runs the milestone test of a chapter and reads its report.

use crate::{
    cargo::Cargo,
    process::{self, Ended},
    workspace::{Chapter, read},
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::thread;

/// One line of the report that the test kit writes: one test.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TestReport {
    /// The test's name, a sentence.
    pub(crate) test: String,
    /// The task it belongs to.
    pub(crate) task: String,
    /// How it went.
    pub(crate) result: Outcome,
    /// What was seen.
    #[serde(default)]
    pub(crate) observed: String,
    /// What that means.
    #[serde(default)]
    pub(crate) means: String,
    /// What people believe who write this.
    #[serde(default)]
    pub(crate) misconception: String,
    /// For a skipped test: what is missing.
    #[serde(default)]
    pub(crate) needs: String,
    /// And what would help.
    #[serde(default)]
    pub(crate) fix: String,
    /// For a test that met a `todo!`: the task it stands in.
    #[serde(default)]
    pub(crate) blocked_by: String,
    /// What the program printed.
    #[serde(default)]
    pub(crate) output: String,
}

/// How a test went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// This machine lacks something.
    Skipped,
    /// A `todo!` was met.
    NotYet,
    /// The program was killed when its time was up.
    TimedOut,
}

/// What one run of the tests gave.
pub(crate) struct Tested {
    /// A report for each test.
    pub(crate) tests: Vec<TestReport>,
    /// How the test program ended.
    pub(crate) ended: Ended,
}

/// Runs the milestone test of `chapter`, all of it or the one test named.
pub(crate) fn test(cargo: &Cargo, chapter: &Chapter, only: Option<&str>) -> Result<Tested> {
    // Not below the workspace: after one run with sudo, an ordinary user could not write there any more.
    let folder = tempfile::Builder::new()
        .prefix("coracle-report-")
        .tempdir()
        .context("make a folder for the report")?;
    let report = folder.path().join("report.json");
    let threads = thread::available_parallelism().map_or(2, usize::from).clamp(1, 4).to_string();
    let mut command = cargo.command(&["test", "-q", "-p", &chapter.package(), "--test", "milestone", "--"]);
    command.args(["--test-threads", &threads]).env("CORACLE_REPORT", &report);
    if let Some(name) = only {
        command.args(["--exact", name]);
    }
    let ended = process::in_group(&mut command, process::patience(300.0), |_| {})?;
    let lines = if report.is_file() { read(&report)? } else { String::new() };
    let mut tests: Vec<TestReport> = lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("read the test report: {line}")))
        .collect::<Result<_>>()?;
    // They ran side by side, and are told in the order of the list: the first is about what the others stand on.
    let list = read(&chapter.folder.join("tests/milestone.rs")).unwrap_or_default();
    tests.sort_by_key(|test| list.find(&format!("=> {}", test.test)).unwrap_or(usize::MAX));
    Ok(Tested { tests, ended })
}
