//! The snippets of the book's page "The Rust you need", compiled and run, so that the page cannot go stale.
//!
//! The page takes the parts between `ANCHOR` comments; everything else here only proves them.

#![allow(clippy::join_absolute_paths)] // the page shows what it does

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use coracle_ground::sys;
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, fstat};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, execve, fork, mkdir};

// ANCHOR: question_mark
/// The host name, without the line's end.
fn host_name() -> Result<String, io::Error> {
    let text = fs::read_to_string("/proc/sys/kernel/hostname")?;
    Ok(text.trim_end().to_string())
}
// ANCHOR_END: question_mark

// ANCHOR: errno
/// Makes the directory, or finds that it is there already.
fn make_directory(path: &Path) -> Result<(), Errno> {
    match mkdir(path, Mode::S_IRWXU) {
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    }
}
// ANCHOR_END: errno

// ANCHOR: cstring
/// A path as the kernel takes it: bytes with a zero at the end.
fn for_the_kernel(path: &Path) -> Result<CString, std::ffi::NulError> {
    CString::new(path.as_os_str().as_bytes())
}
// ANCHOR_END: cstring

// ANCHOR: inside
/// Where `path`, as seen from inside `root`, lies on the host.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
// ANCHOR_END: inside

// ANCHOR: owned_fd
/// The inode number of whatever is open as `fd`. Borrows the descriptor: the caller still owns it.
fn inode(fd: BorrowedFd) -> Result<u64, Errno> {
    Ok(fstat(fd)?.st_ino)
}

/// Opens the root directory and gives it away: the caller closes it, by dropping it.
fn open_root() -> Result<OwnedFd, io::Error> {
    let file = File::open("/")?;
    Ok(file.into())
}
// ANCHOR_END: owned_fd

// ANCHOR: fork
/// Makes a child that ends with status 7, and waits for it.
#[allow(unsafe_code)]
fn child_that_ends_with_7() -> Result<i32, Errno> {
    // SAFETY: all that the child does is to end; it touches no lock that another thread could hold.
    match unsafe { fork() }? {
        // SAFETY: _exit runs no destructors and no handlers, and needs no lock.
        ForkResult::Child => unsafe { nix::libc::_exit(7) },
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, status) => Ok(status),
            other => unreachable!("the child can only exit, but: {other:?}"),
        },
    }
}
// ANCHOR_END: fork

// ANCHOR: never
/// Becomes another program. Returns only when that failed.
fn become_program(path: &Path) -> Errno {
    let path = for_the_kernel(path).expect("no zero byte in the path");
    let result: Result<Infallible, Errno> = execve(&path, &[&path], &[] as &[&CString; 0]);
    let Err(errno) = result;
    errno
}
// ANCHOR_END: never

#[test]
fn question_mark_hands_the_error_on() {
    assert!(!host_name().unwrap().ends_with('\n'));
}

#[test]
fn an_errno_can_be_matched() {
    let path = std::env::temp_dir().join(format!("coracle-rust-{}", std::process::id()));
    assert_eq!(make_directory(&path), Ok(()));
    assert_eq!(make_directory(&path), Ok(()));
    fs::remove_dir(&path).unwrap();
    let missing = path.join("a/b");
    assert_eq!(make_directory(&missing), Err(Errno::ENOENT));
}

// ANCHOR: our_error
#[test]
fn an_error_says_what_was_being_done() {
    let error = sys::chroot(Path::new("/no/such/place")).unwrap_err();
    assert_eq!(error.errno, Errno::ENOENT);
    assert!(error.to_string().starts_with("chroot to `/no/such/place`: ENOENT"));
}
// ANCHOR_END: our_error

#[test]
fn a_zero_byte_is_refused() {
    assert!(for_the_kernel(Path::new("/bin/sh")).is_ok());
    assert!(for_the_kernel(Path::new("/bin/\0sh")).is_err());
}

// ANCHOR: join
#[test]
fn joining_an_absolute_path_forgets_the_root() {
    let root = Path::new("/srv/root");
    assert_eq!(root.join("bin/sh"), Path::new("/srv/root/bin/sh"));
    assert_eq!(root.join("/bin/sh"), Path::new("/bin/sh")); // the root is gone!
}
// ANCHOR_END: join

#[test]
fn a_path_inside_stays_inside() {
    let found = inside(Path::new("/srv/root"), Path::new("/bin/sh"));
    assert_eq!(found, Path::new("/srv/root/bin/sh"));
}

// ANCHOR: drop
#[test]
fn a_descriptor_is_lent_and_then_closed() {
    let root = open_root().unwrap();
    let number = inode(root.as_fd()).unwrap(); // lent, not given away
    assert_eq!(number, fs::metadata("/").unwrap().ino());
} // `root` ends here, and with it the descriptor: close() is called
// ANCHOR_END: drop

#[test]
fn a_child_has_a_status() {
    assert_eq!(child_that_ends_with_7(), Ok(7));
}

#[test]
fn exec_returns_only_to_tell_why_not() {
    assert_eq!(become_program(Path::new("/no/such/program")), Errno::ENOENT);
}

// ANCHOR: flags
#[test]
fn flags_are_a_set() {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    assert!(flags.contains(MsFlags::MS_NODEV));
    assert!(!flags.contains(MsFlags::MS_RDONLY));
    let read_only = flags | MsFlags::MS_RDONLY; // `flags` itself has not changed
    assert!(read_only.contains(flags));
}
// ANCHOR_END: flags
