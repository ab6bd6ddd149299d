//! Removing a tree that a container has written.
//!
//! `rm -r` looks harmless, but the names in this tree were chosen by somebody who may wish the host ill. Every step goes
//! from an open directory to one name in it, and a symbolic link is never followed: a container that replaces a
//! directory by a link to `/etc` while we descend gains nothing. Mount points are not crossed (openat2(2) with
//! RESOLVE_NO_XDEV): should something of the host's ever be mounted there, it stays whole.
//!
//! An ordinary user's own container may hold directories that their owner cannot enter; they are opened up first. And it
//! may hold files of other users: those to whom the machine's `/etc/subuid` gave numbers. They are nobody's outside, and
//! root's of the user namespace in which they were made. So such a tree is removed in one like it.
//!
//! Man pages: openat2(2), unlinkat(2), proc_pid_fd(5).
//!
//! What we leave out: files made immutable with chattr(1), which stay and are named in the error.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use coracle_ground::Error;
use coracle_users::{in_user_namespace, maps_for_caller};
use nix::unistd::geteuid;
use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, SeekFrom, chmod, open, openat, openat2, renameat, seek, unlinkat,
};
use rustix::io::Errno;

use super::folder::{Names, proc_path};
use super::nix_errno;
use crate::fault;

/// Deeper than this, a directory is moved up before it is emptied: each level costs a descriptor and some stack, and
/// a container can nest directories without end.
const DEEP: usize = 128;

/// Removes `path` with all that is in it. That nothing is there is no error.
pub(super) fn tree(path: &Path) -> Result<(), Error> {
    match in_words(path, remove(path)) {
        Err(error) if error.errno != nix_errno(Errno::XDEV) && !geteuid().is_root() => {
            as_root_inside(path, error)
        }
        answer => answer,
    }
}

/// Once more, as root of a user namespace with the maps of our containers. `first` is why we could not as ourselves.
fn as_root_inside(path: &Path, first: Error) -> Result<(), Error> {
    let maps = maps_for_caller()?;
    if maps.is_caller_alone() {
        return Err(first);
    }
    in_user_namespace(&maps, || in_words(path, remove(path)))
}

fn in_words(path: &Path, answer: rustix::io::Result<()>) -> Result<(), Error> {
    answer.map_err(|errno| {
        let mounted =
            if errno == Errno::XDEV { ", in which something is mounted: unmount it first" } else { "" };
        Error::new(format!("remove `{}`{mounted}", path.display()), nix_errno(errno))
    })
}

fn remove(path: &Path) -> rustix::io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL);
    };
    let name = CString::new(name.as_encoded_bytes()).map_err(|_| Errno::INVAL)?;
    let parent = match open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let top = match enter(parent.as_fd(), &name) {
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return unlinkat(&parent, &name, AtFlags::empty()),
        other => other?,
    };
    let mut emptying = Emptying { top: top.as_fd(), moved: 0 };
    loop {
        let moved_before = emptying.moved;
        emptying.empty(top.as_fd(), 0)?;
        match unlinkat(&parent, &name, AtFlags::REMOVEDIR) {
            // Deep directories were moved up while the list of names was already read.
            Err(Errno::NOTEMPTY) if emptying.moved > moved_before => _ = seek(&top, SeekFrom::Start(0))?,
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// One removal: its topmost directory, and how many deep ones were moved up into it.
struct Emptying<'a> {
    top: BorrowedFd<'a>,
    moved: usize,
}

impl Emptying<'_> {
    /// Removes everything in `folder`, which is `depth` levels below the top.
    fn empty(&mut self, folder: BorrowedFd<'_>, depth: usize) -> rustix::io::Result<()> {
        for name in unless_gone(Names::of(folder))?.iter().flat_map(Names::iter) {
            match unlink(folder, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => fault::point("rootfs-removing"),
                // unlink(2) of a directory: EISDIR on Linux, EPERM by POSIX and on some filesystems.
                Err(Errno::ISDIR | Errno::PERM) if depth >= DEEP => self.move_up(folder, name)?,
                Err(Errno::ISDIR | Errno::PERM) => {
                    let Some(inner) = unless_gone(enter(folder, name))? else { continue };
                    self.empty(inner.as_fd(), depth + 1)?;
                    unless_gone(unlink(folder, name, AtFlags::REMOVEDIR))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves the directory `name` to the top, where it is no longer deep.
    fn move_up(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
        self.moved += 1;
        let new = format!(".coracle-deep-{}-{}", std::process::id(), self.moved);
        renameat(folder, name, self.top, new)
    }
}

/// Another command may be removing the same leftovers: what it has removed already is as good.
fn unless_gone<T>(done: rustix::io::Result<T>) -> rustix::io::Result<Option<T>> {
    match done {
        Err(Errno::NOENT) => Ok(None),
        other => other.map(Some),
    }
}

/// unlinkat(2); a directory that lacks write permission gets it first.
fn unlink(folder: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> rustix::io::Result<()> {
    match unlinkat(folder, name, flags) {
        Err(Errno::ACCESS) => {
            chmod(proc_path(folder), Mode::RWXU)?;
            unlinkat(folder, name, flags)
        }
        other => other,
    }
}

/// Opens the directory `name` in `folder`: itself, not what a link points to, and not what is mounted on it.
fn enter(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let here = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    match openat2(folder, name, flags, Mode::empty(), here) {
        Err(Errno::ACCESS) => {
            let closed = openat(folder, name, flags | OFlags::PATH, Mode::empty())?;
            // The way to change an open file's mode without naming it again, which an attacker could have replaced.
            chmod(proc_path(closed.as_fd()), Mode::RWXU)?;
            openat2(folder, name, flags, Mode::empty(), here)
        }
        // Before Linux 5.6, and below seccomp filters that are older than it.
        Err(Errno::NOSYS) => openat(folder, name, flags, Mode::empty()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("coracle-remove-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let kept = folder("kept");
        fs::write(kept.join("file"), "precious").unwrap();
        let gone = folder("gone");
        symlink(&kept, gone.join("link")).unwrap();
        symlink("/nowhere", gone.join("dangling")).unwrap();
        tree(&gone).unwrap();
        assert!(!gone.exists() && kept.join("file").exists());
        tree(&kept).unwrap();
    }

    #[test]
    fn directories_that_cannot_be_entered_are_removed() {
        let top = folder("closed");
        let inner = top.join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("file"), "").unwrap();
        for (path, mode) in [(&inner, 0o000), (&top.join("a"), 0o500)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        tree(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn a_tree_deeper_than_any_path_is_removed() {
        let top = folder("deep");
        let open_directory = |folder: BorrowedFd<'_>| {
            rustix::fs::mkdirat(folder, "a-directory", Mode::RWXU).unwrap();
            openat(folder, "a-directory", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
        };
        let mut at = open(&top, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..3 * DEEP {
            at = open_directory(at.as_fd());
        }
        tree(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn what_is_not_there_needs_no_removal() {
        tree(Path::new("/tmp/coracle-no-such-folder/x")).unwrap();
    }
}
