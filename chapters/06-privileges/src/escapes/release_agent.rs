//! `release-agent`: a program of the host, started by the kernel when a cgroup becomes empty. CVE-2022-0492.
//!
//! The root of each hierarchy of cgroup v1 has a file `release_agent`: the path of a program that the kernel
//! starts, as root of the host, when the last process of a group has ended. Root in a container that may mount
//! cgroups writes its own program there.
//! Source: Felix Wilhelm, 2019, for privileged containers; CVE-2022-0492 (Linux before 5.17), where a user
//! namespace was enough, because the kernel asked for no capability on writing.
//! Succeeds in: chapter 3, in each hierarchy whose top the container's cgroup namespace shows.
//! Stopped by: no CAP_SYS_ADMIN (chapter 6), so no mount. Version 2 has no such file.

use crate::named;
use coracle_ground::sys::{self, MntFlags, MsFlags};
use coracle_ground::{Errno, Error, Result};
use std::fs::{self, OpenOptions};
use std::path::Path;

const PLACE: &str = "/tmp/escape-room-cgroup";

/// Mounts each hierarchy, looks for the file, opens it for writing. Nothing is written.
pub(crate) fn run(_: &[String]) -> Result<String> {
    let list =
        fs::read_to_string("/proc/self/cgroup").map_err(|error| named("read `/proc/self/cgroup`", &error))?;
    // `4:cpu,cpuacct:/`; version 2 has no name between the colons.
    let hierarchies = list.lines().filter_map(|line| line.split(':').nth(1)).filter(|name| !name.is_empty());
    let place = Path::new(PLACE);
    let _ = fs::create_dir(place);
    let mut last = Error::new("find a `release_agent`", Errno::ENOENT);
    for hierarchy in hierarchies {
        match attempt(place, hierarchy) {
            Ok(gain) => return Ok(gain),
            Err(error) if error.errno == Errno::ENOENT => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn attempt(place: &Path, hierarchy: &str) -> Result<String> {
    sys::mount("cgroup", place, MsFlags::empty(), hierarchy)?;
    let opened = OpenOptions::new().write(true).open(place.join("release_agent"));
    sys::unmount(place, MntFlags::MNT_DETACH)?;
    opened.map_err(|error| named("open `release_agent` for writing", &error))?;
    Ok(format!("`release_agent` of the hierarchy `{hierarchy}` is open for writing"))
}
