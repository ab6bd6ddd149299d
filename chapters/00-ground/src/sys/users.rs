//! What a user namespace needs from outside: its maps, and the programs that may write those which we may not.

use super::told;
use crate::{Errno, Error, Result};
use nix::unistd::Pid;
use std::process::{Command, Stdio};

/// Writes `text` into `/proc/PID/FILE`, in one piece, which is how the kernel wants it.
///
/// For `uid_map`, `gid_map` and `setgroups` of a process in a new user namespace. Each map can be written once.
/// Man page: `user_namespaces(7)`. EPERM: already written, or not ours to write; EINVAL: the ranges are wrong.
pub fn write_proc(pid: Pid, file: &str, text: &str) -> Result<()> {
    let path = format!("/proc/{pid}/{file}");
    let answer = std::fs::write(&path, text);
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    told(|| format!("write {text:?} to `{path}`"), answer.map_err(errno))
}

/// Runs a program to its end: `newuidmap`, for instance, which is setuid root and so may what we may not.
///
/// The program is found in PATH. What it complains about becomes part of the error. ENOENT: not installed; EPERM: it ran and
/// refused. (Any refusal: a program has only its own words to say why.)
pub fn run_helper(argv: &[String]) -> Result<()> {
    let doing = || format!("run `{}`", argv.join(" "));
    let Some((program, args)) = argv.split_first() else {
        return Err(Error::new("run a program without a name", Errno::ENOENT));
    };
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    let output = told(doing, output.map_err(errno))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(Error::new(format!("{}, which says “{}”", doing(), words.trim()), Errno::EPERM))
        }
    }
}
