//! Reading a directory, and naming an open one.
//!
//! getdents64(2) fills a buffer with names; `std::fs::read_dir` makes an allocation and a path of each. Copying and
//! removing want neither: they go from an open directory to one name in it.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::RawDir;

/// The names in one directory, `.` and `..` left out, one after the other with a zero byte after each.
pub(super) struct Names(Vec<u8>);

impl Names {
    /// Reads all of them before anything is done with one: what a directory read returns while the directory changes
    /// is up to the filesystem.
    pub(super) fn of(folder: BorrowedFd<'_>) -> rustix::io::Result<Self> {
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut entries = RawDir::new(folder, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                names.extend_from_slice(name.to_bytes_with_nul());
            }
        }
        Ok(Self(names))
    }

    /// The names in the order in which the filesystem gave them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &CStr> {
        split_names(&self.0)
    }
}

/// The names in a list where each ends with a zero byte, as listxattr(2) gives them too.
pub(super) fn split_names(list: &[u8]) -> impl Iterator<Item = &CStr> {
    list.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok())
}

/// A path that leads to an open file whatever happens to its name (proc_pid_fd(5)).
pub(super) fn proc_path(file: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
