//! Pseudo-terminals: a pair of ends, one for people (the host's), one for programs (the container's).

use super::{told, told_raw};
use crate::{Errno, Result};
use nix::fcntl::OFlag;
pub use nix::pty::Winsize;
use nix::pty::{PtyMaster, grantpt, posix_openpt, unlockpt};
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Opens a new pair in the `/dev/pts` that this process sees: the host's end, and the path of the program's end.
///
/// Made by init after it has its own `/dev`, so that the container's `tty` names a file that is really there.
/// Man page: `pts(4)`, `devpts` in the kernel's documentation.
pub fn open_pty() -> Result<(OwnedFd, PathBuf)> {
    let opened = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC);
    let master: PtyMaster = told(|| "open `/dev/ptmx`".into(), opened)?;
    told(|| "grantpt".into(), grantpt(&master))?;
    told(|| "unlockpt".into(), unlockpt(&master))?;
    let mut number: libc::c_int = 0;
    // SAFETY: the kernel writes one int behind this pointer, and `number` is one and outlives the call.
    let answer = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN, &mut number) };
    told_raw(|| "ioctl TIOCGPTN".into(), answer.into())?;
    // SAFETY: `PtyMaster` gives its descriptor up here, so that there is one owner again.
    let master = unsafe { OwnedFd::from_raw_fd(std::os::fd::IntoRawFd::into_raw_fd(master)) };
    Ok((master, PathBuf::from(format!("/dev/pts/{number}"))))
}

/// Leaves the terminal and the job control of the caller: this process leads a new session without a terminal.
///
/// Man page: `setsid(2)`. EPERM: it leads a process group already.
pub fn new_session() -> Result<()> {
    told(|| "setsid".into(), nix::unistd::setsid()).map(drop)
}

/// Makes `terminal` the controlling terminal of this session: Ctrl-C in it then means this session's programs.
///
/// Man page: `ioctl_tty(2)`, `TIOCSCTTY`. EPERM: not a session leader, or it has a terminal.
pub fn control_terminal(terminal: impl AsFd) -> Result<()> {
    // SAFETY: the argument is an integer; no memory is shared.
    let answer = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSCTTY, 0) };
    told_raw(|| "ioctl TIOCSCTTY".into(), answer.into()).map(drop)
}

/// Puts `process`, a child that has not exec'ed yet, into a process group of its own, and makes that the foreground of
/// `terminal`: from now on the terminal's keys mean this group alone.
///
/// Man pages: `setpgid(2)`, `tcsetpgrp(3)`. EACCES: the child has exec'ed; ENOTTY: not this session's terminal. A caller
/// in the background is stopped by SIGTTOU unless it blocks that signal.
pub fn give_foreground(terminal: impl AsFd, process: Pid) -> Result<()> {
    told(|| format!("setpgid of process {process}"), nix::unistd::setpgid(process, process))?;
    told(|| "tcsetpgrp".into(), nix::unistd::tcsetpgrp(terminal, process))
}

/// How many rows and columns does `terminal` have?
///
/// Man page: `ioctl_tty(2)`, `TIOCGWINSZ`. ENOTTY: not a terminal.
pub fn window_size(terminal: impl AsFd) -> Result<Winsize> {
    let mut size = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes a `winsize` behind this pointer, and `size` is one and outlives the call.
    let answer = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &mut size) };
    told_raw(|| "ioctl TIOCGWINSZ".into(), answer.into()).map(|_| size)
}

/// Tells `terminal` its size; the programs in it get SIGWINCH.
///
/// Man page: `ioctl_tty(2)`, `TIOCSWINSZ`.
pub fn set_window_size(terminal: impl AsFd, size: &Winsize) -> Result<()> {
    // SAFETY: the kernel reads a `winsize` behind this pointer, and `size` is one and outlives the call.
    let answer = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSWINSZ, size) };
    told_raw(|| "ioctl TIOCSWINSZ".into(), answer.into()).map(drop)
}

/// Makes `file` this process's standard input, output and error.
///
/// Man page: `dup2(2)`.
pub fn become_stdio(file: impl AsFd) -> Result<()> {
    (0..3).try_for_each(|number| duplicate_onto(&file, number))
}

/// Makes `file` this process's descriptor `number` (0, 1 or 2) as well.
///
/// Man page: `dup2(2)`. The copy is *not* closed on exec.
pub fn duplicate_onto(file: impl AsFd, number: i32) -> Result<()> {
    debug_assert!((0..3).contains(&number), "only the standard streams have no owner");
    // SAFETY: 0 to 2 are this process's standard streams, which no `OwnedFd` of ours owns.
    let answer = unsafe { libc::dup2(file.as_fd().as_raw_fd(), number) };
    told(|| format!("dup2 onto {number}"), Errno::result(answer)).map(drop)
}

/// Opens the terminal at `path` for reading and writing, without making it the controlling one.
///
/// Man page: `open(2)` at `O_NOCTTY`.
pub fn open_terminal(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let opened = nix::fcntl::open(path, flags, nix::sys::stat::Mode::empty());
    told(|| format!("open `{}`", path.display()), opened)
}
