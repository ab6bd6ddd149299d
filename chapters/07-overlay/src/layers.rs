//! What an overlay is made of, and where it keeps its notes.

use coracle_ground::{Errno, Error, Result, sys};
use nix::unistd::{Gid, Uid};
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

impl Layers {
    /// Makes the directories `upper` and `work`.
    ///
    /// The root that a container sees is `upper` itself. So it gets the mode and the owner of the topmost lower layer, whatever
    /// the umask is: with 0700, nobody but root could do anything in the container.
    /// Man pages: `mkdir(2)`, `chmod(2)`, `chown(2)`. EEXIST: they are there already; EINVAL: no lower layer.
    pub fn make(&self) -> Result<()> {
        let Some(lower) = self.lowers.first() else {
            return Err(Error::new("make an upper layer over nothing", Errno::EINVAL));
        };
        let wanted = sys::fstat(sys::open_path(lower)?)?;
        sys::mkdir(&self.upper, 0o755)?;
        sys::mkdir(&self.work, 0o700)?;
        let upper = sys::open_path(&self.upper)?;
        let made = sys::fstat(&upper)?;
        if (made.st_uid, made.st_gid) != (wanted.st_uid, wanted.st_gid) {
            sys::chown(&self.upper, Uid::from_raw(wanted.st_uid), Gid::from_raw(wanted.st_gid))?;
        }
        sys::chmod_open(&upper, wanted.st_mode & 0o7777)
    }
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
        if sys::is_root_of_the_machine() { Notes::Trusted } else { Notes::User }
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
