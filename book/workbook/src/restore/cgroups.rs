//! Cgroups that nobody needs any more. All that the engine and the tests make are called `coracle-…`.

use super::processes::Process;
use super::remedy::{Leftover, Remedy};
use crate::doctor::mountinfo::Mount;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The cgroups of test worlds: `coracle-world-<world's id>`.
const WORLD: &str = "coracle-world-";

/// What is to be done with one group.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Its world or container lives.
    InUse,
    /// Its world or container is gone: whatever is in it may be killed.
    Dead,
    /// The name does not tell; it may go if it is empty.
    Unknown,
}

/// The innermost first. `world_lives` and `container_lives` know ids; what is in use goes to `in_use`.
pub(crate) fn leftovers(
    mounts: &[Mount],
    world_lives: impl Fn(&str) -> bool,
    container_lives: impl Fn(&str) -> Option<bool>,
    in_use: &mut Vec<String>,
) -> Vec<Leftover> {
    let hierarchies = mounts.iter().filter(|mount| mount.kind.starts_with("cgroup"));
    let mut groups: Vec<_> = hierarchies.flat_map(|mount| named(&mount.point)).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.components().count()));
    groups.dedup();
    let mut found = Vec::new();
    for group in groups {
        let what = format!("cgroup {}", group.display());
        match fate(&group, &world_lives, &container_lives) {
            Fate::InUse => in_use.push(what),
            Fate::Dead => found.push(Leftover {
                what,
                why: "its world or container is gone".into(),
                remedy: Remedy::EmptyCgroup(group),
            }),
            Fate::Unknown => found.push(Leftover {
                what,
                why: "its name is one of ours".into(),
                remedy: Remedy::RemoveCgroup(group),
            }),
        }
    }
    found
}

/// Decided by the topmost `coracle-…` directory in the path: groups below it belong to it.
fn fate(
    group: &Path,
    world_lives: &impl Fn(&str) -> bool,
    container_lives: &impl Fn(&str) -> Option<bool>,
) -> Fate {
    let names = group.components().map(|component| component.as_os_str().to_string_lossy());
    let Some(name) = names.into_iter().find(|name| name.starts_with("coracle-")) else {
        return Fate::Unknown;
    };
    if let Some(world) = name.strip_prefix(WORLD) {
        return if world_lives(world) { Fate::InUse } else { Fate::Dead };
    }
    match container_lives(&name["coracle-".len()..]) {
        Some(true) => Fate::InUse,
        Some(false) => Fate::Dead,
        None => Fate::Unknown,
    }
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

/// Kills all processes in a group, again and again until none is left: a process may fork while we read the list.
pub(super) fn empty(group: &Path) -> Result<()> {
    for _ in 0..100 {
        let text = match fs::read_to_string(group.join("cgroup.procs")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.context("read its processes")?,
        };
        let processes: Vec<_> =
            text.lines().filter_map(|pid| pid.parse().ok()).filter_map(Process::of).collect();
        if processes.is_empty() {
            return Ok(());
        }
        for process in processes {
            process.kill().with_context(|| format!("end process {}", process.pid))?;
        }
    }
    bail!("its processes multiply faster than they can be ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_whose_group_it_is() {
        let world = |id: &str| id == "77-1";
        let container = |id: &str| match id {
            "3f0c" => Some(true),
            "aaaa" => Some(false),
            _ => None,
        };
        for (path, expected) in [
            ("/sys/fs/cgroup/pids/coracle-world-77-1", Fate::InUse),
            ("/sys/fs/cgroup/pids/coracle-world-77-2", Fate::Dead),
            ("/sys/fs/cgroup/coracle-world-77-2/inner", Fate::Dead),
            ("/sys/fs/cgroup/memory/coracle-3f0c", Fate::InUse),
            ("/sys/fs/cgroup/memory/coracle-aaaa", Fate::Dead),
            ("/sys/fs/cgroup/memory/coracle-experiment", Fate::Unknown),
        ] {
            assert_eq!(fate(Path::new(path), &world, &container), expected, "{path}");
        }
    }
}
