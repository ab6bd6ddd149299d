//! What several attacks need: a `/proc`, and the processes that it lists.

use crate::named;
use coracle_ground::Result;
use coracle_ground::sys::{self, MsFlags};
use std::path::Path;

/// Where a `/proc` is: the one that is there, or one that we mount. It shows the PID namespace of its mounter.
pub(crate) fn proc() -> Result<&'static str> {
    if Path::new("/proc/self").exists() {
        return Ok("/proc");
    }
    sys::mount("proc", Path::new("/proc"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC, "")?;
    Ok("/proc")
}

/// The numbers of all processes but this one.
pub(crate) fn processes(proc: &str) -> Result<Vec<u32>> {
    let list = std::fs::read_dir(proc).map_err(|error| named(format!("read `{proc}`"), &error))?;
    let numbers = list.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(|number| *number != std::process::id()).collect())
}
