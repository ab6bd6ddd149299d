//! Chapter 3, mounts: a root with no way back.
//!
//! The kernel offers `pivot_root`: it exchanges the root *mount* of a mount namespace. After it, and an unmount of
//! the old root, the host's files are not hidden: they are not there. And it offers mounts small enough for one
//! file, so that a container's `/dev`, `/proc` and `/sys` can hold exactly what it may see and change.
//!
//! You build: the new root, `/dev` with its nodes, a read-only `/sys`, the masks over dangerous files, and
//! the read-only root of `--read-only`.
//!
//! ```text
//!   before                          pivot_root(".", ".")            umount2(".", MNT_DETACH)
//!   /            host's disk        /            container's root   /            container's root
//!   └─ /r        container's root   └─ (on top)  host's disk
//! ```
//!
//! Man pages: `pivot_root(2)`, `mount(2)`, `mount_namespaces(7)`, `mknod(2)`, `devpts` in the kernel's documentation.
//! What we leave out: what is mounted as the root (an overlay: chapter 7), and volumes (chapter 8).

use coracle_ground::Result;
use std::path::Path;

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

mod cgroup_mounts;

pub use cgroup_mounts::{Hierarchy, cgroup_hierarchies, hierarchies_in};
pub use code::{make_dev, make_root_read_only, mount_cgroups, mount_sys, pivot_into, protect};

/// The device nodes that each container has, with their major and minor numbers: those of Docker and the OCI
/// runtime specification ("Default Devices"), the same on every Linux.
pub const DEVICES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// The links in `/dev`, and what they read.
pub const DEV_LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
];

/// What a container may not see at all: Docker's list of fixed paths (`MaskedPaths` in `docker inspect`). Current
/// Docker adds `/sys/devices/system/cpu/cpu*/thermal_throttle`, one for each processor of the machine.
pub const MASKED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// What a container may see and not change: Docker's list (`ReadonlyPaths` in `docker inspect`).
pub const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code)]
struct Contract {
    pivot_into: fn(root: &Path) -> Result<()>,
    make_dev: fn(root: &Path) -> Result<()>,
    mount_sys: fn(root: &Path) -> Result<()>,
    mount_cgroups: fn(root: &Path, hierarchies: &[Hierarchy]) -> Result<()>,
    protect: fn(masked: &[&str], read_only: &[&str]) -> Result<()>,
    make_root_read_only: fn() -> Result<()>,
}

const _: Contract = Contract { pivot_into, make_dev, mount_sys, mount_cgroups, protect, make_root_read_only };
