//! `user-namespace`: all capabilities, of a kind. CVE-2022-0185.
//!
//! Anyone may make a user namespace, and has every capability in it: enough to mount, to make networks, to write
//! firewall rules. These reach code of the kernel that was written for root, and each bug in it becomes a way out.
//! Source: CVE-2022-0185 (Linux 5.1 to 5.16), an integer underflow behind `fsconfig`, found by William Liu and
//! Jamie Hill-Daniel; a container without a filter needed one `unshare` to reach it.
//! Succeeds in: chapter 3.
//! Stopped by: the seccomp filter (chapter 6), which allows `unshare` and `clone` with new namespaces only together
//! with CAP_SYS_ADMIN. No capability that is taken away stops it: the new namespace gives them all back.

use coracle_ground::sys::{self, MsFlags};
use coracle_ground::{CloneFlags, Result};
use std::path::Path;

/// New namespaces, and a mount in them as the proof.
pub(crate) fn run(_: &[String]) -> Result<String> {
    sys::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    sys::mount("tmpfs", Path::new("/tmp"), MsFlags::empty(), "size=4k")?;
    Ok(format!("mounted in a user namespace, with capabilities {:x}", sys::capabilities()?.effective))
}
