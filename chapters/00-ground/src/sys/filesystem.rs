//! The new way to mount, since Linux 5.2: a filesystem is configured key by key, and hung into the tree at the end.
//!
//! `mount(2)` takes everything at once, its options as one string of at most a page. Here each option is a call of its own:
//!
//! ```text
//!   fsopen("overlay")  ─▶  fsconfig(key, value) …  ─▶  fsconfig(CREATE)  ─▶  fsmount()  ─▶  move_mount(target)
//!   a context              an error says which key      the filesystem        a mount        in the tree
//! ```
//!
//! Since the context is a file, the kernel can also say in words what it does not like: a `read` of it gives the messages.

use super::{open_path, path_of, told};
use crate::{Errno, Error, Result};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// `fsconfig` takes values of at most 255 bytes (`strndup_user(_value, 256)` in the kernel's `fs/fsopen.c`).
const LONGEST: usize = 255;

/// Begins to configure a filesystem of kind `filesystem`.
///
/// Man page: `fsopen(2)`. Needs CAP_SYS_ADMIN in the user namespace that owns this mount namespace. ENODEV: this kernel
/// does not know that filesystem; EPERM: no capability; ENOSYS: a kernel before 5.2.
pub fn fsopen(filesystem: &str) -> Result<OwnedFd> {
    let answer = rustix::mount::fsopen(filesystem, FsOpenFlags::FSOPEN_CLOEXEC);
    told(|| format!("fsopen {filesystem}"), answer.map_err(errno))
}

/// Sets `key` to a word.
///
/// Man page: `fsconfig(2)`. EINVAL: an unknown key, or not a value for it; the error holds the kernel's own words.
pub fn fsconfig(context: impl AsFd, key: &str, value: &str) -> Result<()> {
    let answer = rustix::mount::fsconfig_set_string(context.as_fd(), key, value);
    in_words(context, || format!("fsconfig {key}={value}"), answer)
}

/// Sets a `key` that has no value.
///
/// Man page: `fsconfig(2)`, `FSCONFIG_SET_FLAG`. EINVAL: an unknown key.
pub fn fsconfig_flag(context: impl AsFd, key: &str) -> Result<()> {
    let answer = rustix::mount::fsconfig_set_flag(context.as_fd(), key);
    in_words(context, || format!("fsconfig {key}"), answer)
}

/// Sets `key` to a directory, whatever its name is: no byte of it has a meaning, and it may be long.
///
/// Some filesystems read a backslash in a value as an escape, and no value may have more than 255 bytes. A name for which
/// that matters is given as `/proc/self/fd/N`, which the kernel follows at once.
/// Man page: `fsconfig(2)`. ENOENT, ENOTDIR; EINVAL: not a directory for this purpose, and the kernel says why.
pub fn fsconfig_path(context: impl AsFd, key: &str, path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let opened = match bytes.len() > LONGEST || bytes.contains(&b'\\') {
        true => Some(open_path(path)?),
        false => None,
    };
    let name = opened.as_ref().map_or_else(|| OsString::from(path), |file| path_of(file).into());
    let answer = rustix::mount::fsconfig_set_string(context.as_fd(), key, name);
    in_words(context, || format!("fsconfig {key}=`{}`", path.display()), answer)
}

/// Makes the filesystem that was configured. It is nowhere in the tree yet.
///
/// Man page: `fsconfig(2)`, `FSCONFIG_CMD_CREATE`. EINVAL and others: what the filesystem itself has against it.
pub fn fsconfig_create(context: impl AsFd) -> Result<()> {
    let answer = rustix::mount::fsconfig_create(context.as_fd());
    in_words(context, || "fsconfig: create the filesystem".into(), answer)
}

/// Makes a mount of the filesystem: an open file, still nowhere in the tree. Closed, it is gone.
///
/// Man page: `fsmount(2)`.
pub fn fsmount(context: impl AsFd) -> Result<OwnedFd> {
    let answer = rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty());
    told(|| "fsmount".into(), answer.map_err(errno))
}

/// Hangs the mount into the tree, on the directory `target`.
///
/// Man page: `move_mount(2)`. ENOENT, ENOTDIR: no such directory; EINVAL: not a mount of this namespace.
pub fn move_mount(mount: impl AsFd, target: &Path) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    let answer = rustix::mount::move_mount(mount.as_fd(), "", rustix::fs::CWD, target, flags);
    told(|| format!("move_mount to `{}`", target.display()), answer.map_err(errno))
}

/// Does this kernel's overlay take its lower layers one by one, with the key `lowerdir+`?
///
/// Linux 6.7 and later do (commit 24e16e385f22; the kernel's documentation says 6.8), and the long-term kernel 6.6 since
/// 6.6.23. It is asked and not looked up. A kernel before 6.5 takes any key at this point and complains later, so there
/// are two questions: does it refuse a key that nobody knows, and take this one?
pub fn overlay_takes_lowers_one_by_one() -> Result<bool> {
    let context = match fsopen("overlay") {
        // A kernel before 5.2; or a filter that is older than the call and forbids what it does not know. Then mount(2) says
        // whether we may.
        Err(error) if matches!(error.errno, Errno::ENOSYS | Errno::EPERM) => return Ok(false),
        answer => answer?,
    };
    let refuses = rustix::mount::fsconfig_set_flag(context.as_fd(), "coracle-asks").is_err();
    let takes = rustix::mount::fsconfig_set_string(context.as_fd(), "lowerdir+", "/").is_ok();
    Ok(refuses && takes)
}

/// How many bytes is a page of memory? `mount(2)` copies that much of its options and leaves the rest out, in silence.
///
/// Man page: `sysconf(3)`. 4,096 almost everywhere; some arm64 machines have 65,536.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// Tells the call; its error holds what the kernel wrote into the context.
fn in_words(context: impl AsFd, doing: impl Fn() -> String, answer: rustix::io::Result<()>) -> Result<()> {
    told(&doing, answer.map_err(errno)).map_err(|error| {
        let mut message = [0; 512];
        let length = rustix::io::read(context, &mut message[..]).unwrap_or(0);
        let words = String::from_utf8_lossy(&message[..length]);
        // `e overlay: workdir and upperdir must be separate subtrees`: a letter for how bad it is, and the sentence.
        match words.trim().split_once(' ') {
            Some((_, words)) => Error::new(format!("{} [{words}]", error.doing), error.errno),
            None => error,
        }
    })
}

/// The kernel's number, in the type that this crate uses.
pub(super) fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
