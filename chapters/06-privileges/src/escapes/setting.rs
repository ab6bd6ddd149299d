//! `sysrq` and `core-pattern`: the machine's own switches, written from inside.
//!
//! Not all of `/proc` belongs to a namespace. `/proc/sysrq-trigger` restarts the *machine* when `b` is written into
//! it. `/proc/sys/kernel/core_pattern` says which program of the *host* the kernel starts, as root, when any
//! process crashes. A runtime mounts such paths read-only; but who may mount may mount them again, writable.
//! Source: `proc_sys_kernel(5)`, `core(5)`; the reason for Docker's `ReadonlyPaths`. CVE-2025-31133 and
//! CVE-2025-52881 (runc before 1.2.8) were two ways to have these files writable all the same.
//! Succeeds in: chapter 2; in chapter 3 after a remount.
//! Stopped by: no CAP_SYS_ADMIN (chapter 6), so no remount.

use crate::named;
use coracle_ground::sys::{self, MsFlags};
use coracle_ground::{Errno, Result};
use std::fs::OpenOptions;
use std::path::Path;

/// `/proc/sysrq-trigger` is read-only by a mount of its own.
pub(crate) fn sysrq(_: &[String]) -> Result<String> {
    open("/proc/sysrq-trigger", "/proc/sysrq-trigger")
}

/// `core_pattern` is so as part of `/proc/sys`.
pub(crate) fn core_pattern(_: &[String]) -> Result<String> {
    open("/proc/sys/kernel/core_pattern", "/proc/sys")
}

/// Opens `path` for writing; if it is read-only, after a remount of `mount`. Nothing is written.
fn open(path: &str, mount: &str) -> Result<String> {
    let attempt = || {
        let opened = OpenOptions::new().write(true).open(path);
        opened.map_err(|error| named(format!("open `{path}` for writing"), &error))
    };
    match attempt() {
        Err(error) if error.errno == Errno::EROFS => {}
        answer => return answer.map(|_| format!("`{path}` is open for writing")),
    }
    let mount = Path::new(mount);
    sys::remount(mount, sys::mount_flags(mount)? - MsFlags::MS_RDONLY)?;
    attempt().map(|_| format!("`{path}` is open for writing, after a remount"))
}
