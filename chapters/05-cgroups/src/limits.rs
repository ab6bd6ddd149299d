//! What a container may use: plain numbers, units in their names, parsed elsewhere.

use crate::{Controller, CpuList, Folder, Group, Version, settings};
use coracle_ground::{Errno, Result, sys};
use serde::{Deserialize, Serialize};

/// The limits of one container. `None`, or an empty list, is no limit of ours: the kernel's own stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// `--memory`: the most memory, in bytes. Above it the kernel takes pages back, and when it cannot, kills.
    pub memory: Option<u64>,
    /// `--memory-swap`: memory and swap *together*. Without it, with a limit on memory: twice that limit, as Docker does.
    pub memory_swap: Option<Swap>,
    /// `--memory-reservation`: below this, in bytes, the kernel takes from others first.
    pub memory_reservation: Option<u64>,
    /// `--cpus`: the most processor time.
    pub cpus: Option<CpuQuota>,
    /// `--cpu-shares`: the weight against others when there is not enough for all; 1024 is usual, 2 to 262144.
    pub cpu_shares: Option<u64>,
    /// `--cpuset-cpus`: the only processors to run on.
    pub cpuset_cpus: Option<CpuList>,
    /// `--pids-limit`: the most processes and threads at a time.
    pub pids: Option<u64>,
    /// `--blkio-weight`: the weight against others at a disk, 10 to 1000.
    pub blkio_weight: Option<u16>,
    /// `--device-read-bps`: for each disk the most bytes read in a second.
    pub device_read_bps: Vec<DeviceRate>,
    /// `--device-write-bps`: for each disk the most bytes written in a second.
    pub device_write_bps: Vec<DeviceRate>,
}

/// How much memory and swap together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swap {
    /// So many bytes, memory included.
    Total(u64),
    /// Docker's -1: as much swap as the machine has.
    Unlimited,
}

/// So much time on processors within each period. The time of all processors counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuQuota {
    /// Microseconds of running.
    pub quota: u64,
    /// Microseconds of a clock on the wall; 100,000 is usual, 1,000 to 1,000,000.
    pub period: u64,
}

impl CpuQuota {
    /// From Docker's own unit for `--cpus`: 1,000,000,000 is one processor.
    pub fn from_nano_cpus(nano_cpus: u64) -> CpuQuota {
        CpuQuota { quota: nano_cpus / 10_000, period: 100_000 }
    }
}

/// A disk, and how many bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRate {
    /// The device's major number.
    pub major: u64,
    /// And its minor number: that of the whole disk, not of a partition.
    pub minor: u64,
    /// Bytes a second.
    pub bytes_per_second: u64,
}

/// One value for one file of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Whose file it is: in v1 this says in which tree.
    pub controller: Controller,
    /// The file's name.
    pub file: &'static str,
    /// What to write, in one `write`.
    pub value: String,
    /// What if the group has no such file (ENOENT)?
    pub missing: Missing,
}

/// What it means that a group has no file for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The limit cannot be set: an error.
    Refuse,
    /// Nothing is lost: go on.
    Ignore,
    /// The next setting says the same in another file. If this one could be written, leave the next out.
    TryNext,
}

impl Setting {
    /// One whose file must be there.
    pub fn new(controller: Controller, file: &'static str, value: impl ToString) -> Setting {
        Setting { controller, file, value: value.to_string(), missing: Missing::Refuse }
    }

    /// Writes it into `folder`. `false` when there is no such file, and that is no error.
    fn write(&self, folder: &Folder) -> Result<bool> {
        match sys::write_cgroup_file(&folder.path.join(self.file), &self.value) {
            Ok(()) => Ok(true),
            Err(error) if error.errno == Errno::ENOENT && self.missing != Missing::Refuse => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The same, with another answer to a missing file.
    pub fn if_missing(self, missing: Missing) -> Setting {
        Setting { missing, ..self }
    }
}

impl Limits {
    /// Memory and swap together, as Docker understands the two flags: without a word about swap, twice the memory.
    /// `None` when memory is not limited.
    pub fn total_with_swap(&self) -> Option<Swap> {
        let memory = self.memory?;
        Some(self.memory_swap.unwrap_or(Swap::Total(memory.saturating_mul(2))))
    }

    /// Which controllers these limits need.
    pub fn controllers(&self) -> Vec<Controller> {
        let io = self.blkio_weight.is_some()
            || !self.device_read_bps.is_empty()
            || !self.device_write_bps.is_empty();
        let memory = self.memory.is_some() || self.memory_swap.is_some() || self.memory_reservation.is_some();
        let wanted = [
            (memory, Controller::Memory),
            (self.cpus.is_some() || self.cpu_shares.is_some(), Controller::Cpu),
            (self.cpuset_cpus.is_some(), Controller::Cpuset),
            (self.pids.is_some(), Controller::Pids),
            (io, Controller::Io),
        ];
        wanted.iter().filter(|(wanted, _)| *wanted).map(|(_, controller)| *controller).collect()
    }

    /// The settings for disks. Provided: each kernel has other files for the weight, depending on its I/O schedulers, and
    /// this is a table, not an idea.
    pub fn io_settings(&self, version: Version) -> Vec<Setting> {
        let io = Controller::Io;
        let mut settings = Vec::new();
        if let Some(weight) = self.blkio_weight {
            let linear = 1 + (u64::from(weight) - 10) * 9_999 / 990;
            settings.extend(match version {
                Version::V1 => [
                    Setting::new(io, "blkio.weight", weight).if_missing(Missing::TryNext),
                    Setting::new(io, "blkio.bfq.weight", weight),
                ],
                Version::V2 => [
                    Setting::new(io, "io.bfq.weight", weight).if_missing(Missing::TryNext),
                    Setting::new(io, "io.weight", linear),
                ],
            });
        }
        let directions = [
            (&self.device_read_bps, "blkio.throttle.read_bps_device", "rbps"),
            (&self.device_write_bps, "blkio.throttle.write_bps_device", "wbps"),
        ];
        for (rates, in_v1, in_v2) in directions {
            settings.extend(rates.iter().map(
                |DeviceRate { major, minor, bytes_per_second }| match version {
                    Version::V1 => Setting::new(io, in_v1, format!("{major}:{minor} {bytes_per_second}")),
                    Version::V2 => {
                        Setting::new(io, "io.max", format!("{major}:{minor} {in_v2}={bytes_per_second}"))
                    }
                },
            ));
        }
        settings
    }
}

/// Writes `limits` into the files of `group`: those that were asked for, and no others.
///
/// A kernel that does not count swap has no file for it. That is an error only if somebody asked for a limit on swap:
/// with one on memory alone, nothing is lost.
///
/// Called before a process is in the group. What one has used by then, nobody takes back: a limit below it fails with
/// EBUSY (v1) or kills at once (v2).
pub fn set_limits(group: &Group, limits: &Limits) -> Result<()> {
    for folder in &group.folders {
        let all = [settings(limits, folder.version), limits.io_settings(folder.version)].concat();
        let mut all = all.iter().filter(|setting| folder.controllers.contains(&setting.controller));
        while let Some(setting) = all.next() {
            let about_swap = ["memory.swap.max", "memory.memsw.limit_in_bytes"].contains(&setting.file);
            let setting = match about_swap && limits.memory_swap.is_none() {
                true => setting.clone().if_missing(Missing::Ignore),
                false => setting.clone(),
            };
            if setting.write(folder)? && setting.missing == Missing::TryNext {
                all.next();
            }
        }
    }
    Ok(())
}
