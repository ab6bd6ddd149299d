//! Control groups: directories to make, small files to read and write, and a way to wait for a change in one.
//!
//! A cgroup has no system calls of its own (but for one flag of `clone3`): `mkdir` makes a group, `write` sets a limit
//! or moves a process, `read` tells how much was used, `rmdir` removes the group.

use super::told;
use crate::{Errno, Result};
use nix::fcntl::{AtFlags, OFlag};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::AccessFlags;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The whole text of a cgroup's file.
///
/// Man page: `cgroups(7)`. ENOENT: this kernel, or this group, has no such file; ENODEV: the group is gone.
pub fn read_cgroup_file(path: &Path) -> Result<String> {
    told(|| format!("read `{}`", path.display()), std::fs::read_to_string(path).map_err(errno))
}

/// Writes `value` to a cgroup's file, with one `write`, because each one is a command of its own.
///
/// Man page: `cgroups(7)`. EINVAL: not a value for this file; EACCES, EPERM: the group belongs to somebody else;
/// EBUSY: something in the group forbids it (v2: a process in a group that hands controllers down); ENOENT: no
/// such file, which in v2 usually means that the controller is not enabled for this group; EROFS.
pub fn write_cgroup_file(path: &Path, value: &str) -> Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let written = nix::fcntl::open(path, flags, Mode::empty())
        .and_then(|file| nix::unistd::write(file, value.as_bytes()));
    told(|| format!("set `{}` to `{value}`", path.display()), written).map(drop)
}

/// Opens a cgroup's file for writing, to write to it later and from another process: see [`write_open`].
///
/// Man page: `open(2)`. ENOENT, EACCES, EROFS.
pub fn open_for_writing(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    told(|| format!("open `{}` for writing", path.display()), nix::fcntl::open(path, flags, Mode::empty()))
}

/// Writes `value` to an open file, with one `write`.
///
/// Man page: `write(2)`. For a cgroup's `tasks` or `cgroup.procs` the value `0` means the writer itself.
/// ENOSPC: a v1 cpuset without processors or memory nodes; EBUSY, EOPNOTSUPP: see `cgroups(7)`.
pub fn write_open(file: impl AsFd, value: &str) -> Result<()> {
    told(|| format!("set an open file of a cgroup to `{value}`"), nix::unistd::write(file, value.as_bytes()))
        .map(drop)
}

/// Opens a directory: what `clone3` wants of the cgroup in which the child shall begin.
///
/// Man pages: `open(2)`, `clone(2)` at `CLONE_INTO_CGROUP`. ENOENT, ENOTDIR.
pub fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    told(|| format!("open the directory `{}`", path.display()), nix::fcntl::open(path, flags, Mode::empty()))
}

/// Removes an empty directory. A cgroup is empty when no process and no other cgroup is in it; its files do not count.
///
/// Man page: `rmdir(2)`. EBUSY: a process, or one that has just ended, or a group is still in it; ENOENT.
pub fn rmdir(path: &Path) -> Result<()> {
    told(|| format!("rmdir `{}`", path.display()), std::fs::remove_dir(path).map_err(errno))
}

/// May this process write there? Answers with the errno that writing would meet.
///
/// Man page: `faccessat(2)`. EACCES: it belongs to somebody else; EROFS: the mount is read-only; ENOENT.
pub fn may_write(path: &Path) -> Result<()> {
    let answer = nix::unistd::faccessat(nix::fcntl::AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS);
    told(|| format!("ask whether `{}` may be written", path.display()), answer)
}

/// Waits until the kernel says that the open file `file` has changed since it was read, at most `milliseconds` long.
/// Did it change?
///
/// Man page: `poll(2)` with `POLLPRI`. Only files with events wake it: v2's `cgroup.events` and `memory.events`.
pub fn wait_for_change(file: impl AsFd, milliseconds: u16) -> Result<bool> {
    let mut files = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
    match poll(&mut files, PollTimeout::from(milliseconds)) {
        Err(Errno::EINTR) => Ok(true),
        answer => told(|| "poll a file of a cgroup".into(), answer).map(|ready| ready > 0),
    }
}

/// The number in an error of the standard library.
fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}
