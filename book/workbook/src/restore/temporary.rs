//! Temporary directories. Ours are called `coracle-<what>-<pid>`, sometimes with more behind it, and go when that process is gone.
//!
//! `coracle-kit-<uid>` is no leftover: the test kit keeps the tiny root filesystem there between runs.

use super::cgroups::YOUNG;
use super::processes::Process;
use super::remedy::{Leftover, Remedy};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Only these: a directory called `coracle-notes-2025` is somebody's notes.
const KINDS: [&str; 4] = ["doctor", "remove", "rust", "unit"];

/// The process that made a directory of this name; `None` when the name is not one that we give.
pub(crate) fn maker(name: &str) -> Option<i32> {
    let mut parts = name.strip_prefix("coracle-")?.splitn(3, '-');
    let kind = parts.next()?;
    let pid = parts.next()?.parse().ok()?;
    (KINDS.contains(&kind) && pid > 0).then_some(pid)
}

/// Those in `folder` whose maker is gone and that belong to `uid` (root: to anybody).
pub(crate) fn leftovers(folder: &Path, uid: u32) -> Vec<Leftover> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(pid) = maker(&entry.file_name().to_string_lossy()) else { continue };
        // A link may have been put there by somebody else; DirEntry's metadata does not follow it.
        let ours =
            entry.metadata().is_ok_and(|metadata| metadata.is_dir() && (uid == 0 || metadata.uid() == uid));
        // The number may be one of another PID namespace that shares this directory with us: so not what was made just now.
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let old = modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > YOUNG);
        if ours && old && Process::of(pid).is_none() {
            found.push(Leftover {
                what: format!("directory {}", entry.path().display()),
                why: format!("process {pid}, which made it, is gone"),
                remedy: Remedy::RemoveTree(entry.path()),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::Uid;
    use std::time::{Duration, SystemTime};

    #[test]
    fn names_that_we_give() {
        for (name, pid) in [
            ("coracle-doctor-77", Some(77)),
            ("coracle-unit-77-some-test", Some(77)),
            ("coracle-kit-1000", None),
            ("coracle-notes-2025", None),
            ("coracle-doctor-x", None),
            ("coracle-doctor", None),
            ("oracle-doctor-77", None),
        ] {
            assert_eq!(maker(name), pid, "{name}");
        }
    }

    #[test]
    fn only_directories_of_dead_processes_go() {
        let folder = tempfile::tempdir().unwrap();
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        for pid in [4_000_004, std::process::id()] {
            let old = folder.path().join(format!("coracle-doctor-{pid}"));
            fs::create_dir(&old).unwrap();
            fs::File::open(old).unwrap().set_modified(hour_ago).unwrap();
        }
        fs::create_dir(folder.path().join("coracle-notes-1")).unwrap();
        fs::create_dir(folder.path().join("coracle-doctor-4000005")).unwrap(); // too young
        std::os::unix::fs::symlink("/", folder.path().join("coracle-unit-4000004")).unwrap();
        let found = leftovers(folder.path(), Uid::effective().as_raw());
        assert_eq!(found.len(), 1);
        assert!(found[0].what.ends_with("coracle-doctor-4000004"));
    }
}
