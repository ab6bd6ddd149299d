//! Device nodes: what a path leads to, and making one of either kind. And small files of the kernel's settings.

use super::told;
use crate::{Errno, Result};
use nix::fcntl::OFlag;
use nix::sys::stat::{self, Mode, SFlag};
use std::path::Path;

/// What kind of device a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Read and written as a stream: terminals, `/dev/null`.
    Character,
    /// Read and written in blocks, in any order: disks.
    Block,
}

/// A device node: the kind, the two numbers that say which device, and the mode and owner of the node itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNode {
    /// Character or block.
    pub kind: DeviceKind,
    /// Which driver.
    pub major: u64,
    /// Which of the driver's devices.
    pub minor: u64,
    /// The node's permission bits.
    pub mode: u32,
    /// The node's owner.
    pub uid: u32,
    /// The node's group.
    pub gid: u32,
}

/// The device that `path` leads to; `None` when it is another kind of file. Follows symbolic links.
///
/// Man page: `stat(2)`. ENOENT, ENOTDIR, EACCES.
pub fn device_at(path: &Path) -> Result<Option<DeviceNode>> {
    let stat = told(|| format!("stat `{}`", path.display()), stat::stat(path))?;
    let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFCHR => DeviceKind::Character,
        SFlag::S_IFBLK => DeviceKind::Block,
        _ => return Ok(None),
    };
    Ok(Some(DeviceNode {
        kind,
        major: stat::major(stat.st_rdev),
        minor: stat::minor(stat.st_rdev),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
    }))
}

/// Makes a device node of either kind. The umask takes its bits away from the mode; the owner is the caller.
///
/// Man page: `mknod(2)`. Needs CAP_MKNOD in the *initial* user namespace. EPERM: only a user namespace's root.
pub fn make_device(path: &Path, node: &DeviceNode) -> Result<()> {
    let (letter, kind) = match node.kind {
        DeviceKind::Character => ('c', SFlag::S_IFCHR),
        DeviceKind::Block => ('b', SFlag::S_IFBLK),
    };
    told(
        || format!("mknod `{}` {letter} {} {}", path.display(), node.major, node.minor),
        stat::mknod(path, kind, Mode::from_bits_truncate(node.mode), stat::makedev(node.major, node.minor)),
    )
}

/// Writes `text` into a file that exists, in one piece: a setting in `/proc/sys`, a file of a cgroup.
///
/// Man pages: `proc(5)`, `cgroups(7)`. EACCES, EPERM: not allowed; EINVAL: the kernel does not take that value;
/// ENOENT: this kernel, or this namespace, has no such setting; EROFS: mounted read-only.
pub fn write_setting(path: &Path, text: &str) -> Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let written = nix::fcntl::open(path, flags, Mode::empty())
        .and_then(|file| nix::unistd::write(&file, text.as_bytes()))
        .and_then(|length| if length == text.len() { Ok(()) } else { Err(Errno::EIO) });
    told(|| format!("write `{text}` to `{}`", path.display()), written)
}
