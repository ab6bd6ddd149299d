//! Whether a directory can hold the changes of an overlay; and if not, why, in words for people.

use coracle_ground::Errno;
use std::fmt;

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
pub const NOT_FOR_UPPERS: [(u64, &str); 6] = [
    (0x794C_7630, "overlay"),
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb"),
    (0x4D44, "vfat"),
    (0x2011_BAB0, "exfat"),
];
