//! What the programs of the current test have printed, for the report of a failure.
//!
//! A test runs on one thread, so a list that belongs to the thread belongs to the test.

use std::cell::RefCell;

/// More lines than this of one stream help nobody.
const LINES: usize = 40;

thread_local! {
    static SO_FAR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes one program that was run.
pub(crate) fn note(command: &str, stdout: &str, stderr: &str) {
    let text = format!("$ {command}\n{}{}", shortened(stdout), shortened(stderr));
    SO_FAR.with_borrow_mut(|so_far| so_far.push_str(&text));
}

/// Takes the notes and begins anew.
pub(crate) fn take() -> String {
    SO_FAR.take()
}

/// The last lines, each ended.
fn shortened(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let left_out = lines.len().saturating_sub(LINES);
    let mut short = match left_out {
        0 => String::new(),
        n => format!("[{n} lines left out]\n"),
    };
    for line in &lines[left_out..] {
        short.push_str(line);
        short.push('\n');
    }
    short
}
