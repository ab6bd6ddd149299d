//! Repeats.

/// Task 2.1: Say it twice.
pub fn repeat(text: &str) -> String {
    format!("{text} {text}")
}
