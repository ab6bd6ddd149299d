//! `process-root`: the host's files, through the root of one of its processes.
//!
//! `/proc/PID/root` is a door to what `/` means for that process. If the container sees a process of the host (it
//! has no PID namespace of its own, or `--pid host`), root inside walks through its door into all files of the
//! host.
//! Source: `proc_pid_root(5)`.
//! Succeeds in: chapter 1, after mounting a `/proc`.
//! Stopped by: a PID namespace (chapter 2). With `--pid host` what remains are capabilities: the door opens for who
//! has all those of that process, or CAP_SYS_PTRACE.

use crate::named;
use crate::processes::{proc, processes};
use coracle_ground::{Errno, Error, Result};
use std::os::unix::fs::MetadataExt;

/// Looks for a process with another root.
pub(crate) fn run(_: &[String]) -> Result<String> {
    let proc = proc()?;
    let identity = |path: &str| {
        let meta = std::fs::metadata(path).map_err(|error| named(format!("stat `{path}`"), &error))?;
        Ok((meta.dev(), meta.ino()))
    };
    let ours = identity("/")?;
    let mut last = Error::new("find a process with another root", Errno::ESRCH);
    for process in processes(proc)? {
        match identity(&format!("{proc}/{process}/root/.")) {
            Ok(its) if its != ours => {
                return Ok(format!("`{proc}/{process}/root` is a `/` that is not ours"));
            }
            Ok(_) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}
