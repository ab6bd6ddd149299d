//! An error of the person who typed, not of the kernel: one sentence that says what cannot be done, and why.

use std::fmt;

/// What was asked for makes no sense, or cannot be had here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub(crate) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}
