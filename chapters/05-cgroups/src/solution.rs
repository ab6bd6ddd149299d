//! The functions of chapter 5, task by task.

use crate::{
    Controller, Doors, Folder, Group, Layout, Limits, Mounted, Setting, Swap, Tree, Version, events_say,
    value_of, wait_until,
};
use coracle_ground::sys::{self, Signal};
use coracle_ground::{Child, CloneFlags, Errno, HostEnd, InitEnd, Result, spawn_in_cgroup};
use coracle_namespaces::{Namespace, namespace_flags};
use nix::unistd::Pid;
use std::convert::Infallible;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Task 5.1: Find the folder of our own group in a mounted tree.
///
/// `own` is the text of `/proc/self/cgroup`: a line for each tree, `4:memory:/job/7`, with a
/// number, the controllers of a v1 tree between commas (or `name=systemd`), and the path of
/// our group in it, which may hold colons itself. The line of v2 begins with `0::`.
///
/// `tree` is chapter 3's `Hierarchy` (`cgroup_mounts.rs`), which is called `Mounted` here.
/// For v2 its `filesystem` is `cgroup2`. For v1 its `options` are the tree's names, with
/// commas between them, but perhaps in another order than in `own`: `cpu,cpuacct` there,
/// `cpuacct,cpu` here. The line is the tree's if they have one whole name in common, and then
/// they have all.
///
/// The path counts from the top of the tree. What is mounted may begin further down, at
/// `tree.root`: a container that sees `/docker/1` as the whole tree finds its group
/// `/docker/1/job` in the folder `job` of the mount. So strip the one from the other, and
/// join the rest to `tree.path()`. Use `Path::strip_prefix`: it compares whole names.
///
/// `None` when there is no such line, or when our group lies outside of what is mounted.
/// Man pages: `proc_pid_cgroup(5)`, `cgroups(7)` at "/proc files".
pub fn own_group(tree: &Mounted, own: &str) -> Option<PathBuf> {
    let is_of_tree = |names: &str| match tree.filesystem.as_str() {
        "cgroup2" => names.is_empty(),
        _ => tree.options.split(',').any(|option| names.split(',').any(|name| name == option)),
    };
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        is_of_tree(names).then_some(path)
    })?;
    let below = Path::new(path).strip_prefix(&tree.root).ok()?;
    Some(tree.path().join(below))
}

/// Task 5.1: Hand `controllers` down from the v2 folder `parent` to the groups below it.
///
/// In v2 a group has the files of a controller only if its parent lists that controller in
/// `cgroup.subtree_control`. Write there what is missing, with a `+` before each name and
/// spaces between: `+memory +pids`, all in one `write`. What is listed already need not be
/// written: nothing missing, nothing to write. A controller without a name in v2
/// (`v2_name()` is `None`) is part of every group.
///
/// Use `sys::read_cgroup_file`, `sys::write_cgroup_file`.
/// Man page: `cgroups(7)`, "cgroup.subtree_control". Errors: EBUSY when `parent` holds
/// processes and is not the top of the tree; ENOENT when `parent` has no such controller
/// itself.
pub fn enable_controllers(parent: &Path, controllers: &[Controller]) -> Result<()> {
    let file = parent.join("cgroup.subtree_control");
    let listed = sys::read_cgroup_file(&file)?;
    let missing = controllers.iter().filter_map(|controller| controller.v2_name());
    let missing: Vec<String> = missing
        .filter(|name| !listed.split_whitespace().any(|there| there == *name))
        .map(|name| format!("+{name}"))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => sys::write_cgroup_file(&file, &missing.join(" ")),
    }
}

/// Task 5.1: Make the group `name`, with a folder in each tree that `controllers` need.
///
/// `layout.trees_for(controllers)` says which trees these are, and for which of the
/// controllers. In a v2 tree first hand them down from `tree.parent`. Then make the folder
/// `name` in `tree.parent` (mode 0755). A new v1 cpuset ([`Controller::Cpuset`]) has no
/// processors and no memory, and no process can enter it: fill it at once.
///
/// All or nothing: when one folder cannot be made, those that were made are removed, and
/// the first error is the answer. A folder that exists already (EEXIST) is somebody
/// else's: an error like any other, and it stays.
///
/// Use [`enable_controllers`], `folder.fill_cpuset()`, [`remove`], `sys::mkdir`.
/// Man page: `cgroups(7)`, "Creating cgroups and moving processes".
pub fn make_group(layout: &Layout, name: &str, controllers: &[Controller]) -> Result<Group> {
    let mut group = Group { name: name.to_string(), folders: Vec::new() };
    for (tree, of_tree) in layout.trees_for(controllers) {
        if let Err(error) = make_folder(tree, of_tree, &mut group) {
            // The first error is the one to tell.
            let _ = remove(&group);
            return Err(error);
        }
    }
    Ok(group)
}

/// The folder in one tree. It is part of the group as soon as it is made.
fn make_folder(tree: &Tree, controllers: Vec<Controller>, group: &mut Group) -> Result<()> {
    if tree.version == Version::V2 {
        enable_controllers(&tree.parent, &controllers)?;
    }
    let folder = Folder { path: tree.parent.join(&group.name), version: tree.version, controllers };
    sys::mkdir(&folder.path, 0o755)?;
    group.folders.push(folder.clone());
    match tree.version == Version::V1 && folder.controllers.contains(&Controller::Cpuset) {
        true => folder.fill_cpuset(),
        false => Ok(()),
    }
}

/// Task 5.1: Remove the group, when the last of its processes has gone.
///
/// A folder with a process in it, or with one that is just ending, answers EBUSY: wait until
/// it does not. One that is gone already (ENOENT) is no error: then the work is done. EBUSY
/// may also mean that the program has made groups of its own below: so try to remove those
/// before the next attempt (`folder.below()`, the deepest first), whatever they answer.
///
/// Go on after a failure: the other folders must go as well. The first error is the answer.
///
/// Use `sys::rmdir`, [`wait_until`].
pub fn remove(group: &Group) -> Result<()> {
    let mut result = Ok(());
    for folder in &group.folders {
        let doing = format!("remove the cgroup `{}`, which still holds a process", folder.path.display());
        let removed = wait_until(folder, &doing, || match sys::rmdir(&folder.path) {
            Err(error) if error.errno == Errno::EBUSY => {
                folder.below().iter().for_each(|below| drop(sys::rmdir(below)));
                Ok(false)
            }
            Err(error) if error.errno == Errno::ENOENT => Ok(true),
            answer => answer.map(|()| true),
        });
        result = result.and(removed);
    }
    result
}

/// Task 5.2: Turn v1's CPU shares into v2's CPU weight.
///
/// Shares go from 2 to 262144, weights from 1 to 10000, and the OCI runtimes draw a straight
/// line between them, rounded down: `1 + (shares - 2) * 9999 / 262142`. Shares outside of
/// their range count as the nearest that is inside. (The newest runtimes draw a curve: see
/// the page.)
pub fn cpu_weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

/// Task 5.2: Say which values go into which files, for limits on memory, processors and processes.
///
/// | limit | v2 | v1 |
/// |---|---|---|
/// | `memory` | `memory.max` | `memory.limit_in_bytes` |
/// | swap | `memory.swap.max`: swap *alone* | `memory.memsw.limit_in_bytes`: both together |
/// | `memory_reservation` | `memory.low` | `memory.soft_limit_in_bytes` |
/// | `cpus` | `cpu.max`: quota, a space, period | `cpu.cfs_period_us`, then `cpu.cfs_quota_us` |
/// | `cpu_shares` | `cpu.weight` | `cpu.shares` |
/// | `cpuset_cpus` | `cpuset.cpus` | `cpuset.cpus` |
/// | `pids` | `pids.max` | `pids.max` |
///
/// `limits.total_with_swap()` has memory and swap together (`None`: nothing to write). No
/// limit is `max` in v2 and `-1` in v1. In v1 the limit on both can never be below that on
/// memory, so memory comes first. And the period comes before the quota: without a quota the
/// kernel takes any period, but a quota beside the old one may be more than the parent has.
///
/// Only what was asked for: an empty [`Limits`] gives an empty list. A [`Setting`] is made
/// by `Setting::new(controller, file, value)`.
/// Man pages: "Control Group v2" and "Memory Resource Controller" in the kernel's
/// documentation.
pub fn settings(limits: &Limits, version: Version) -> Vec<Setting> {
    let mut settings = Vec::new();
    let v2 = version == Version::V2;
    let mut set = |controller, in_v1, in_v2, value: String| {
        settings.push(Setting::new(controller, if v2 { in_v2 } else { in_v1 }, value));
    };
    if let Some(memory) = limits.memory {
        set(Controller::Memory, "memory.limit_in_bytes", "memory.max", memory.to_string());
    }
    if let Some(total) = limits.total_with_swap() {
        let value = match total {
            Swap::Unlimited => if v2 { "max" } else { "-1" }.to_string(),
            Swap::Total(total) if v2 => total.saturating_sub(limits.memory.unwrap_or(0)).to_string(),
            Swap::Total(total) => total.to_string(),
        };
        set(Controller::Memory, "memory.memsw.limit_in_bytes", "memory.swap.max", value);
    }
    if let Some(reserved) = limits.memory_reservation {
        set(Controller::Memory, "memory.soft_limit_in_bytes", "memory.low", reserved.to_string());
    }
    if let Some(cpus) = limits.cpus {
        if v2 {
            set(Controller::Cpu, "", "cpu.max", format!("{} {}", cpus.quota, cpus.period));
        } else {
            set(Controller::Cpu, "cpu.cfs_period_us", "", cpus.period.to_string());
            set(Controller::Cpu, "cpu.cfs_quota_us", "", cpus.quota.to_string());
        }
    }
    if let Some(shares) = limits.cpu_shares {
        let value = if v2 { cpu_weight(shares) } else { shares };
        set(Controller::Cpu, "cpu.shares", "cpu.weight", value.to_string());
    }
    if let Some(cpus) = &limits.cpuset_cpus {
        set(Controller::Cpuset, "cpuset.cpus", "cpuset.cpus", cpus.to_string());
    }
    if let Some(pids) = limits.pids {
        set(Controller::Pids, "pids.max", "pids.max", pids.to_string());
    }
    settings
}

/// Task 5.3: Move this process into the group.
///
/// Called by the child, before anything else. `0` means "the one that writes this": write it
/// to each of `tasks`, and to `procs` too unless `inside` says that the kernel has put the
/// child into its v2 group when it made it.
///
/// Why `tasks`, where v1 has `cgroup.procs` too? `tasks` moves one thread, and the child has
/// no more. `cgroup.procs` moves whole processes: meanwhile nobody may fork, so the kernel
/// takes a lock that stops all forks and moves of the machine, which can take 10 to 25 ms. A
/// number other than 0 takes that lock in `tasks` as well.
///
/// Use `sys::write_open`. Man page: `cgroups(7)`.
/// Errors: ENOSPC for an empty cpuset; EBUSY for a v2 group that hands controllers down.
pub fn enter(doors: &Doors, inside: bool) -> Result<()> {
    let procs = doors.procs.iter().filter(|_| !inside);
    doors.tasks.iter().chain(procs).try_for_each(|door| sys::write_open(door, "0"))
}

/// Task 5.3: Start a child in new namespaces that is in `group` before it does anything.
///
/// `spawn_in_cgroup` takes the flags, the directory of the v2 folder (if there is one), and
/// a closure that gets its end of the conversation and whether the kernel has put it into
/// that group. In the closure: [`enter`], then `init`.
///
/// Careful with the cgroup namespace. The top of the tree that a process in it sees is the
/// group in which its maker was when it was made, and `clone` makes it before the child has
/// entered a v1 tree: the top would be the parent's group. (For v2 alone the kernel takes the
/// group of `CLONE_INTO_CGROUP`.) So leave it out of the flags, and let the child unshare it
/// when it has entered the group: only if it was asked for.
///
/// Use [`Doors::open`], [`enter`], `namespace_flags`, `sys::unshare`.
/// Man pages: `clone(2)` at `CLONE_INTO_CGROUP`, `cgroup_namespaces(7)`.
pub fn start_in_group<F>(namespaces: &[Namespace], group: &Group, init: F) -> Result<(Child, HostEnd)>
where
    F: FnOnce(InitEnd) -> Result<Infallible>,
{
    let doors = Doors::open(group)?;
    let flags = namespace_flags(namespaces);
    let directory = doors.directory.as_ref().map(AsFd::as_fd);
    spawn_in_cgroup(flags - CloneFlags::CLONE_NEWCGROUP, directory, |link, inside| {
        enter(&doors, inside)?;
        if flags.contains(CloneFlags::CLONE_NEWCGROUP) {
            sys::unshare(CloneFlags::CLONE_NEWCGROUP)?;
        }
        init(link)
    })
}

/// Task 5.4: Count the processes of the group that the kernel has killed for want of memory.
///
/// The line `oom_kill` of `memory.events` (v2) or `memory.oom_control` (v1) has it. 0 when
/// the group has no folder for memory. Not the line `oom`, which counts how often memory was
/// not to be had, and not an exit status of 137, which anybody's SIGKILL gives.
///
/// Use `group.folder`, `sys::read_cgroup_file`, [`value_of`].
pub fn oom_kills(group: &Group) -> Result<u64> {
    let Some(folder) = group.folder(Controller::Memory) else { return Ok(0) };
    let name = match folder.version {
        Version::V1 => "memory.oom_control",
        Version::V2 => "memory.events",
    };
    let text = sys::read_cgroup_file(&folder.path.join(name))?;
    Ok(value_of(&text, "oom_kill").unwrap_or(0))
}

/// Task 5.4: Stop all processes of the group, and return when they have stopped.
///
/// v2: write `1` to `cgroup.freeze`, and wait until `cgroup.events` says `frozen`
/// ([`events_say`]). v1: write `FROZEN` to `freezer.state`, and read it until it says the
/// same: before that it says `FREEZING`, and then the kernel wants to be told again.
///
/// Use `group.freezer()`, [`wait_until`]. Errors: ETIMEDOUT when a process does not stop;
/// then it is thawed again.
/// Man page: `cgroups(7)` at `freezer`; "Control Group v2" at `cgroup.freeze`.
pub fn freeze(group: &Group) -> Result<()> {
    let folder = group.freezer()?;
    let frozen = wait_until(folder, "freeze the processes of the group", || match folder.version {
        Version::V2 => {
            sys::write_cgroup_file(&folder.path.join("cgroup.freeze"), "1")?;
            events_say(folder, "frozen")
        }
        Version::V1 => {
            let state = folder.path.join("freezer.state");
            sys::write_cgroup_file(&state, "FROZEN")?;
            Ok(sys::read_cgroup_file(&state)?.trim() == "FROZEN")
        }
    });
    if frozen.is_err() {
        let _ = thaw(group);
    }
    frozen
}

/// Task 5.4: Let all processes of the group go on.
///
/// v2: `0` to `cgroup.freeze`. v1: `THAWED` to `freezer.state`.
pub fn thaw(group: &Group) -> Result<()> {
    let folder = group.freezer()?;
    match folder.version {
        Version::V1 => sys::write_cgroup_file(&folder.path.join("freezer.state"), "THAWED"),
        Version::V2 => sys::write_cgroup_file(&folder.path.join("cgroup.freeze"), "0"),
    }
}

/// Task 5.4: Kill every process in the group, frozen ones too.
///
/// v2 has a file for it, since Linux 5.14: `1` to `cgroup.kill`. Where that is missing, and
/// in v1: freeze the group, so that nobody can fork while you count; send SIGKILL to each
/// number in `cgroup.procs`; thaw it, so that they can die. A process that has ended in the
/// meantime is no error (ESRCH). Skip the number 0: so the list of v2 shows a process of
/// another PID namespace, and for `kill` 0 means all of *our own* process group. Without a
/// freezer: the same, until nobody is left.
///
/// Use [`freeze`], [`thaw`], `sys::kill`, [`wait_until`]. Any one folder of the group knows
/// all its processes.
pub fn kill_all(group: &Group) -> Result<()> {
    let Some(folder) = group.folders.first() else { return Ok(()) };
    if folder.version == Version::V2 {
        match sys::write_cgroup_file(&folder.path.join("cgroup.kill"), "1") {
            Err(error) if error.errno == Errno::ENOENT => {}
            answer => return answer,
        }
    }
    wait_until(folder, "kill the processes of the group", || {
        let stopped = group.folder(Controller::Freezer).is_some() && freeze(group).is_ok();
        let text = sys::read_cgroup_file(&folder.path.join("cgroup.procs"))?;
        let processes = text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0);
        for pid in processes {
            match sys::kill(Pid::from_raw(pid), Signal::SIGKILL) {
                Err(error) if error.errno == Errno::ESRCH => {}
                answer => answer?,
            }
        }
        if stopped {
            thaw(group)?;
        }
        Ok(stopped || text.is_empty())
    })
}
