//! Directories, nodes, links: what a root filesystem is made of, and where a process stands in it.

use super::told;
use crate::{Errno, Error, Result};
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{self, FileStat, Mode, SFlag};
use nix::unistd::{AccessFlags, Gid, Uid};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Makes `root` what `/` means for this process and its children. The working directory stays where it is.
///
/// Man page: `chroot(2)`. Needs CAP_SYS_CHROOT. ENOENT, ENOTDIR: no such directory; EPERM: no capability.
pub fn chroot(root: &Path) -> Result<()> {
    told(|| format!("chroot to `{}`", root.display()), nix::unistd::chroot(root))
}

/// Moves the working directory to `directory`.
///
/// Man page: `chdir(2)`. ENOENT, ENOTDIR, EACCES.
pub fn chdir(directory: &Path) -> Result<()> {
    told(|| format!("chdir to `{}`", directory.display()), nix::unistd::chdir(directory))
}

/// Moves the working directory to an open directory, wherever that is: roots do not limit it.
///
/// Man page: `fchdir(2)`.
pub fn fchdir(directory: impl AsFd) -> Result<()> {
    told(|| "fchdir to an open directory".into(), nix::unistd::fchdir(directory))
}

/// Opens `path` for nothing but naming it (`O_PATH`), without following a symbolic link at its end.
///
/// The descriptor pins the file: whatever a path means a moment later, it still means this one.
/// Man page: `open(2)`, at `O_PATH` and `O_NOFOLLOW`. ENOENT, ENOTDIR.
pub fn open_path(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    told(|| format!("open `{}`", path.display()), nix::fcntl::open(path, flags, Mode::empty()))
}

/// The path under which the kernel reaches an open file again: `/proc/self/fd/N`. Needs a `/proc`.
///
/// Man page: `proc_pid_fd(5)`.
pub fn path_of(file: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))
}

/// What kind of file is `file`, and whose? Of a link opened with [`open_path`]: the link itself.
///
/// Man page: `fstat(2)`.
pub fn fstat(file: impl AsFd) -> Result<FileStat> {
    told(|| "fstat".into(), stat::fstat(file))
}

/// Is `file` (from [`open_path`]) a directory?
pub fn is_directory(file: impl AsFd) -> Result<bool> {
    Ok(kind(&fstat(file)?) == SFlag::S_IFDIR)
}

/// Is `file` (from [`open_path`]) a symbolic link?
pub fn is_symlink(file: impl AsFd) -> Result<bool> {
    Ok(kind(&fstat(file)?) == SFlag::S_IFLNK)
}

/// The file's kind, out of the bits of its mode.
fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

/// May this process execute `path`, and is it a regular file? Answers with the errno that `execve` would.
///
/// Man page: `faccessat(2)`. ENOENT: not there; EACCES: a directory, or a mode without x.
pub fn can_execute(path: &Path) -> Result<()> {
    let doing = || format!("look for `{}`", path.display());
    let stat = told(doing, stat::stat(path))?;
    if kind(&stat) != SFlag::S_IFREG {
        return Err(Error::new(doing(), Errno::EACCES));
    }
    let allowed = nix::unistd::faccessat(nix::fcntl::AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS);
    told(doing, allowed)
}

/// Makes the directory `path`. The umask takes its bits away from `mode`.
///
/// Man page: `mkdir(2)`. EEXIST, ENOENT (no parent), EROFS.
pub fn mkdir(path: &Path, mode: u32) -> Result<()> {
    told(|| format!("mkdir `{}`", path.display()), nix::unistd::mkdir(path, Mode::from_bits_truncate(mode)))
}

/// The directory `name` right below `root`, made when it is missing, refused when it is a symbolic link.
///
/// An image decides what its names mean. If `dev` in the image is a link to `/etc`, then a mount on
/// `root/dev` from outside of the root would land on the host's own `/etc`.
pub fn mount_point(root: &Path, name: &str) -> Result<PathBuf> {
    let path = root.join(name);
    match mkdir(&path, 0o755) {
        Err(error) if error.errno == Errno::EEXIST => {}
        made => return made.map(|()| path),
    }
    let there = open_path(&path)?;
    if !is_directory(&there)? {
        let place = path.display();
        let doing = format!("use `{place}` as a mount point: it must be a directory, not a link or a file");
        return Err(Error::new(doing, Errno::ENOTDIR));
    }
    Ok(path)
}

/// Makes an empty file at `path`, or leaves the one that is there. Something to bind another file onto.
///
/// Man page: `open(2)`.
pub fn touch(path: &Path) -> Result<()> {
    let flags = OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_WRONLY;
    let made = nix::fcntl::open(path, flags, Mode::from_bits_truncate(0o644));
    told(|| format!("create `{}`", path.display()), made).map(drop)
}

/// Makes a character device node. The umask takes its bits away from `mode`.
///
/// Man page: `mknod(2)`. Needs CAP_MKNOD in the *initial* user namespace. EPERM: only a user namespace's root.
pub fn make_character_device(path: &Path, mode: u32, major: u64, minor: u64) -> Result<()> {
    told(
        || format!("mknod `{}` c {major} {minor}", path.display()),
        stat::mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(mode), stat::makedev(major, minor)),
    )
}

/// Makes the symbolic link `link`, which reads `target`.
///
/// Man page: `symlink(2)`. EEXIST.
pub fn symlink(target: &str, link: &Path) -> Result<()> {
    told(
        || format!("symlink `{}` to `{target}`", link.display()),
        nix::unistd::symlinkat(target, nix::fcntl::AT_FDCWD, link),
    )
}

/// Sets the bits that new files do *not* get, and returns the bits of before.
///
/// Man page: `umask(2)`. Never fails. It belongs to the process, and survives exec.
pub fn umask(bits: u32) -> u32 {
    stat::umask(Mode::from_bits_truncate(bits)).bits()
}

/// Opens `/dev/null` for reading: the input of a program that shall have none.
///
/// Man page: `null(4)`.
pub fn open_null() -> Result<OwnedFd> {
    let opened = nix::fcntl::open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    told(|| "open `/dev/null`".into(), opened)
}

/// A pipe: what is written to the second end is read from the first. Both ends are closed on exec.
///
/// Man page: `pipe(2)`. EMFILE: too many open files.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    told(|| "pipe".into(), nix::unistd::pipe2(OFlag::O_CLOEXEC))
}

/// Gives the file at `path` to a user and a group.
///
/// Man page: `chown(2)`. Needs CAP_CHOWN. EINVAL: not mapped in this user namespace.
pub fn chown(path: &Path, uid: Uid, gid: Gid) -> Result<()> {
    told(
        || format!("chown `{}` to {uid}:{gid}", path.display()),
        nix::unistd::chown(path, Some(uid), Some(gid)),
    )
}

/// Gives an open file to a user and a group.
///
/// Man page: `fchown(2)`. Needs CAP_CHOWN. EINVAL: not mapped in this user namespace.
pub fn fchown(file: impl AsFd, uid: Uid, gid: Gid) -> Result<()> {
    told(|| format!("fchown to {uid}:{gid}"), nix::unistd::fchown(file, Some(uid), Some(gid)))
}
