//! Cgroups that nobody needs any more. All that the engine and the tests make are called `coracle-…`.

use super::processes::{Process, kill_all};
use super::remedy::{Leftover, Remedy};
use crate::doctor::mountinfo::Mount;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The cgroups of test worlds: `coracle-world-<world's id>`.
const WORLD: &str = "coracle-world-";

/// A group younger than this may be one that is just being made.
pub(super) const YOUNG: Duration = Duration::from_secs(60);

/// What is to be done with one group.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Its world or container lives.
    InUse,
    /// Its world or container is gone: whatever is in it may be killed.
    Dead,
    /// Nobody here can tell: it may go if it is old and empty.
    Unknown,
}

/// What is known about worlds and containers.
pub(crate) struct Known<'a> {
    /// Does the world with this id live? `None`: it cannot be told here. Cgroups are the machine's, process numbers belong to a PID
    /// namespace, so only in the first one can every maker be seen.
    pub(crate) world_lives: &'a dyn Fn(&str) -> Option<bool>,
    /// Does the container with this id live? `None`: it is not in this data root.
    pub(crate) container_lives: &'a dyn Fn(&str) -> Option<bool>,
}

/// The innermost first. What is in use goes to `in_use`.
pub(crate) fn leftovers(
    mounts: &[Mount],
    known: &Known<'_>,
    in_use: &mut Vec<(String, String)>,
) -> Vec<Leftover> {
    let hierarchies = mounts.iter().filter(|mount| mount.kind.starts_with("cgroup"));
    let mut groups: Vec<_> = hierarchies.flat_map(|mount| named(&mount.point)).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.components().count()), group.clone()));
    groups.dedup();
    let mut found = Vec::new();
    for group in groups {
        let what = format!("cgroup {}", group.display());
        match fate(&group, known) {
            Fate::Dead => found.push(Leftover {
                what,
                why: "its world or container is gone".into(),
                remedy: Remedy::EmptyCgroup(group),
            }),
            Fate::Unknown if is_old(&group) && !is_populated(&group) => found.push(Leftover {
                what,
                why: "its name is one of ours, and nothing lives in it".into(),
                remedy: Remedy::RemoveCgroup(group),
            }),
            Fate::InUse => in_use.push((what, "its world or container lives".into())),
            Fate::Unknown => {
                in_use.push((what, "it is new, or something that we do not know lives in it".into()))
            }
        }
    }
    found
}

/// Decided by the topmost `coracle-…` directory in the path: groups below it belong to it.
fn fate(group: &Path, known: &Known<'_>) -> Fate {
    let names = group.components().map(|component| component.as_os_str().to_string_lossy());
    let Some(name) = names.into_iter().find(|name| name.starts_with("coracle-")) else {
        return Fate::Unknown;
    };
    let lives = match name.strip_prefix(WORLD) {
        Some(world) => (known.world_lives)(world),
        None => (known.container_lives)(&name["coracle-".len()..]),
    };
    match lives {
        Some(true) => Fate::InUse,
        Some(false) => Fate::Dead,
        None => Fate::Unknown,
    }
}

/// Old enough not to be in the making. The times of a cgroup's directory are never older than the group.
fn is_old(group: &Path) -> bool {
    let made = fs::symlink_metadata(group).and_then(|metadata| metadata.modified());
    made.ok().and_then(|made| made.elapsed().ok()).is_some_and(|age| age > YOUNG)
}

/// A process is in it or below it. v2 says so for processes of other PID namespaces too; v1 cannot, but its rmdir(2) refuses then.
fn is_populated(group: &Path) -> bool {
    let events = fs::read_to_string(group.join("cgroup.events")).unwrap_or_default();
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let below = named(group).iter().any(|below| is_populated(below));
    events.lines().any(|line| line == "populated 1") || !own.trim().is_empty() || below
}

/// Directories called `coracle-…`, and all below them.
fn named(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // On a cgroup filesystem everything is a directory or a plain file.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let ours = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("coracle-"));
        found.extend(named(&path));
        if ours {
            found.push(path);
        }
    }
    found
}

/// Thaws a group, what is below it (the deepest first), and those of ours above it: in v1 a frozen process does not even take
/// SIGKILL, and a group stands still as long as one above it does.
pub(super) fn thaw(group: &Path) {
    let above = group.ancestors().skip(1);
    let ours = above.take_while(|path| {
        path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("coracle-"))
    });
    for folder in named(group).iter().map(PathBuf::as_path).chain([group]).chain(ours) {
        for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
            let file = folder.join(file);
            if file.exists() {
                let _ = fs::write(file, word); // if it cannot be, its processes are named as those that stay
            }
        }
    }
}

/// Thaws a group and kills all its processes, again and again while there are new ones: a process may fork while we read the
/// list. One that does not end is the end of our patience.
pub(super) fn empty(group: &Path) -> Result<()> {
    thaw(group);
    for _ in 0..100 {
        let text = match fs::read_to_string(group.join("cgroup.procs")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.context("read its processes")?,
        };
        let processes = text.lines().filter_map(|pid| pid.parse().ok()).filter_map(Process::of);
        let processes: Vec<_> = processes.filter(|process| process.runs()).collect();
        if processes.is_empty() {
            return Ok(());
        }
        kill_all(&processes)?;
    }
    bail!("its processes multiply faster than they can be ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn the_name_tells_whose_group_it_is() {
        let known = Known {
            world_lives: &|id| (id != "88-1").then(|| id == "77-1"),
            container_lives: &|id| match id {
                "3f0c" => Some(true),
                "aaaa" => Some(false),
                _ => None,
            },
        };
        for (path, expected) in [
            ("/sys/fs/cgroup/pids/coracle-world-77-1", Fate::InUse),
            ("/sys/fs/cgroup/pids/coracle-world-77-2", Fate::Dead),
            ("/sys/fs/cgroup/coracle-world-77-2/inner", Fate::Dead),
            ("/sys/fs/cgroup/coracle-world-88-1", Fate::Unknown),
            ("/sys/fs/cgroup/memory/coracle-3f0c", Fate::InUse),
            ("/sys/fs/cgroup/memory/coracle-aaaa", Fate::Dead),
            ("/sys/fs/cgroup/memory/coracle-experiment", Fate::Unknown),
        ] {
            assert_eq!(fate(Path::new(path), &known), expected, "{path}");
        }
    }

    #[test]
    fn a_dead_group_is_thawed_with_those_below_it_and_above_it() {
        let tree = tempfile::tempdir().unwrap();
        let top = tree.path().join("coracle-world-1-1");
        let (group, below) = (top.join("coracle-a"), top.join("coracle-a/deep"));
        fs::create_dir_all(&below).unwrap();
        for folder in [tree.path(), &top, &group, &below] {
            fs::write(folder.join("freezer.state"), "FROZEN").unwrap();
        }
        thaw(&group);
        let state = |folder: &Path| fs::read_to_string(folder.join("freezer.state")).unwrap();
        assert_eq!([&top, &group, &below].map(|folder| state(folder)), ["THAWED"; 3]);
        assert_eq!(state(tree.path()), "FROZEN", "it is not ours");
    }

    #[test]
    fn what_lives_in_a_dead_group_is_killed() {
        let group = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        fs::write(group.path().join("cgroup.procs"), format!("{}\n", child.id())).unwrap();
        empty(group.path()).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(empty(&group.path().join("no-such-group")).is_ok());
    }
}
