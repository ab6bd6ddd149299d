//! `setuid`: root again, through a program with the setuid bit.
//!
//! `--user 1000` takes root away. A program of the image that belongs to root and has the setuid bit gives it back.
//! This attack *is* that program: the test makes the binary itself setuid.
//! Source: `execve(2)`, `capabilities(7)`; CVE-2021-4034 was a bug of such a program, `pkexec`.
//! Succeeds in: chapter 6 as it starts, as in Docker, where images need `su` and `sudo`.
//! Stopped by: `--security-opt no-new-privileges`. What root gets back is no more than the bounding set.

use coracle_ground::{Errno, Error, Result, sys};
use nix::unistd::{Uid, getuid};

/// Looks at who it has become.
pub(crate) fn run(_: &[String]) -> Result<String> {
    let (real, effective) = (getuid(), Uid::effective());
    if real.is_root() || !effective.is_root() {
        return Err(Error::new(
            format!("become root (user {real}, effective user {effective})"),
            Errno::EPERM,
        ));
    }
    Ok(format!("user {real} is root, with capabilities {:x}", sys::capabilities()?.effective))
}
