//! Giving a copy what its source has besides content: owner, mode, extended attributes, times.
//!
//! The order matters, because the kernel protects itself: a change of owner clears set-user-ID and capabilities, and
//! every change of anything touches the times. So: owner, mode, attributes, and times last.
//!
//! Man pages: chown(2), chmod(2), xattr(7), utimensat(2).
//!
//! What we leave out: extended attributes of links and device nodes; access times.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chownat, fchmod,
    fchown, fgetxattr, flistxattr, fsetxattr, futimens, utimensat,
};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid, umask};

use super::folder::split_names;

/// No umask for as long as this lives: modes are to be those of the source, not what our caller's umask leaves of them.
///
/// The umask belongs to the whole process. The engine has one thread, and then the lock is free; tests have several.
pub(super) struct NoUmask {
    before: Mode,
    _alone: MutexGuard<'static, ()>,
}

impl NoUmask {
    pub(super) fn begin() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: umask(Mode::empty()), _alone: alone }
    }
}

impl Drop for NoUmask {
    fn drop(&mut self) {
        umask(self.before);
    }
}

/// The user and group of the files that this process makes.
pub(super) struct Owner {
    uid: Uid,
    gid: Gid,
}

impl Owner {
    /// Asks the kernel once, not for each file.
    pub(super) fn of_new_files() -> Self {
        Self { uid: geteuid(), gid: getegid() }
    }

    /// Makes the open copy `to` like the open source `from`. The umask must be zero.
    pub(super) fn finish(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        stat: &Stat,
    ) -> rustix::io::Result<()> {
        let owned = self.owns(stat);
        if !owned {
            self.unless_forbidden(fchown(
                to,
                Some(Uid::from_raw(stat.st_uid)),
                Some(Gid::from_raw(stat.st_gid)),
            ))?;
        }
        let mode = Mode::from_raw_mode(stat.st_mode);
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if is_folder || !owned || mode.bits() & 0o7000 != 0 {
            fchmod(to, mode)?;
        }
        attributes(from, to)?;
        futimens(to, &times(stat.st_mtime, stat.st_mtime_nsec as _))
    }

    /// The same for what has no content and cannot be opened: links, devices.
    pub(super) fn finish_by_name(
        &self,
        folder: BorrowedFd<'_>,
        name: &CStr,
        stat: &Stat,
    ) -> rustix::io::Result<()> {
        if !self.owns(stat) {
            let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
            self.unless_forbidden(chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW))?;
        }
        utimensat(folder, name, &times(stat.st_mtime, stat.st_mtime_nsec as _), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Does a file that we make belong to the right user and group already?
    fn owns(&self, stat: &Stat) -> bool {
        (stat.st_uid, stat.st_gid) == (self.uid.as_raw(), self.gid.as_raw())
    }

    /// An ordinary user cannot give files away and need not: in the user namespace all of them are root's.
    fn unless_forbidden(&self, done: rustix::io::Result<()>) -> rustix::io::Result<()> {
        match done {
            Err(Errno::PERM) if !self.uid.is_root() => Ok(()),
            other => other,
        }
    }
}

/// The source's time of change; the time of access is nobody's business.
pub(super) fn times(seconds: i64, nanoseconds: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ },
    }
}

/// Copies the extended attributes that this user may set. Most files have none, and then this is one call.
fn attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let mut names = [0_u8; 4096];
    let listed = match flistxattr(from, &mut names[..]) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(()),
        other => other?,
    };
    let mut value = vec![0_u8; 65_536]; // XATTR_SIZE_MAX
    for name in split_names(&names[..listed]) {
        let length = fgetxattr(from, name, &mut value[..])?;
        match fsetxattr(to, name, &value[..length], XattrFlags::empty()) {
            // Labels and capabilities are for root to set.
            Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
