//! The fence around a world: a cgroup in each hierarchy. Those with a limit on processes and on memory see to it that a
//! fork bomb or a hungry loop in somebody's code hurts only itself. And all of them are the tops of the trees that the
//! world sees and may write: the groups that a subject makes lie below, and go with the fence.
//!
//! A world does its work without a fence too, where the machine allows none (an ordinary user without a delegated
//! cgroup): then the time limit alone ends it, and the cgroups are read-only. So every step here is tried, and none is
//! insisted on.
//!
//! | hierarchy | where | limits | joined through |
//! |---|---|---|---|
//! | v1, each | below our own cgroup | `pids.max`, `memory.limit_in_bytes` | `tasks` |
//! | v2 | at the top; below our own cgroup or one above it when the top is not ours | `pids.max`, `memory.max` | `cgroup.procs` |
//!
//! In v2 a group that holds processes cannot hand controllers down. So once the fence is the top of what the world sees,
//! the world's own processes move one further down, into `world`.
//!
//! Man pages: cgroups(7); "Control Group v2" in the kernel's documentation.

use crate::frozen;
use crate::mountinfo::{self, Mount};
use crate::proc::Proc;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// All cgroups of worlds are named so.
const PREFIX: &str = "coracle-world-";
/// Those of v1 that a container engine may use.
const CONTROLLERS: [&str; 8] = ["memory", "pids", "cpu", "cpuacct", "cpuset", "blkio", "freezer", "devices"];
/// Enough for everything that a chapter starts.
const PROCESSES: &str = "512";
/// The scratch tmpfs counts too.
const MEMORY: &str = "1073741824";

/// The cgroups of one world. Removed when dropped, with everything in them killed before.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    folders: Vec<PathBuf>,
    /// The file in each of them that moves the writer of `0` into it.
    pub(crate) join: Vec<PathBuf>,
    /// The same, for what has a cgroup namespace by then.
    pub(crate) settle: Vec<PathBuf>,
    /// For each hierarchy: the fence's folder in it, and where the hierarchy is mounted.
    pub(crate) trees: Vec<(PathBuf, PathBuf)>,
}

impl Fence {
    /// Builds as much of a fence as this machine allows.
    pub(crate) fn build(id: &str) -> Fence {
        let mut fence = Fence::default();
        let Ok(proc) = Proc::open() else { return fence };
        let own = proc.text("self/cgroup");
        for mount in mountinfo::read(&proc).unwrap_or_default() {
            let Some(current) = current(&mount, &own).filter(|folder| folder.is_dir()) else { continue };
            if mount.filesystem == "cgroup2" {
                fence.add_v2(&mount, &current, id);
            } else {
                fence.add_v1(&mount, &current, id);
            }
        }
        fence
    }

    /// In v1 each hierarchy stands alone and a cgroup below our own can be limited at once.
    fn add_v1(&mut self, mount: &Mount, current: &Path, id: &str) {
        sweep(current);
        let folder = current.join(format!("{PREFIX}{id}"));
        if fs::create_dir(&folder).is_err() {
            return;
        }
        limit(&folder, "pids.max", PROCESSES);
        limit(&folder, "memory.limit_in_bytes", MEMORY);
        // A new cpuset has no processor and no memory, and then no process can enter it.
        for name in ["cpuset.cpus", "cpuset.mems"] {
            limit(&folder, name, fs::read_to_string(current.join(name)).unwrap_or_default().trim());
        }
        self.join.push(folder.join("tasks"));
        self.trees.push((folder.clone(), mount.path.clone()));
        self.folders.push(folder);
    }

    /// In v2 a cgroup has `pids.max` only if its parent hands the controller down, and a parent that holds processes
    /// may not (except the root). So we go up until there is a place with limits that we may use.
    fn add_v2(&mut self, mount: &Mount, current: &Path, id: &str) {
        let mut way: Vec<&Path> =
            current.ancestors().take_while(|parent| parent.starts_with(&mount.path)).collect();
        if writable(&mount.path.join("cgroup.procs")) {
            way.reverse();
        }
        for parent in way {
            hand_down(parent);
            let folder = parent.join(format!("{PREFIX}{id}"));
            if fs::create_dir(&folder).is_err() {
                continue;
            }
            let limited = limit(&folder, "pids.max", PROCESSES);
            limit(&folder, "memory.max", MEMORY);
            limit(&folder, "memory.swap.max", "0");
            // Moving a process takes the right to write there and in the cgroup that both places have in common.
            if limited && writable(&parent.join("cgroup.procs")) {
                sweep(parent);
                self.join.push(folder.join("cgroup.procs"));
                let world = folder.join("world");
                if fs::create_dir(&world).is_ok() {
                    self.settle.push(world.join("cgroup.procs"));
                    self.trees.push((folder.clone(), mount.path.clone()));
                }
                self.folders.push(folder);
                return;
            }
            let _ = fs::remove_dir(&folder);
        }
    }

    /// Ends what is in the cgroups and removes them. Says which could not be removed.
    pub(crate) fn remove(&mut self) -> Vec<PathBuf> {
        let mut folders = std::mem::take(&mut self.folders);
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            folders.retain(|folder| !gone(folder));
            if folders.is_empty() || Instant::now() > until {
                return folders;
            }
            folders.iter().for_each(|folder| frozen::thaw(folder));
            folders.iter().for_each(|folder| kill_all(folder));
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The directory of our own cgroup in the hierarchy of `mount`, if it is one that we use.
fn current(mount: &Mount, own: &str) -> Option<PathBuf> {
    let controllers: Vec<&str> = mount.super_options.split(',').collect();
    let line = own.lines().find(|line| {
        let names = line.split(':').nth(1).unwrap_or_default();
        match mount.filesystem.as_str() {
            "cgroup2" => names.is_empty() && line.starts_with("0:"),
            "cgroup" => {
                names.split(',').any(|name| CONTROLLERS.contains(&name) && controllers.contains(&name))
            }
            _ => false,
        }
    })?;
    let path = Path::new(line.splitn(3, ':').nth(2)?);
    // In a container the mount may show only a part of the hierarchy.
    let below = path.strip_prefix(&mount.root).or_else(|_| path.strip_prefix("/")).ok()?;
    Some(mount.path.join(below))
}

/// Removes the fences of testers that were killed: their worlds died with them, and the cgroups are empty, but for what
/// was frozen: it has been killed too, and ends as soon as it is thawed.
fn sweep(parent: &Path) {
    for folder in subfolders(parent) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let tester = name.strip_prefix(PREFIX).and_then(|id| id.split('-').next());
        if tester.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            frozen::thaw(&folder);
            gone(&folder); // refused while something is in it
        }
    }
}

/// In v2: lets the groups below `parent` have controllers, where that is allowed: not while processes are in it, but for
/// the real top, which has no `cgroup.type`.
fn hand_down(parent: &Path) {
    let processes = fs::read_to_string(parent.join("cgroup.procs")).unwrap_or_default();
    if processes.is_empty() || !parent.join("cgroup.type").exists() {
        for controller in ["+memory", "+pids", "+cpu", "+cpuset", "+io"] {
            limit(parent, "cgroup.subtree_control", controller);
        }
    }
}

/// Sets a limit, where there is such a limit.
fn limit(folder: &Path, file: &str, value: &str) -> bool {
    let file = folder.join(file);
    file.exists() && fs::write(file, value).is_ok()
}

fn writable(file: &Path) -> bool {
    fs::OpenOptions::new().write(true).open(file).is_ok()
}

/// Removes one cgroup and those below it, as far as they are empty.
fn gone(folder: &Path) -> bool {
    for below in subfolders(folder) {
        gone(&below);
    }
    match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn kill_all(folder: &Path) {
    use nix::{sys::signal, unistd::Pid};
    subfolders(folder).iter().for_each(|below| kill_all(below));
    let listed = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in listed.lines().filter_map(|line| line.parse().ok()) {
        let _ = signal::kill(Pid::from_raw(pid), signal::Signal::SIGKILL); // it may have ended just now
    }
}

pub(crate) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()).collect()
}

/// Every cgroup that we can see and whose name begins with `coracle`. The fences of worlds come and go while tests
/// run in parallel, so they are listed only when asked for.
pub(crate) fn named_cgroups(mounts: &[Mount], fences_too: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for mount in mounts.iter().filter(|mount| ["cgroup", "cgroup2"].contains(&mount.filesystem.as_str())) {
        collect_named(&mount.path, fences_too, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn collect_named(folder: &Path, fences_too: bool, found: &mut Vec<PathBuf>) {
    for below in subfolders(folder) {
        let name = below.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && !fences_too {
            continue;
        }
        if name.starts_with("coracle") {
            found.push(below.clone());
        }
        collect_named(&below, fences_too, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_cgroup_is_found_in_each_kind_of_machine() {
        let v2 = "- cgroup2 cgroup2 rw,nsdelegate";
        let pids = "- cgroup cgroup rw,pids";
        let freezer = "- cgroup cgroup rw,freezer";
        for (root, kind, own, expected) in [
            ("/", v2, "0::/user.slice/a.scope", Some("/c/user.slice/a.scope")),
            ("/", v2, "0::/", Some("/c")),
            ("/", pids, "8:pids:/job\n0::/", Some("/c/job")),
            ("/", pids, "4:cpu,pids:/x", Some("/c/x")),
            ("/docker/1", pids, "8:pids:/docker/1/below", Some("/c/below")),
            ("/", freezer, "6:freezer:/a\n8:pids:/", Some("/c/a")),
            ("/", "- cgroup cgroup rw,name=systemd", "8:pids:/\n1:name=systemd:/", None),
            ("/", v2, "8:pids:/job", None),
        ] {
            let mount = mountinfo::parse(&format!("36 35 0:9 {root} /c rw {kind}")).expect("a whole line");
            assert_eq!(current(&mount, own), expected.map(PathBuf::from), "{root} {kind} {own}");
        }
    }
}
