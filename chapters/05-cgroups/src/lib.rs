//! Chapter 5, cgroups: a fair share and a hard wall.
//!
//! The kernel offers control groups: directories, into which processes are put. A *controller* counts what all
//! processes of a group use together (memory, processor time, processes, disk), and keeps it below what was written
//! into the group's files. In version 2 there is one tree for all controllers, in version 1 a tree for each, and many
//! machines have both.
//!
//! You build: a group for a container, found and made in whichever trees this machine has; limits, in the words of
//! either version; a child that is in its group before it runs one instruction of the user's program; and the means to
//! read, freeze, kill and remove what is in a group.
//!
//! ```text
//!   v2                                   v1
//!   /sys/fs/cgroup                       /sys/fs/cgroup/memory      /sys/fs/cgroup/pids     …
//!   ├─ cgroup.subtree_control            └─ coracle-1               └─ coracle-1
//!   └─ coracle-1                            ├─ memory.limit_in_bytes   ├─ pids.max
//!      ├─ memory.max  pids.max  cpu.max     └─ tasks                   └─ tasks
//!      └─ cgroup.procs
//! ```
//!
//! Man pages: `cgroups(7)`, `cgroup_namespaces(7)`; "Control Group v2" in the kernel's documentation.
//! What we leave out: devices (chapter 6), and asking systemd for a group over D-Bus, which Podman and runc can.

use coracle_ground::{Child, HostEnd, InitEnd, Result};
use coracle_mounts::Hierarchy as Mounted;
use coracle_namespaces::Namespace;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

mod check;
mod controller;
mod cpu_list;
mod group;
mod layout;
mod limits;
mod usage;
mod wait;

pub use check::Impossible;
pub use code::{
    cpu_weight, enable_controllers, enter, freeze, kill_all, make_group, oom_kills, own_group, remove,
    settings, start_in_group, thaw,
};
pub use controller::{Controller, Version};
pub use cpu_list::CpuList;
pub use group::{Doors, Folder, Group};
pub use layout::{Layout, Obstacle, Tree};
pub use limits::{CpuQuota, DeviceRate, Limits, Missing, Setting, Swap, set_limits};
pub use usage::{Usage, usage};
pub use wait::{events_say, value_of, wait_until};

/// A child's work after it has been cloned: never comes back, unless with an error.
type Init = fn(InitEnd) -> Result<Infallible>;

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code, clippy::type_complexity)]
struct Contract {
    own_group: fn(tree: &Mounted, own: &str) -> Option<PathBuf>,
    enable_controllers: fn(parent: &Path, controllers: &[Controller]) -> Result<()>,
    make_group: fn(layout: &Layout, name: &str, controllers: &[Controller]) -> Result<Group>,
    cpu_weight: fn(shares: u64) -> u64,
    settings: fn(limits: &Limits, version: Version) -> Vec<Setting>,
    enter: fn(doors: &Doors, inside: bool) -> Result<()>,
    start_in_group: fn(namespaces: &[Namespace], group: &Group, init: Init) -> Result<(Child, HostEnd)>,
    oom_kills: fn(group: &Group) -> Result<u64>,
    freeze: fn(group: &Group) -> Result<()>,
    thaw: fn(group: &Group) -> Result<()>,
    kill_all: fn(group: &Group) -> Result<()>,
    remove: fn(group: &Group) -> Result<()>,
}

const _: Contract = Contract {
    own_group,
    enable_controllers,
    make_group,

    cpu_weight,
    settings,
    enter,
    start_in_group: start_in_group::<Init>,
    oom_kills,
    freeze,
    thaw,
    kill_all,
    remove,
};
