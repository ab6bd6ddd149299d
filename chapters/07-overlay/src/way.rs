//! Whether a directory can hold the changes of an overlay; and if not, why, in words for people.
//!
//! The kernel does not ask all of this at the mount. On a tmpfs before Linux 6.6, an ordinary user's overlay can be mounted
//! and cannot keep its notes: `rm -r` in the container ends with EIO, some day. So it is tried before.
//!
//! Man pages: `statfs(2)`, `readdir(3)`, `xattr(7)`; "Upper and Lower" in the kernel's documentation of overlay.

use crate::Notes;
use coracle_ground::{Errno, Result, sys};
use std::fmt;
use std::path::Path;

/// How a container in this directory can come by a root of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By an overlay, whose upper and work directories lie here.
    Overlay,
    /// Only by a copy.
    Copy(Obstacle),
}

/// Why no overlay can have its upper directory in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// This kind of filesystem cannot hold one at all.
    Filesystem(&'static str),
    /// Its directories do not say what kind of file a name stands for.
    NoKinds,
    /// It keeps no attributes of the kind that the overlay's notes need; this is what it answered.
    NoNotes(Errno),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Filesystem(name) => {
                write!(f, "it lies on {name}, which cannot hold the upper directory of an overlay")
            }
            Obstacle::NoKinds => {
                write!(f, "its filesystem does not say in a directory what kind each file is")
            }
            Obstacle::NoNotes(errno) => {
                write!(f, "its filesystem keeps no attributes for an overlay's notes ({errno:?})")
            }
        }
    }
}

/// Filesystems that cannot hold an upper directory, whatever else they can: their numbers in `linux/magic.h`.
///
/// An overlay itself (the kernel says "not supported as upperdir"); those of the network, where another machine may change
/// what the kernel remembers; and those that take `README` and `readme` for one name.
const NOT_FOR_UPPERS: [(u64, &str); 6] = [
    (0x794C_7630, "overlay"),
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb"),
    (0x4D44, "vfat"),
    (0x2011_BAB0, "exfat"),
];

/// Can an overlay have its upper directory in `directory`?
///
/// Tries it in a directory of its own there, which is gone again when this returns.
/// Errors: ENOENT, EACCES, EROFS, ENOSPC: nothing can be made in `directory` at all.
pub fn way_here(directory: &Path, notes: Notes) -> Result<Way> {
    let number = sys::filesystem_number(directory)?;
    if let Some((_, name)) = NOT_FOR_UPPERS.iter().find(|(of, _)| *of == number) {
        return Ok(Way::Copy(Obstacle::Filesystem(name)));
    }
    let probe = directory.join(format!(".coracle-probe-{}", std::process::id()));
    sys::mkdir(&probe, 0o700)?;
    let answer = try_in(&probe, notes);
    let _ = std::fs::remove_dir_all(&probe);
    answer
}

/// The two trials, in a directory made for them.
fn try_in(probe: &Path, notes: Notes) -> Result<Way> {
    sys::touch(&probe.join("file"))?;
    if !sys::tells_kinds(sys::open_path(probe)?)? {
        return Ok(Way::Copy(Obstacle::NoKinds));
    }
    match sys::set_attribute(probe, &notes.name("coracle"), b"y") {
        Err(error) if matches!(error.errno, Errno::EOPNOTSUPP | Errno::EPERM | Errno::EINVAL) => {
            Ok(Way::Copy(Obstacle::NoNotes(error.errno)))
        }
        answer => answer.map(|()| Way::Overlay),
    }
}
