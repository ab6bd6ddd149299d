//! How much a group has used: the same numbers out of the files of either version.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | memory | `memory.current`, `memory.peak` | `memory.usage_in_bytes`, `memory.max_usage_in_bytes` |
//! | processor time | `cpu.stat`: `usage_usec` | `cpuacct.usage`, in nanoseconds |
//! | throttling | `cpu.stat`: `nr_throttled`, `throttled_usec` | `cpu.stat`: `nr_throttled`, `throttled_time` (ns) |
//! | processes | `pids.current` | `pids.current` |

use crate::{Controller, Group, Version, value_of};
use coracle_ground::sys;
use std::time::Duration;

/// What is known of a group. `None`: the group has no such controller, or this kernel does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory now, the cache of files included.
    pub memory: Option<u64>,
    /// The most that it ever was.
    pub memory_peak: Option<u64>,
    /// Time on processors, all together.
    pub cpu_time: Option<Duration>,
    /// Periods of a quota that have begun.
    pub periods: Option<u64>,
    /// In how many of them it was used up.
    pub throttled_periods: Option<u64>,
    /// For how long processes had to wait for the next period.
    pub throttled_time: Option<Duration>,
    /// Processes and threads now.
    pub pids: Option<u64>,
}

/// Reads what is known of `group` now. A file that is missing is no error: the number is then not known.
pub fn usage(group: &Group) -> Usage {
    let number = |controller, v1: &str, v2: &str| {
        let folder = group.folder(controller)?;
        let name = if folder.version == Version::V1 { v1 } else { v2 };
        sys::read_cgroup_file(&folder.path.join(name)).ok()?.trim().parse::<u64>().ok()
    };
    let stat = |key: &str| {
        let folder = group.folder(Controller::Cpu)?;
        value_of(&sys::read_cgroup_file(&folder.path.join("cpu.stat")).ok()?, key)
    };
    Usage {
        memory: number(Controller::Memory, "memory.usage_in_bytes", "memory.current"),
        memory_peak: number(Controller::Memory, "memory.max_usage_in_bytes", "memory.peak"),
        cpu_time: cpu_time(group),
        periods: stat("nr_periods"),
        throttled_periods: stat("nr_throttled"),
        throttled_time: stat("throttled_usec")
            .map(Duration::from_micros)
            .or_else(|| stat("throttled_time").map(Duration::from_nanos)),
        pids: number(Controller::Pids, "pids.current", "pids.current"),
    }
}

/// In v2 every group counts its time, whether its parent hands the controller down or not.
fn cpu_time(group: &Group) -> Option<Duration> {
    let folder = group.folder(Controller::Cpuacct)?;
    match folder.version {
        Version::V1 => {
            let text = sys::read_cgroup_file(&folder.path.join("cpuacct.usage")).ok()?;
            text.trim().parse().ok().map(Duration::from_nanos)
        }
        Version::V2 => {
            let text = sys::read_cgroup_file(&folder.path.join("cpu.stat")).ok()?;
            value_of(&text, "usage_usec").map(Duration::from_micros)
        }
    }
}
