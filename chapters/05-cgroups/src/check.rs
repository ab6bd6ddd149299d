//! What cannot be, found before anything is made: each a sentence for the person who typed the limit.
//!
//! The least and the most are Docker's (`daemon/daemon_unix.go`, `verifyPlatformContainerResources`), so that what is
//! refused there is refused here.

use crate::{Controller, CpuList, CpuQuota, Layout, Limits, Swap, Version};
use coracle_ground::sys;
use std::fmt;
use std::path::Path;

/// A limit that cannot be, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible(pub String);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

/// The least memory in which a container can start at all.
const LEAST_MEMORY: u64 = 6 * MIB;
const MIB: u64 = 1024 * 1024;

type Answer = Result<(), Impossible>;

impl Limits {
    /// Finds what cannot be: a number that makes no sense, more than this machine has, a controller that is missing or
    /// not delegated, a tree that is read-only. Changes nothing.
    pub fn check(&self, layout: &Layout) -> Answer {
        self.check_memory()?;
        self.check_cpus(layout)?;
        self.check_rest()?;
        for controller in self.controllers() {
            if let Some(why) = layout.refusal(controller) {
                return no(format!("{} cannot be limited here: {why}", words(controller)));
            }
        }
        self.check_files(layout)
    }

    fn check_memory(&self) -> Answer {
        let Some(memory) = self.memory else {
            let with = |what| no(format!("{what} needs a limit on memory: add `--memory`"));
            return match self.memory_swap {
                Some(Swap::Total(_)) => with("a limit on memory and swap together"),
                _ => Ok(()),
            };
        };
        if memory < LEAST_MEMORY {
            return no(format!("a memory limit of {memory} bytes is too small: the least is 6 MiB"));
        }
        if matches!(self.memory_swap, Some(Swap::Total(total)) if total < memory) {
            return no("the limit on memory and swap together is smaller than that on memory alone");
        }
        if self.memory_reservation.is_some_and(|reserved| reserved > memory) {
            return no("the memory reservation is larger than the memory limit");
        }
        Ok(())
    }

    fn check_cpus(&self, layout: &Layout) -> Answer {
        let online = online();
        if let Some(CpuQuota { quota, period }) = self.cpus {
            if !(1_000..=1_000_000).contains(&period) {
                return no(format!("a CPU period of {period} µs cannot be: 1000 to 1000000"));
            }
            if quota < 1_000 {
                return no(format!(
                    "a CPU quota of {quota} µs is too small: the least is 1000, a hundredth of the usual period"
                ));
            }
            if online.count() > 0 && quota > period.saturating_mul(online.count() as u64) {
                let wanted = quota as f64 / period as f64;
                let count = online.count();
                return no(format!("{wanted} processors are more than there are: this machine has {count}"));
            }
        }
        if self.cpu_shares.is_some_and(|shares| !(2..=262_144).contains(&shares)) {
            return no("CPU shares go from 2 to 262144");
        }
        let Some(wanted) = &self.cpuset_cpus else { return Ok(()) };
        let allowed = allowed(layout).unwrap_or(online);
        match wanted.first_not_in(&allowed) {
            Some(cpu) => no(format!("there is no processor {cpu} for us: these can be used: {allowed}")),
            None => Ok(()),
        }
    }

    fn check_rest(&self) -> Answer {
        if self.pids == Some(0) {
            return no("a limit of 0 processes would let nothing run");
        }
        if self.blkio_weight.is_some_and(|weight| !(10..=1000).contains(&weight)) {
            return no("a block I/O weight goes from 10 to 1000");
        }
        for rate in self.device_read_bps.iter().chain(&self.device_write_bps) {
            let (major, minor) = (rate.major, rate.minor);
            if rate.bytes_per_second == 0 {
                return no(format!(
                    "a rate of 0 bytes a second for the device {major}:{minor} would let nothing through"
                ));
            }
            if sys::open_path(Path::new(&format!("/sys/dev/block/{major}:{minor}"))).is_err() {
                return no(format!("{major}:{minor} is no disk of this machine"));
            }
        }
        Ok(())
    }

    /// v1 without swap accounting: the file is missing in every group, the parent too.
    fn check_files(&self, layout: &Layout) -> Answer {
        let Some(tree) = layout.tree(Controller::Memory).filter(|tree| tree.version == Version::V1) else {
            return Ok(());
        };
        let file = tree.parent.join("memory.memsw.limit_in_bytes");
        match self.memory_swap {
            Some(Swap::Total(_)) if sys::open_path(&file).is_err() => no(
                "swap cannot be limited here: this kernel does not count it (`swapaccount=1` at its start)",
            ),
            _ => Ok(()),
        }
    }
}

/// The processors that are switched on.
fn online() -> CpuList {
    read_list(Path::new("/sys/devices/system/cpu/online")).unwrap_or_default()
}

/// The processors that our own group may use, and so the most that a group below it can.
fn allowed(layout: &Layout) -> Option<CpuList> {
    let tree = layout.tree(Controller::Cpuset)?;
    let name = match tree.version {
        Version::V1 => "cpuset.effective_cpus",
        Version::V2 => "cpuset.cpus.effective",
    };
    read_list(&tree.parent.join(name))
}

fn read_list(path: &Path) -> Option<CpuList> {
    sys::read_cgroup_file(path).ok()?.parse().ok()
}

/// What a controller limits, for people.
fn words(controller: Controller) -> &'static str {
    match controller {
        Controller::Memory => "memory",
        Controller::Cpu | Controller::Cpuacct => "processor time",
        Controller::Cpuset => "the set of processors",
        Controller::Pids => "the number of processes",
        Controller::Io => "disk I/O",
        Controller::Freezer => "pausing",
        Controller::Devices => "access to devices",
    }
}

fn no(why: impl Into<String>) -> Answer {
    Err(Impossible(why.into()))
}
