//! The report: a line of JSON for each test, for the learner's command to read.

use crate::outcome::{Failure, Verdict};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Names the file to which the lines are appended.
const VARIABLE: &str = "CORACLE_REPORT";

/// One test and how it came out.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) test: &'a str,
    pub(crate) task: &'a str,
    pub(crate) result: Verdict,
    pub(crate) observed: &'a str,
    pub(crate) means: &'a str,
    pub(crate) misconception: &'a str,
    /// What this machine lacks, for a skipped test.
    pub(crate) needs: &'a str,
    /// What would help then.
    pub(crate) fix: &'a str,
    /// The task that is still `todo!()`.
    pub(crate) blocked_by: &'a str,
    /// What the test's programs printed.
    pub(crate) output: &'a str,
}

impl<'a> Line<'a> {
    /// A test that passed.
    pub(crate) fn passed(test: &'a str, task: &'a str) -> Line<'a> {
        Line {
            test,
            task,
            result: Verdict::Passed,
            observed: "",
            means: "",
            misconception: "",
            needs: "",
            fix: "",
            blocked_by: "",
            output: "",
        }
    }

    /// One that this machine cannot run.
    pub(crate) fn skipped(test: &'a str, task: &'a str, needs: &'a str, fix: &'a str) -> Line<'a> {
        Line { result: Verdict::Skipped, needs, fix, ..Line::passed(test, task) }
    }

    /// One that failed, and what its programs printed.
    pub(crate) fn failed(test: &'a str, task: &'a str, why: &'a Failure, output: &'a str) -> Line<'a> {
        Line {
            result: why.verdict,
            observed: &why.observed,
            means: &why.means,
            misconception: &why.misconception,
            blocked_by: why.blocked_by.as_deref().unwrap_or_default(),
            output,
            ..Line::passed(test, task)
        }
    }

    /// Appends the line to the report, if one is wanted.
    pub(crate) fn write(&self) {
        let Some(path) = std::env::var_os(VARIABLE) else { return };
        let Ok(mut line) = serde_json::to_string(self) else { return };
        line.push('\n');
        // Test programs run side by side: one write of a whole line, at the end of the file.
        let file = OpenOptions::new().create(true).append(true).open(&path);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            eprintln!("the report `{}` could not be written: {error}", Path::new(&path).display());
        }
    }
}
