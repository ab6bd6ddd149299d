//! Walking through a directory whose names somebody else has chosen, and removing it.
//!
//! Every call here begins at an open directory. A symbolic link is never followed and a mount point never crossed, not
//! even when a directory is exchanged for one of them at this very moment: the kernel itself keeps to that while it follows
//! the path (`openat2(2)`, since Linux 5.6).
//!
//! These calls come by the thousand, so `--explain` does not tell them; their errors speak as all others do.

use super::filesystem::errno;
use super::path_of;
use crate::{Error, Result};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag};
pub use nix::sys::stat::SFlag;
use nix::sys::stat::{FileStat, Mode};
use nix::unistd::UnlinkatFlags;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// No link, no mount, nothing above.
const INSIDE: ResolveFlag =
    ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_SYMLINKS).union(ResolveFlag::RESOLVE_NO_XDEV);

/// Opens what is called `path` below `top`, for nothing but naming it (`O_PATH`): of a link, the link itself.
///
/// Man page: `openat2(2)`. ENOENT, ENOTDIR; ELOOP: a link on the way; EXDEV: a mount on the way, or `..` out of `top`.
pub fn open_beneath(top: impl AsFd, path: &Path) -> Result<OwnedFd> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).resolve(INSIDE);
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    quiet(|| format!("open `{}`", path.display()), nix::fcntl::openat2(top, path, how))
}

/// What kind of file is it? Compare with `SFlag::S_IFDIR`, `S_IFREG`, `S_IFCHR`, ….
///
/// Man page: `inode(7)`, "The file type and mode".
pub fn kind_of(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

/// The names in the directory `folder`, sorted, without `.` and `..`.
///
/// Man page: `getdents(2)`. EACCES: a directory that may not be read; ENOTDIR.
pub fn names_in(folder: impl AsFd) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    quiet(|| "read a directory".into(), each_entry(folder, |name, _| names.push(name.to_os_string())))?;
    names.sort();
    Ok(names)
}

/// Does the directory say of each name in it what kind of file that is? (`d_type`; some filesystems need a `stat` each.)
///
/// Man page: `readdir(3)`, `DT_UNKNOWN`. A directory with nothing in it says nothing.
pub fn tells_kinds(folder: impl AsFd) -> Result<bool> {
    let mut all = true;
    quiet(|| "read a directory".into(), each_entry(folder, |_, known| all &= known))?;
    Ok(all)
}

fn each_entry(folder: impl AsFd, mut see: impl FnMut(&OsStr, bool)) -> nix::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut folder = nix::dir::Dir::openat(folder, ".", flags, Mode::empty())?;
    for entry in folder.iter() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            see(name, entry.file_type().is_some());
        }
    }
    Ok(())
}

/// Removes the name of anything but a directory.
///
/// Man page: `unlink(2)`. EISDIR: a directory (EPERM on some filesystems); EACCES: `folder` may not be written; EPERM:
/// somebody else's file in a sticky directory, or an immutable one; EBUSY: something is mounted on it.
pub fn unlink_in(folder: impl AsFd, name: &OsStr) -> Result<()> {
    let answer = nix::unistd::unlinkat(folder, name, UnlinkatFlags::NoRemoveDir);
    quiet(|| format!("unlink `{}`", shown(name)), answer)
}

/// Removes an empty directory.
///
/// Man page: `rmdir(2)`. ENOTEMPTY; EBUSY: something is mounted on it.
pub fn rmdir_in(folder: impl AsFd, name: &OsStr) -> Result<()> {
    let answer = nix::unistd::unlinkat(folder, name, UnlinkatFlags::RemoveDir);
    quiet(|| format!("rmdir `{}`", shown(name)), answer)
}

/// Moves `name` from one directory to another of the same mount, where it gets a new name that must be free.
///
/// Man page: `renameat2(2)`, `RENAME_NOREPLACE`. EEXIST: the name is taken; EACCES: a directory that moves is written to,
/// since it holds `..`; EBUSY: something is mounted on it; EXDEV: another mount.
pub fn rename_in(from: impl AsFd, name: &OsStr, to: impl AsFd, new: &str) -> Result<()> {
    let answer = rustix::fs::renameat_with(from, name, to, new, rustix::fs::RenameFlags::NOREPLACE);
    quiet(|| format!("rename `{}` to `{new}`", shown(name)), answer.map_err(errno))
}

/// Changes the mode of an open file, even of one that was opened for nothing but naming it. Needs a `/proc`.
///
/// Man page: `chmod(2)`. EPERM: somebody else's file.
pub fn chmod_open(file: impl AsFd, mode: u32) -> Result<()> {
    let answer = rustix::fs::chmod(path_of(file), rustix::fs::Mode::from_raw_mode(mode));
    quiet(|| format!("chmod {mode:o}"), answer.map_err(errno))
}

/// A name for people.
fn shown(name: &OsStr) -> std::path::Display<'_> {
    Path::new(name).display()
}

/// Names a failure, and tells nothing else.
fn quiet<T>(doing: impl Fn() -> String, answer: nix::Result<T>) -> Result<T> {
    answer.map_err(|errno| Error::new(doing(), errno))
}
