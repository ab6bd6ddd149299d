//! What an overlay is made of, and where it keeps its notes.

use coracle_privileges::is_root_of_the_machine;
use std::path::PathBuf;

/// The directories of one overlay, and how it is to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    /// What is not changed, the topmost first: of two files with one name, the earlier
    /// one is seen.
    pub lowers: Vec<PathBuf>,
    /// Where changes go.
    pub upper: PathBuf,
    /// Where the kernel prepares them: a directory of its own, on the same filesystem as
    /// `upper` and not inside it.
    pub work: PathBuf,
    /// What its attributes are called.
    pub notes: Notes,
    /// The kernel never waits for the disk. Faster; and `upper` cannot be mounted again.
    pub volatile: bool,
}

/// An overlay keeps notes beside files ("hides everything below") in extended attributes, and they are called one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notes {
    /// `trusted.overlay.…`: only root of the machine can write them, or even see them.
    Trusted,
    /// `user.overlay.…`: root of a user namespace can write them too, with the mount option `userxattr` (Linux 5.11).
    User,
}

impl Notes {
    /// Those that this process may write.
    pub fn ours() -> Notes {
        if is_root_of_the_machine() { Notes::Trusted } else { Notes::User }
    }

    /// The full name of a note: `trusted.overlay.opaque`.
    pub fn name(self, note: &str) -> String {
        match self {
            Notes::Trusted => format!("trusted.overlay.{note}"),
            Notes::User => format!("user.overlay.{note}"),
        }
    }
}

/// What each of our overlays is told, whatever the kernel's own default is (distributions choose different ones).
///
/// `redirect_dir`: no directory is renamed by a note that says where its content is; `rename` gives EXDEV, and `mv` copies.
/// `metacopy`: a file is copied up whole, never only its mode and owner. With these two, all that is changed is in `upper`.
/// `index`: no bookkeeping that ties an upper directory to its lower ones for ever.
pub const SETTINGS: [(&str, &str); 3] = [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")];
