//! The controllers that a container engine needs, by their names in both versions.
//!
//! Man page: `cgroups(7)`, "Cgroups version 1 controllers" and "Cgroups version 2 controllers".

/// Which of the two interfaces a tree of groups has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A tree for each controller, or for a few of them together.
    V1,
    /// One tree for all.
    V2,
}

/// One thing that the kernel counts and limits for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Controller {
    /// Memory, and swap with it.
    Memory,
    /// Processor time: shares and quotas.
    Cpu,
    /// Counting processor time: apart in v1, in every group of v2.
    Cpuacct,
    /// Which processors.
    Cpuset,
    /// The number of processes and threads.
    Pids,
    /// Disks: `blkio` in v1.
    Io,
    /// Stopping all processes of a group: apart in v1, in every group of v2.
    Freezer,
    /// Which devices may be opened: apart in v1; in v2 a program attached to any group. Chapter 6's subject.
    Devices,
}

impl Controller {
    /// All of them.
    pub const ALL: [Controller; 8] = [
        Controller::Memory,
        Controller::Cpu,
        Controller::Cpuacct,
        Controller::Cpuset,
        Controller::Pids,
        Controller::Io,
        Controller::Freezer,
        Controller::Devices,
    ];

    /// Its name in v1: in the options of a mount, and in `/proc/self/cgroup`.
    pub fn v1_name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Cpuacct => "cpuacct",
            Controller::Cpuset => "cpuset",
            Controller::Pids => "pids",
            Controller::Io => "blkio",
            Controller::Freezer => "freezer",
            Controller::Devices => "devices",
        }
    }

    /// Its name in v2, in `cgroup.controllers` and `cgroup.subtree_control`; `None` for what every group of v2 can do
    /// without being asked.
    pub fn v2_name(self) -> Option<&'static str> {
        match self {
            Controller::Io => Some("io"),
            Controller::Cpuacct | Controller::Freezer | Controller::Devices => None,
            other => Some(other.v1_name()),
        }
    }
}
