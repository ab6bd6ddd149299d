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
        if (&self.cpus, &self.cpu_shares, &self.cpuset_cpus) == (&None, &None, &None) {
            return Ok(());
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeviceRate, Tree};
    use std::path::PathBuf;

    /// A machine on which everything can be limited.
    fn layout() -> Layout {
        let nowhere = PathBuf::from("/nowhere");
        let controllers = Controller::ALL.to_vec();
        Layout {
            trees: vec![Tree {
                version: Version::V2,
                mount: nowhere.clone(),
                parent: nowhere,
                controllers,
                obstacle: None,
            }],
        }
    }

    #[test]
    fn what_cannot_be_is_said_in_a_sentence() {
        let none = Limits::default;
        let mib = |n: u64| Some(n * MIB);
        let rate = |bytes_per_second| vec![DeviceRate { major: 240, minor: 99, bytes_per_second }];
        let cases = [
            (Limits { memory: mib(5), ..none() }, "the least is 6 MiB"),
            (Limits { memory_swap: Some(Swap::Total(8 * MIB)), ..none() }, "add `--memory`"),
            (
                Limits { memory: mib(8), memory_swap: Some(Swap::Total(7 * MIB)), ..none() },
                "smaller than that on memory alone",
            ),
            (Limits { memory: mib(8), memory_reservation: mib(9), ..none() }, "reservation is larger"),
            (Limits { cpus: Some(CpuQuota::from_nano_cpus(0)), ..none() }, "too small"),
            (Limits { cpus: Some(CpuQuota::from_nano_cpus(u64::MAX)), ..none() }, "more than there are"),
            (Limits { cpus: Some(CpuQuota { quota: 5000, period: 10 }), ..none() }, "1000 to 1000000"),
            (Limits { cpu_shares: Some(1), ..none() }, "2 to 262144"),
            (Limits { cpuset_cpus: "0,8000".parse().ok(), ..none() }, "no processor 8000"),
            (Limits { pids: Some(0), ..none() }, "0 processes"),
            (Limits { blkio_weight: Some(9), ..none() }, "10 to 1000"),
            (Limits { device_read_bps: rate(0), ..none() }, "0 bytes a second"),
            (Limits { device_write_bps: rate(1), ..none() }, "240:99 is no disk"),
        ];
        for (limits, words) in cases {
            let why = limits.check(&layout()).map_or_else(|no| no.to_string(), |()| "it is allowed".into());
            assert!(why.contains(words), "{limits:?}: {why}");
        }
    }

    #[test]
    fn what_can_be_is_let_through() {
        for limits in [
            Limits::default(),
            Limits { memory: Some(6 * MIB), memory_swap: Some(Swap::Unlimited), ..Limits::default() },
            Limits { cpus: Some(CpuQuota::from_nano_cpus(10_000_000)), ..Limits::default() },
            Limits { cpuset_cpus: "0".parse().ok(), pids: Some(1), ..Limits::default() },
        ] {
            assert_eq!(limits.check(&layout()), Ok(()), "{limits:?}");
        }
    }

    #[test]
    fn a_machine_without_cgroups_limits_nothing() {
        let limits = Limits { pids: Some(1), ..Limits::default() };
        let why = limits.check(&Layout::default()).map_err(|no| no.to_string());
        let words = "the number of processes cannot be limited here: no cgroup filesystem is mounted below /sys/fs/cgroup";
        assert_eq!(why, Err(words.to_string()));
        assert_eq!(Limits::default().check(&Layout::default()), Ok(()));
    }
}
