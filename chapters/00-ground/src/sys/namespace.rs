//! Namespaces: joining them, naming the machine, and the loopback of a new network.

use super::{told, told_raw};
use crate::Result;
use nix::sched::CloneFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// Moves *this* process into new namespaces. For a PID namespace: only its children, from now on.
///
/// Man page: `unshare(2)`. Needs CAP_SYS_ADMIN, except for `CLONE_NEWUSER`. EPERM; EINVAL; ENOSPC.
pub fn unshare(namespaces: CloneFlags) -> Result<()> {
    told(|| format!("unshare {}", flag_names(namespaces)), nix::sched::unshare(namespaces))
}

/// A descriptor for the process `pid`. It means that process for ever: a number can be given out again.
///
/// Man page: `pidfd_open(2)`; through `libc`, because `nix` has no wrapper. ESRCH: no such process. Since Linux 5.3.
pub fn pidfd_open(pid: Pid) -> Result<OwnedFd> {
    // SAFETY: the call takes two integers and touches no memory of ours.
    let answer = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = told_raw(|| format!("pidfd_open of process {pid}"), answer)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Moves this process into the namespaces of another: those of the kinds `namespaces`, all in one step.
///
/// Man page: `setns(2)`, with a descriptor from [`pidfd_open`] (since Linux 5.8).
/// Needs CAP_SYS_ADMIN in the target's user namespace. EPERM; ESRCH: it has ended.
/// For a PID namespace only the *children* of this process move.
pub fn setns(process: impl AsFd, namespaces: CloneFlags) -> Result<()> {
    told(|| format!("setns into {}", flag_names(namespaces)), nix::sched::setns(process, namespaces))
}

/// Names the machine, for all who share this UTS namespace.
///
/// Man page: `sethostname(2)`. Needs CAP_SYS_ADMIN. EINVAL: longer than 64 bytes; EPERM.
pub fn sethostname(name: &str) -> Result<()> {
    told(|| format!("sethostname `{name}`"), nix::unistd::sethostname(name))
}

/// Switches the loopback interface of this network namespace on. In a new one it is down, and `127.0.0.1` is nowhere.
///
/// Man page: `netdevice(7)`, `SIOCSIFFLAGS`; through `libc`. Needs CAP_NET_ADMIN.
pub fn loopback_up() -> Result<()> {
    let made = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    let any_socket = told(|| "socket for the loopback".into(), made)?;
    // SAFETY: `ifreq` is plain data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the kernel reads an `ifreq` behind this pointer, and `request` is one and outlives the call.
    let answer = unsafe { libc::ioctl(any_socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) };
    told_raw(|| "ioctl to switch `lo` on".into(), answer.into()).map(drop)
}

/// `NEWPID|NEWNS`, for people.
pub(crate) fn flag_names(flags: CloneFlags) -> String {
    let names = flags.iter_names().map(|(name, _)| name.trim_start_matches("CLONE_"));
    match names.collect::<Vec<_>>().join("|") {
        none if none.is_empty() => "no new namespace".into(),
        names => names,
    }
}
