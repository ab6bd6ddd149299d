//! The table of a maintainer's run: one line for each thing tried, and a count at the end.

use crate::paint::{BAD, CARE, FAINT, GOOD, STRONG, paint, width, wrap};
use anstream::println;
use std::process::ExitCode;

/// Counts while it prints.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// How one thing went.
pub(crate) enum Mark {
    /// As it should.
    Passed,
    /// Not as it should: why.
    Failed(String),
    /// It could not be tried: why.
    Skipped(String),
}

impl Tally {
    /// A heading.
    pub(crate) fn head(&self, text: &str) {
        println!("{}", paint(STRONG, text));
    }

    /// One line; for what went wrong the reason stands below.
    pub(crate) fn line(&mut self, name: &str, note: &str, mark: Mark) {
        let (sign, count, why) = match mark {
            Mark::Passed => (paint(GOOD, "✓"), &mut self.passed, None),
            Mark::Failed(why) => (paint(BAD, "✗"), &mut self.failed, Some(why)),
            Mark::Skipped(why) => (paint(CARE, "–"), &mut self.skipped, Some(why)),
        };
        *count += 1;
        let note = if note.is_empty() { String::new() } else { format!("  {}", paint(FAINT, note)) };
        println!("  {sign} {name}{note}");
        if let Some(why) = why {
            println!("{}", reason(&why));
        }
    }

    /// Counts what went as it should, and prints nothing.
    pub(crate) fn quietly_passed(&mut self) {
        self.passed += 1;
    }

    /// The count, and the exit code that goes with it.
    pub(crate) fn close(self) -> ExitCode {
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        let style = if self.failed > 0 { BAD } else { GOOD };
        println!("{}", paint(style, format!("{} passed, {} failed{skipped}", self.passed, self.failed)));
        if self.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// One line is wrapped; of several each is set in as it is.
fn reason(why: &str) -> String {
    let lines: Vec<_> = why.trim_end().lines().collect();
    match lines[..] {
        [line] => wrap(line, "      ", width().max(60)),
        _ => lines.iter().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n"),
    }
}
