//! Following paths that somebody else has written, without ever leaving a directory.
//!
//! openat2(2) with RESOLVE_IN_ROOT makes the kernel itself treat a directory as `/` while it follows a path: absolute
//! links begin there, and `..` stops there, as they will for the container that gets this directory as its root.
//! Checking a path first and opening it then would not do: it can change in between.
//!
//! ```text
//!   "lib/x.so", with lib -> /usr/lib        openat2(root, "lib", IN_ROOT) = root/usr/lib, then "x.so" in it
//!   "a/passwd", with a -> ../../../etc      openat2(root, "a", IN_ROOT)   = root/etc: harmless
//!   "../../etc/passwd"                      refused: no honest tool writes such a name
//! ```
//!
//! Man pages: openat2(2), path_resolution(7).
//!
//! What we leave out: kernels before 5.6, which lack the call.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, mkdirat, open, openat, openat2, statat};
use rustix::io::Errno;

use super::because;
use super::copy::DEEPEST;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A directory that no path leads out of.
pub(super) struct Inside(OwnedFd);

impl Inside {
    /// Opens it; this one path is ours, and trusted.
    pub(super) fn of(root: &Path) -> Result<Self> {
        Ok(Self(open(root, FOLDER, Mode::empty()).map_err(because)?))
    }

    /// Opens the directory `path`, and makes what is missing of it.
    pub(super) fn folder(&self, path: &Path) -> Result<OwnedFd> {
        match openat2(&self.0, or_dot(path), FOLDER, Mode::empty(), ResolveFlags::IN_ROOT) {
            Err(Errno::NOENT) => {
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    bail!("it is gone")
                };
                let parent = self.folder(parent)?;
                make_folder(parent.as_fd(), name)?;
                let opened = openat(&parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
                opened.map_err(because).context("a link on the way to it leads nowhere")
            }
            Err(Errno::NOTDIR) => bail!("what should be a directory on the way to it is a file"),
            other => other.map_err(because),
        }
    }

    /// Opens the directory `path` if it is one, and itself no link.
    pub(super) fn existing(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        openat2(&self.0, or_dot(path), FOLDER | OFlags::NOFOLLOW, Mode::empty(), ResolveFlags::IN_ROOT)
    }
}

/// Makes a directory, unless there is one. A link counts: archives of a merged `/usr` hold `lib` as both.
pub(super) fn make_folder(parent: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => {
            let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(because)?;
            let kind = FileType::from_raw_mode(stat.st_mode);
            ensure!(
                matches!(kind, FileType::Directory | FileType::Symlink),
                "a directory and a file of one name"
            );
            Ok(())
        }
        other => other.map_err(because),
    }
}

/// A name from an archive as a path below its root: without a leading `/` or `.`, and never with `..`.
pub(super) fn clean(path: &Path) -> Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => bail!("the name leads out of the archive"),
        }
    }
    ensure!(clean.components().count() <= DEEPEST, "directories are nested deeper than {DEEPEST}");
    Ok(clean)
}

/// The kernel knows no empty path; `.` is the directory itself.
fn or_dot(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        for (name, path) in
            [("bin/sh", "bin/sh"), ("./bin//sh", "bin/sh"), ("/etc/passwd", "etc/passwd"), ("./", "")]
        {
            assert_eq!(clean(Path::new(name)).unwrap(), Path::new(path), "{name}");
        }
        for name in ["..", "../etc/passwd", "a/../../b", "/.."] {
            assert!(clean(Path::new(name)).is_err(), "{name}");
        }
    }
}
