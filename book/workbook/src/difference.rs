//! A readable unified difference of two texts.

use crate::paint::{BAD, FAINT, GOOD, PLACE, paint};
use similar::{ChangeTag, TextDiff};
use std::fmt::Write;

/// What must change in `old` to get `new`, with three lines around each change; empty when they are equal.
pub(crate) fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        if out.is_empty() {
            let heads = [format!("--- {old_name}"), format!("+++ {new_name}")];
            heads.iter().for_each(|head| line(&mut out, &paint(crate::paint::STRONG, head)));
        }
        line(&mut out, &paint(PLACE, hunk.header().to_string().trim_end()));
        for change in hunk.iter_changes() {
            let text = change.value().trim_end_matches('\n');
            let painted = match change.tag() {
                ChangeTag::Equal => paint(FAINT, format!(" {text}")),
                ChangeTag::Delete => paint(BAD, format!("-{text}")),
                ChangeTag::Insert => paint(GOOD, format!("+{text}")),
            };
            line(&mut out, &painted);
        }
    }
    out
}

/// Appends one line.
fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
