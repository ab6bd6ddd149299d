//! What each chapter asks of a machine. One table; [`super::verdict`] compares it with the facts.

/// One thing that a chapter needs or likes to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// New namespaces of every kind with a fresh `/proc`: the throwaway world in which every test runs.
    Namespaces,
    /// A fresh `/sys` in them.
    Sys,
    /// A range of ids for one user, and the two programs that map it.
    IdRanges,
    /// Groups of our own, with limits.
    Cgroups,
    /// Filters on system calls.
    Seccomp,
    /// Overlay where the data root is.
    Overlay,
    /// nftables, and packets that may pass through this machine.
    Firewall,
    /// A kernel at least this new, for this call.
    Kernel(u32, u32, &'static str),
    /// Tools that the page uses in "See it first". The tasks and tests do without them.
    Tools(&'static [&'static str]),
}

/// A chapter as the syllabus names it.
pub(crate) struct Chapter {
    /// 1 to 18.
    pub(crate) number: u32,
    /// `chroot`.
    pub(crate) name: &'static str,
    /// What it needs, the most important first.
    pub(crate) needs: &'static [Need],
}

use Need::{Cgroups, Firewall, IdRanges, Kernel, Namespaces, Overlay, Seccomp, Sys, Tools};

/// `clone3` came with Linux 5.3; ground's `spawn` uses it.
const CLONE3: Need = Kernel(5, 3, "clone3");
/// `mount_setattr` makes a whole tree of mounts read-only.
const MOUNT_SETATTR: Need = Kernel(5, 12, "mount_setattr");

/// Shorthand for a line of the table.
const fn chapter(number: u32, name: &'static str, needs: &'static [Need]) -> Chapter {
    Chapter { number, name, needs }
}

/// The syllabus.
pub(crate) const CHAPTERS: [Chapter; 18] = [
    chapter(1, "chroot", &[CLONE3, Namespaces, Tools(&["unshare", "busybox"])]),
    chapter(2, "namespaces", &[CLONE3, Namespaces, Tools(&["unshare", "nsenter"])]),
    chapter(3, "mounts", &[CLONE3, Namespaces, Sys, Tools(&["unshare"])]),
    chapter(4, "users", &[CLONE3, Namespaces, Sys, IdRanges]),
    chapter(5, "cgroups", &[CLONE3, Namespaces, Cgroups]),
    chapter(6, "privileges", &[CLONE3, Namespaces, Sys, Cgroups, Seccomp]),
    chapter(7, "overlay", &[CLONE3, Namespaces, Overlay]),
    chapter(8, "volumes", &[MOUNT_SETATTR, Namespaces, Overlay]),
    chapter(9, "images", &[MOUNT_SETATTR, Namespaces, Overlay]),
    chapter(10, "bridge", &[MOUNT_SETATTR, Namespaces, Firewall, Tools(&["ip"])]),
    chapter(11, "names", &[MOUNT_SETATTR, Namespaces, Firewall]),
    chapter(12, "lifecycle", &[MOUNT_SETATTR, Namespaces, Cgroups, Overlay, Firewall]),
    chapter(13, "build", &[MOUNT_SETATTR, Namespaces, Cgroups, Overlay, Firewall]),
    chapter(14, "registry", &[MOUNT_SETATTR, Namespaces, Overlay]),
    chapter(15, "compose", &[MOUNT_SETATTR, Namespaces, Cgroups, Overlay, Firewall]),
    chapter(16, "oci", &[MOUNT_SETATTR, Namespaces, Cgroups]),
    chapter(17, "api", &[MOUNT_SETATTR, Namespaces, Cgroups, Overlay, Firewall]),
    chapter(18, "beyond", &[MOUNT_SETATTR, Namespaces, Overlay, Firewall]),
];
