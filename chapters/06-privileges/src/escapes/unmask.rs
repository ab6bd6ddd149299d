//! `unmask`: what lies below a mask.
//!
//! A masked path is a mount over the thing that it hides. Who may unmount takes it off, and reads the kernel's
//! memory (`/proc/kcore`), its keys, its firmware.
//! Source: `umount(2)`; the reason why Docker's `MaskedPaths` are worth nothing together with `--cap-add
//! SYS_ADMIN`.
//! Succeeds in: chapter 3.
//! Stopped by: no CAP_SYS_ADMIN (chapter 6).

use coracle_ground::sys::{self, MntFlags};
use coracle_ground::{Errno, Error, Result};
use std::path::Path;

/// A kernel need not have all of them.
const MASKED: [&str; 5] =
    ["/proc/keys", "/proc/interrupts", "/proc/timer_list", "/proc/kcore", "/sys/firmware"];

/// Takes off the first mask that there is. It is the container's own mount; outside nothing changes.
pub(crate) fn run(_: &[String]) -> Result<String> {
    for path in MASKED {
        match sys::unmount(Path::new(path), MntFlags::MNT_DETACH) {
            Ok(()) => return Ok(format!("the mask over `{path}` is gone")),
            Err(error) if matches!(error.errno, Errno::EINVAL | Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new("find a mask", Errno::ENOENT))
}
