//! `io-uring`: system calls that no filter sees.
//!
//! With `io_uring` a process writes requests into memory that it shares with the kernel, and the kernel carries
//! them out: open, read, connect. No system call happens, so a seccomp filter is never asked. And the code is large
//! and new.
//! Source: CVE-2021-41073, CVE-2022-29582; Docker's default filter allows it no longer since version 25 (moby pull
//! request 46762).
//! Succeeds in: chapter 3.
//! Stopped by: the seccomp filter (chapter 6), at its first call.

use coracle_ground::{Result, sys};

/// Makes a ring, and asks nothing of it.
pub(crate) fn run(_: &[String]) -> Result<String> {
    sys::io_uring().map(|_| "a ring is there: the kernel takes requests past the filter".into())
}
