//! One line of `docker diff`.

use std::fmt;
use std::path::PathBuf;

/// What has happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was not there below.
    Added,
    /// It was there, and is another now, or something in it is.
    Changed,
    /// It was there, and is gone.
    Deleted,
}

/// A path that differs from what is below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How it differs.
    pub kind: Kind,
    /// The path in the container, with `/` at its beginning.
    pub path: PathBuf,
}

/// As Docker prints it: `C /etc`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.kind {
            Kind::Added => 'A',
            Kind::Changed => 'C',
            Kind::Deleted => 'D',
        };
        write!(f, "{letter} {}", self.path.display())
    }
}
