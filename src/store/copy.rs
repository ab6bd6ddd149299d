//! A container's own copy of its image's root. **Until chapter 7**, where an overlay makes it unnecessary: then this
//! file goes, and [`super::ImageRoot`] is mounted instead.
//!
//! A container that stays has its copy on disk, as `rootfs` in its directory. One with `--rm` needs none, unless the
//! kernel refuses an overlay.
//!
//! It is on the way of every `coracle run`, so it does as little as the result allows: from one open directory to the
//! next, no path looked up twice, one descriptor a file. Data are shared where the filesystem can (FICLONE: btrfs, XFS,
//! bcachefs), else copied inside the kernel (copy_file_range(2), and sendfile(2) between filesystems) without passing through us.
//!
//! Kept: kinds, modes, owners, times, holes, extended attributes of files and directories (a program's capabilities are
//! one), hard links between files of the tree, device nodes. The source is never written, and links never followed.
//!
//! Man pages: ioctl_ficlone(2), copy_file_range(2), openat(2), xattr(7).
//!
//! What we leave out: extended attributes of links and device nodes; access times.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use coracle_ground::{Error, trace};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, SeekFrom, Stat, copy_file_range, fstat, ftruncate, ioctl_ficlone,
    linkat, mkdirat, mknodat, openat, readlinkat, seek, sendfile, statat, symlinkat,
};
use rustix::io::Errno;

use super::attributes::{NoUmask, Owner};
use super::folder::Names;
use super::nix_errno;
use crate::fault;

/// Each level costs two descriptors and some stack; no real root filesystem comes near.
pub(super) const DEEPEST: usize = 200;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Copies all that is in the directory `from` into the empty directory `to`, and makes `to` what `from` is.
pub(super) fn tree(from: BorrowedFd<'_>, to: &Path) -> Result<(), Error> {
    let _umask = NoUmask::begin();
    let mut copy = Copy::new(Way::Share);
    let done = copy.top(from, to).map_err(nix_errno);
    let way = match copy.way {
        Way::Share => "FICLONE",
        Way::Copy => "copy_file_range",
        Way::Send => "sendfile",
    };
    trace::call(|| format!("copy {} files to `{}`, data by {way}", copy.count, to.display()), &done);
    done.map_err(|errno| {
        let at = Path::new("/").join(&copy.at);
        Error::new(format!("copy `{}` to `{}`", at.display(), to.display()), errno)
    })
}

/// One copy on its way.
struct Copy {
    /// What is being copied, from the top of the tree: for messages and for hard links.
    at: PathBuf,
    /// Where the first copy of each file with several names is.
    links: HashMap<(u64, u64), CString>,
    /// How data get there: the best way that has not failed yet.
    way: Way,
    /// The topmost directory of the copy.
    top: Option<OwnedFd>,
    /// Whose our new files are before anything is done about it.
    owner: Owner,
    /// How many files there were.
    count: usize,
}

impl Copy {
    fn new(way: Way) -> Self {
        let (at, links, owner) = (PathBuf::new(), HashMap::new(), Owner::of_new_files());
        Self { at, links, way, top: None, owner, count: 0 }
    }

    fn top(&mut self, from: BorrowedFd<'_>, to: &Path) -> rustix::io::Result<()> {
        let to = openat(CWD, to, FOLDER, Mode::empty())?;
        self.top =
            Some(to.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::MFILE))?);
        self.folder(from, to.as_fd(), 0)?;
        self.owner.finish(from, to.as_fd(), &fstat(from)?)
    }

    /// Copies what is in `from` into `to`.
    fn folder(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: usize) -> rustix::io::Result<()> {
        if depth > DEEPEST {
            return Err(Errno::NAMETOOLONG);
        }
        for name in Names::of(from)?.iter() {
            self.at.push(std::ffi::OsStr::from_bytes(name.to_bytes()));
            self.entry(from, to, name, depth)?;
            self.at.pop();
        }
        Ok(())
    }

    /// Copies the one thing called `name`.
    fn entry(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        depth: usize,
    ) -> rustix::io::Result<()> {
        self.count += 1;
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if stat.st_nlink > 1 && kind != FileType::Directory && self.linked(to, name, &stat)? {
            return Ok(());
        }
        match kind {
            FileType::Directory => {
                mkdirat(to, name, Mode::RWXU)?;
                let (from, to) =
                    (openat(from, name, FOLDER, Mode::empty())?, openat(to, name, FOLDER, Mode::empty())?);
                self.folder(from.as_fd(), to.as_fd(), depth + 1)?;
                self.owner.finish(from.as_fd(), to.as_fd(), &stat)
            }
            FileType::RegularFile => self.file(from, to, name, &stat),
            FileType::Symlink => {
                symlinkat(readlinkat(from, name, Vec::new())?, to, name)?;
                self.owner.finish_by_name(to, name, &stat)
            }
            kind => {
                mknodat(to, name, kind, Mode::from_raw_mode(stat.st_mode), stat.st_rdev)?;
                self.owner.finish_by_name(to, name, &stat)
            }
        }
    }

    /// Makes `name` a link to the copy of the same file under its first name, if there is one.
    fn linked(&mut self, to: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> rustix::io::Result<bool> {
        let file = (stat.st_dev, stat.st_ino);
        if let (Some(first), Some(top)) = (self.links.get(&file), &self.top) {
            linkat(top, first.as_c_str(), to, name, AtFlags::empty())?;
            return Ok(true);
        }
        let first = CString::new(self.at.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)?;
        self.links.insert(file, first);
        Ok(false)
    }

    fn file(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        stat: &Stat,
    ) -> rustix::io::Result<()> {
        let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let from = openat(from, name, read, Mode::empty())?;
        let to = openat(to, name, write, Mode::from_raw_mode(stat.st_mode & 0o777))?;
        self.data(&from, &to, stat)?;
        fault::point("rootfs-copying");
        self.owner.finish(from.as_fd(), to.as_fd(), stat)
    }

    /// Shares or copies what is in a file.
    fn data(&mut self, from: &OwnedFd, to: &OwnedFd, stat: &Stat) -> rustix::io::Result<()> {
        let size = stat.st_size.unsigned_abs();
        if self.way == Way::Share && size > 0 {
            match ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                Err(error) => self.way = self.way.next(error)?,
            }
        }
        if stat.st_blocks.unsigned_abs() * 512 < size {
            return self.with_holes(from, to, size);
        }
        self.range(from, to, 0, size)
    }

    /// Copies the pieces of a file that hold data; what lies between stays a hole.
    fn with_holes(&mut self, from: &OwnedFd, to: &OwnedFd, size: u64) -> rustix::io::Result<()> {
        ftruncate(to, size)?;
        let mut at = 0;
        while at < size {
            let data = match seek(from, SeekFrom::Data(at)) {
                Ok(data) => data,
                Err(Errno::NXIO) => return Ok(()), // only a hole is left
                Err(error) => return Err(error),
            };
            at = seek(from, SeekFrom::Hole(data))?;
            self.range(from, to, data, at)?;
        }
        Ok(())
    }

    /// Copies the bytes from `start` to `end` inside the kernel.
    fn range(&mut self, from: &OwnedFd, to: &OwnedFd, start: u64, end: u64) -> rustix::io::Result<()> {
        let (mut read, mut written) = (start, start);
        if start > 0 {
            seek(to, SeekFrom::Start(start))?; // where sendfile writes
        }
        while read < end {
            let left = usize::try_from(end - read).unwrap_or(usize::MAX);
            let copied = match self.way {
                Way::Send => sendfile(to, from, Some(&mut read), left),
                _ => copy_file_range(from, Some(&mut read), to, Some(&mut written), left),
            };
            match copied {
                Ok(0) => return Ok(()), // it was cut short meanwhile
                Ok(_) => {}
                Err(error) => self.way = self.way.next(error)?,
            }
        }
        Ok(())
    }
}

/// The ways in which the kernel can bring a file's data from one place to another, the best first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Both files have the same blocks until one is written.
    Share,
    /// Within one filesystem.
    Copy,
    /// Between any two.
    Send,
}

impl Way {
    /// The next way to try, when the kernel says "not between these two files". That is said in several words, and
    /// holds for the whole tree.
    fn next(self, error: Errno) -> rustix::io::Result<Self> {
        match (self, error) {
            (Self::Send, _) => Err(error),
            (_, Errno::XDEV | Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::NOSYS) => match self {
                Self::Share => Ok(Self::Copy),
                Self::Copy | Self::Send => Ok(Self::Send),
            },
            _ => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
