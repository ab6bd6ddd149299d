//! Dying on purpose.
//!
//! The engine promises that SIGKILL at any step leaves nothing that the next command does not clean up. A promise like
//! that is worth what its test is worth, so each step has a name here, and `CORACLE_KILL_AT=<name>` makes the engine
//! kill itself when it gets there. A test runs every name of [`POINTS`] (`coracle fault-points` prints them).
//!
//! SIGKILL and not `exit`: no destructor runs, no guard undoes anything, as in a power cut or an OOM kill.

use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;

/// Every step at which the engine can be told to die, in the order in which one life of a container meets them.
pub(crate) const POINTS: &[&str] = &[
    "import-begun",
    "import-unpacking",
    "import-unpacked",
    "import-described",
    "import-renamed",
    "container-folder-made",
    "container-locked",
    "container-created",
    "rootfs-copying",
    "rootfs-ready",
    "group-made",
    "init-cloned",
    "init-prepared",
    "program-started",
    "run-returned",
    "exit-saved",
    "container-removing",
    "rootfs-removing",
    "rootfs-removed",
    "container-unlocked",
];

/// Names a step. Without `CORACLE_KILL_AT` this is one look at a variable that was read once.
pub(crate) fn point(name: &'static str) {
    static KILL_AT: OnceLock<Option<String>> = OnceLock::new();
    debug_assert!(POINTS.contains(&name), "`{name}` is missing in fault::POINTS");
    let kill_at = KILL_AT.get_or_init(|| std::env::var("CORACLE_KILL_AT").ok());
    if kill_at.as_deref() == Some(name) {
        // Cannot fail: a process may always signal itself.
        let _ = kill(getpid(), Signal::SIGKILL);
        // Still here: this is a container's PID 1, which no signal from inside can kill. Its own fault can.
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let names: std::collections::HashSet<_> = POINTS.iter().collect();
        assert_eq!(names.len(), POINTS.len());
    }
}
