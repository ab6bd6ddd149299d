//! The error of a command that was used wrongly: exit code 2, one sentence.

use std::fmt;

/// What was wrong with the words on the command line.
#[derive(Debug)]
pub(crate) struct Misuse(String);

impl fmt::Display for Misuse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Makes the error.
pub(crate) fn misuse(words: impl Into<String>) -> anyhow::Error {
    Misuse(words.into()).into()
}
