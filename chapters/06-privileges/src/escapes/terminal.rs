//! `terminal`: a command, typed into the shell of who started the container. CVE-2017-5226, CVE-2016-2568.
//!
//! The ioctl TIOCSTI puts a byte into the *input* of a terminal. A container that shares the terminal of the shell
//! that started it writes a command, and the shell executes it, on the host, when the container has ended.
//! Source: CVE-2017-5226 (bubblewrap), CVE-2016-2568 (pkexec), CVE-2016-2781 (chroot).
//! Succeeds in: chapter 3.
//! Stopped by: a session of its own (`setsid`), for a process without CAP_SYS_ADMIN (chapter 6), or a terminal of
//! its own, as `-t` gives it. Linux 6.2 and later can switch the ioctl off for all without that capability
//! (`dev.tty.legacy_tiocsti`). Docker's filter does not look at it.

use coracle_ground::{Result, sys};

/// What the shell will read.
const TYPED: &str = "typed by the container\n";

/// Types a line.
pub(crate) fn run(_: &[String]) -> Result<String> {
    TYPED.bytes().try_for_each(|byte| sys::type_into_terminal(std::io::stdin(), byte))?;
    Ok("a line stands in the terminal's input".into())
}
