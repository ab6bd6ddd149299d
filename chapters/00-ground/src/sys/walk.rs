//! Following a path that somebody else has written, without ever leaving a directory.

use super::told;
use crate::Result;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Opens `path` for reading as if `root` were `/`: no link and no `..` in it leads out of `root`.
///
/// The kernel itself keeps to that while it follows the path, so nothing can be exchanged between a check and the use.
/// `root` itself is trusted. A FIFO is opened without waiting for whoever writes to it.
/// Man page: `openat2(2)`, `RESOLVE_IN_ROOT`. Since Linux 5.6. ENOENT, ENOTDIR, ELOOP; ENOSYS: an older kernel.
pub fn open_in_root(root: &Path, path: &str) -> Result<OwnedFd> {
    let doing = || format!("open `{path}` in the root `{}`", root.display());
    let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = told(doing, open(root, directory, Mode::empty()))?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
    told(doing, openat2(root, path, how))
}
