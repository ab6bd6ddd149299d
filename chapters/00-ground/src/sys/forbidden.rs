//! Calls that a container's program should not get through with. Chapter 6's escape room makes them.
//!
//! None of them changes anything on the machine: each goes as far as the kernel's "may you?", and no further.

use super::{told, told_raw};
use crate::{Errno, Error, Result};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The longest handle that a filesystem may give: `MAX_HANDLE_SZ`.
const LONGEST: usize = 128;

/// `struct file_handle` of `fcntl.h`, with room for the longest.
#[repr(C)]
struct RawHandle {
    length: libc::c_uint,
    kind: libc::c_int,
    bytes: [u8; LONGEST],
}

/// A file's name inside its filesystem: not a path, but what the filesystem finds its inode by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHandle {
    /// How to read the bytes; each filesystem has its own kinds.
    pub kind: i32,
    /// Usually an inode number and a generation.
    pub bytes: Vec<u8>,
}

/// The handle of the file at `path`.
///
/// Man page: `name_to_handle_at(2)`; through `libc`, because `nix` has no wrapper. EOPNOTSUPP: a filesystem without.
pub fn handle_of(path: &Path) -> Result<FileHandle> {
    let doing = || format!("name_to_handle_at `{}`", path.display());
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::new(doing(), Errno::EINVAL))?;
    let mut raw = RawHandle { length: LONGEST as libc::c_uint, kind: 0, bytes: [0; LONGEST] };
    let mut mount_id: libc::c_int = 0;
    // SAFETY: the kernel reads a C string, writes at most `length` bytes behind the handle's head, and one int; all
    // three outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            libc::AT_FDCWD,
            name.as_ptr(),
            &raw mut raw,
            &raw mut mount_id,
            0,
        )
    };
    told_raw(doing, answer)?;
    Ok(FileHandle { kind: raw.kind, bytes: raw.bytes[..raw.length as usize].to_vec() })
}

/// Opens, for reading, the file that `handle` names in the filesystem on which `mount` lies. No path is walked, so no
/// root and no mount limits what can be reached.
///
/// Man page: `open_by_handle_at(2)`; through `libc`. Needs CAP_DAC_READ_SEARCH in the initial user namespace (EPERM).
/// ESTALE: no such file.
pub fn open_by_handle(mount: impl AsFd, handle: &FileHandle) -> Result<OwnedFd> {
    let doing = || "open_by_handle_at".to_string();
    if handle.bytes.len() > LONGEST {
        return Err(Error::new(doing(), Errno::EINVAL));
    }
    let mut raw =
        RawHandle { length: handle.bytes.len() as libc::c_uint, kind: handle.kind, bytes: [0; LONGEST] };
    raw.bytes[..handle.bytes.len()].copy_from_slice(&handle.bytes);
    // SAFETY: the kernel reads `length` bytes behind the handle's head; it outlives the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            mount.as_fd().as_raw_fd(),
            &raw mut raw,
            libc::O_RDONLY | libc::O_CLOEXEC,
        )
    };
    let fd = told_raw(doing, answer)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Leaves the session keyring for a new and empty one, which children inherit.
///
/// Man page: `keyctl_join_session_keyring(3)`; through `libc`. EPERM from a seccomp filter: Docker's allows no `keyctl`.
pub fn new_session_keyring() -> Result<()> {
    // SAFETY: a null name means: a keyring without a name. No memory of ours is touched.
    let answer =
        unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<u8>()) };
    told_raw(|| "keyctl: a new session keyring".into(), answer).map(drop)
}

/// Puts a key of the kind `user` into the session keyring.
///
/// Man page: `add_key(2)`; through `libc`.
pub fn add_key(name: &str, secret: &[u8]) -> Result<()> {
    let doing = || format!("add_key `{name}`");
    let c_name = CString::new(name).map_err(|_| Error::new(doing(), Errno::EINVAL))?;
    // SAFETY: two C strings, and `secret` with its own length; all outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_add_key,
            c"user".as_ptr(),
            c_name.as_ptr(),
            secret.as_ptr(),
            secret.len(),
            libc::KEY_SPEC_SESSION_KEYRING,
        )
    };
    told_raw(doing, answer).map(drop)
}

/// The key of that name in the session keyring.
///
/// Man pages: `keyctl_search(3)`, `keyctl_read(3)`; through `libc`. ENOKEY: there is none; EPERM: a seccomp filter.
pub fn read_key(name: &str) -> Result<Vec<u8>> {
    let doing = || format!("keyctl: look for the key `{name}`");
    let c_name = CString::new(name).map_err(|_| Error::new(doing(), Errno::EINVAL))?;
    // SAFETY: two C strings, which outlive the call; the other arguments are integers.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_SEARCH,
            libc::KEY_SPEC_SESSION_KEYRING,
            c"user".as_ptr(),
            c_name.as_ptr(),
            0,
        )
    };
    let key = told_raw(doing, answer)?;
    let mut secret = vec![0; 4096];
    // SAFETY: the kernel writes at most `len` bytes behind the pointer, and `secret` has that many.
    let answer =
        unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_READ, key, secret.as_mut_ptr(), secret.len()) };
    let length = told_raw(|| format!("keyctl: read the key `{name}`"), answer)?;
    secret.truncate(length as usize);
    Ok(secret)
}

/// Puts one byte into the *input* of a terminal, as if somebody had typed it.
///
/// Man page: `TIOCSTI(2const)`; through `libc`. EPERM: not the controlling terminal, and no CAP_SYS_ADMIN; EIO: the
/// machine has switched it off (`dev.tty.legacy_tiocsti`, since Linux 6.2), and no CAP_SYS_ADMIN; ENOTTY.
pub fn type_into_terminal(terminal: impl AsFd, byte: u8) -> Result<()> {
    // SAFETY: the kernel reads one byte behind this pointer, which outlives the call.
    let answer = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSTI, &raw const byte) };
    told_raw(|| "ioctl TIOCSTI".into(), answer.into()).map(drop)
}

/// May this process set the machine's clock? Asks, and sets nothing.
///
/// Man page: `settimeofday(2)`, with neither a time nor a zone; through `libc`. Needs CAP_SYS_TIME (EPERM).
pub fn may_set_clock() -> Result<()> {
    // SAFETY: two null pointers mean: nothing to set.
    let answer =
        unsafe { libc::syscall(libc::SYS_settimeofday, std::ptr::null::<u8>(), std::ptr::null::<u8>()) };
    told_raw(|| "settimeofday, without a time".into(), answer).map(drop)
}

/// An `io_uring` with room for one request; nothing is asked of it.
///
/// Man page: `io_uring_setup(2)`; through `libc`. EPERM: a seccomp filter, or `kernel.io_uring_disabled`; ENOSYS.
pub fn io_uring() -> Result<OwnedFd> {
    /// `struct io_uring_params` is 120 bytes long; all zeroes ask for nothing special.
    #[repr(C, align(8))]
    struct Parameters([u8; 120]);
    let mut parameters = Parameters([0; 120]);
    // SAFETY: the kernel reads and writes a `struct io_uring_params` behind this pointer, which outlives the call.
    let answer = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut parameters) };
    let fd = told_raw(|| "io_uring_setup".into(), answer)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A socket that sees and sends whole Ethernet frames.
///
/// Man page: `packet(7)`. Needs CAP_NET_RAW in the user namespace of this network (EPERM).
pub fn packet_socket() -> Result<OwnedFd> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let made = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None);
    told(|| "socket AF_PACKET".into(), made)
}
