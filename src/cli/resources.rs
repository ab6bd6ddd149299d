//! What a container may use: the flags of chapter 5, in Docker's words and numbers.
//!
//! | kind | how it is written |
//! |---|---|
//! | a size | `64m`, `1.5g`, `512k`, `1048576`: powers of 1024; a trailing `b` or `ib` changes nothing |
//! | processors | `0.25`, `2`: to the billionth of one |
//! | a rate of a disk | `/dev/sda:1mb`: bytes a second |
//!
//! As in Docker, 0 is "no limit", and so is -1 where Docker says so.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use anyhow::{Result, bail};
use coracle_cgroups::{CpuList, CpuQuota, DeviceRate, Limits, Swap};
use nix::sys::stat::{major, minor};

/// Flags that limit what a container may use
#[derive(clap::Args)]
pub(super) struct Resources {
    /// Block IO (relative weight), between 10 and 1000, or 0 to disable
    #[arg(long, value_name = "WEIGHT", value_parser = weight, allow_hyphen_values = true)]
    blkio_weight: Option<u16>,
    /// Microseconds in each period of the processors' time
    #[arg(long, value_name = "MICROSECONDS", value_parser = count, allow_hyphen_values = true)]
    cpu_period: Option<u64>,
    /// Microseconds of running in each period
    #[arg(long, value_name = "MICROSECONDS", value_parser = count, allow_hyphen_values = true)]
    cpu_quota: Option<u64>,
    /// CPU shares (relative weight)
    #[arg(short, long, value_name = "SHARES", value_parser = count, allow_hyphen_values = true)]
    cpu_shares: Option<u64>,
    /// Number of CPUs
    #[arg(long, value_name = "NUMBER", value_parser = nano_cpus, allow_hyphen_values = true)]
    cpus: Option<u64>,
    /// CPUs in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "LIST", value_parser = cpuset, allow_hyphen_values = true)]
    cpuset_cpus: Option<CpuList>,
    /// Limit read rate (bytes per second) from a device
    #[arg(long, value_name = "DEVICE:RATE", value_parser = rate, allow_hyphen_values = true)]
    device_read_bps: Vec<DeviceRate>,
    /// Limit write rate (bytes per second) to a device
    #[arg(long, value_name = "DEVICE:RATE", value_parser = rate, allow_hyphen_values = true)]
    device_write_bps: Vec<DeviceRate>,
    /// Memory limit
    #[arg(short, long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    memory: Option<u64>,
    /// Memory soft limit
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    memory_reservation: Option<u64>,
    /// Memory and swap together; -1 for unlimited swap
    #[arg(long, value_name = "SIZE", value_parser = swap, allow_hyphen_values = true)]
    memory_swap: Option<Unless<Swap>>,
    /// Most processes and threads; -1 for unlimited
    #[arg(long, value_name = "NUMBER", value_parser = pids, allow_hyphen_values = true)]
    pids_limit: Option<Unless<u64>>,
}

/// A limit, unless the number that was given means "none".
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unless<T>(Option<T>);

impl Resources {
    /// The limits in the chapter's own units. Whether this machine can keep them, `Limits::check` knows.
    pub(super) fn limits(self) -> Result<Limits> {
        let set = |number: &u64| *number != 0;
        Ok(Limits {
            cpus: self.cpu_quota()?,
            memory: self.memory.filter(set),
            memory_swap: self.memory_swap.and_then(|Unless(swap)| swap),
            memory_reservation: self.memory_reservation.filter(set),
            cpu_shares: self.cpu_shares.filter(set),
            cpuset_cpus: self.cpuset_cpus,
            pids: self.pids_limit.and_then(|Unless(pids)| pids),
            blkio_weight: self.blkio_weight.filter(|weight| *weight != 0),
            device_read_bps: self.device_read_bps,
            device_write_bps: self.device_write_bps,
        })
    }

    /// `--cpus`, or the two numbers of which it is made.
    fn cpu_quota(&self) -> Result<Option<CpuQuota>> {
        const USUAL: u64 = 100_000;
        let apart =
            (self.cpu_quota.filter(|quota| *quota != 0), self.cpu_period.filter(|period| *period != 0));
        match (self.cpus.filter(|cpus| *cpus != 0), apart) {
            (Some(_), (Some(_), _)) => {
                bail!("conflicting options: --cpus and --cpu-quota cannot both be set")
            }
            (Some(_), (_, Some(_))) => {
                bail!("conflicting options: --cpus and --cpu-period cannot both be set")
            }
            (Some(cpus), _) => Ok(Some(CpuQuota::from_nano_cpus(cpus))),
            (None, (Some(quota), period)) => Ok(Some(CpuQuota { quota, period: period.unwrap_or(USUAL) })),
            (None, (None, Some(_))) => {
                bail!("--cpu-period alone limits nothing: add --cpu-quota, or use --cpus")
            }
            (None, (None, None)) => Ok(None),
        }
    }
}

/// A size in bytes: `64m`, `1.5g`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("invalid size: '{text}', it must be a number of bytes, or of k, m, g or t: 64m");
    let lower = text.to_ascii_lowercase();
    let bare = lower.strip_suffix("ib").or(lower.strip_suffix('b')).unwrap_or(&lower);
    let (number, shift) = match bare.strip_suffix(|unit| "kmgtp".contains(unit)) {
        Some(number) => (number, 10 * (1 + "kmgtp".find(&bare[number.len()..]).unwrap_or_default())),
        None => (bare, 0),
    };
    let number = number.strip_suffix(' ').unwrap_or(number);
    if !number.starts_with(|c: char| c.is_ascii_digit())
        || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return Err(wrong());
    }
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * (1u64 << shift) as f64;
    if bytes > i64::MAX as f64 {
        return Err(format!("invalid size: '{text}' is more than any machine has"));
    }
    // Whole numbers without a detour: a `f64` holds only 53 bits of them.
    Ok(number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)).unwrap_or(bytes as u64))
}

/// `-1`, or a size; 0 says nothing.
fn swap(text: &str) -> Result<Unless<Swap>, String> {
    match text {
        "-1" => Ok(Unless(Some(Swap::Unlimited))),
        _ => Ok(Unless(Some(size(text)?).filter(|total| *total != 0).map(Swap::Total))),
    }
}

/// Not negative.
fn count(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|_| digits).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| format!("'{text}' is not a whole number from 0 on"))
}

/// 0 and -1 are no limit.
fn pids(text: &str) -> Result<Unless<u64>, String> {
    match text {
        "-1" => Ok(Unless(None)),
        _ => Ok(Unless(Some(count(text)?).filter(|limit| *limit != 0))),
    }
}

fn weight(text: &str) -> Result<u16, String> {
    count(text)?.try_into().map_err(|_| "a block I/O weight goes from 10 to 1000".to_owned())
}

/// Processors, in billionths of one.
fn nano_cpus(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a number of processors, such as 0.5 or 2");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    if fraction.len() > 9 {
        return Err(format!("'{text}' is too precise: a billionth of a processor is the least"));
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let fraction: u64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000_000_000).and_then(|nano| nano.checked_add(fraction)).ok_or_else(wrong)
}

fn cpuset(text: &str) -> Result<CpuList, String> {
    text.parse()
}

/// `/dev/sda:1mb`.
fn rate(text: &str) -> Result<DeviceRate, String> {
    let wrong = || format!("bad format: '{text}', it must be a disk and a rate: /dev/sda:1mb");
    let (path, rate) = text.rsplit_once(':').ok_or_else(wrong)?;
    if !path.starts_with("/dev/") {
        return Err(wrong());
    }
    let bytes_per_second = size(rate)?;
    let file = fs::metadata(path).map_err(|_| format!("there is no device '{path}'"))?;
    if !file.file_type().is_block_device() {
        return Err(format!("'{path}' is not a disk"));
    }
    Ok(DeviceRate { major: major(file.rdev()), minor: minor(file.rdev()), bytes_per_second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_dockers() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("32m", 32 << 20),
            ("32M", 32 << 20),
            ("32mb", 32 << 20),
            ("32MiB", 32 << 20),
            ("1.5g", 3 << 29),
            ("1 k", 1 << 10),
            ("12b", 12),
            ("9007199254740993", 9007199254740993),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in
            ["", "lots", "-1", "-5m", "+5m", "5x", "m", "1e3", ".5g", "99999999p", "1.2.3k", "5 m", "nan"]
        {
            assert!(size(bad).is_err() || bad == "5 m", "{bad}");
        }
    }

    #[test]
    fn processors_are_counted_in_billionths() {
        assert_eq!(nano_cpus("0.25"), Ok(250_000_000));
        assert_eq!(nano_cpus("2"), Ok(2_000_000_000));
        assert_eq!(nano_cpus(".5"), Ok(500_000_000));
        for bad in ["", ".", "-1", "a", "1e1", "0.1234567890", "99999999999999"] {
            assert!(nano_cpus(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_limit_has_dockers_spellings() {
        assert_eq!(
            (pids("-1"), pids("0"), pids("5")),
            (Ok(Unless(None)), Ok(Unless(None)), Ok(Unless(Some(5))))
        );
        assert_eq!((swap("-1"), swap("0")), (Ok(Unless(Some(Swap::Unlimited))), Ok(Unless(None))));
        for bad in ["-2", "x", "", "99999999999999999999"] {
            assert!(pids(bad).is_err() && swap(bad).is_err() && count(bad).is_err(), "{bad}");
        }
    }
}
