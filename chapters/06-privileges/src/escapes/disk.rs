//! `disk [MAJOR:MINOR]`: the host's disk, through a device node of one's own.
//!
//! A device node is two numbers and a letter. Who may make one needs no path of the host to reach the host's disk,
//! and what is on the disk is everything, past all permissions and mounts.
//! Source: `mknod(2)`; what Docker's device rules are for. Docker leaves CAP_MKNOD in the default set, so `mknod`
//! works there too. The node then is of no use.
//! Succeeds in: chapter 3.
//! Stopped by: the device group of the cgroup (chapter 6), when the node is *opened*. In a user namespace `mknod`
//! itself is refused.

use crate::named;
use coracle_ground::sys::{self, DeviceKind, DeviceNode};
use coracle_ground::{Errno, Error, Result};
use std::path::Path;

const NODE: &str = "/tmp/escape-room-disk";

/// Makes the node, opens it for reading, and takes it away again. Not a byte is read.
pub(crate) fn run(arguments: &[String]) -> Result<String> {
    let told = arguments.first().and_then(|word| word.split_once(':'));
    let told = told.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let (major, minor) = told.map_or_else(first_disk, Ok)?;
    let node = Path::new(NODE);
    sys::make_device(
        node,
        &DeviceNode { kind: DeviceKind::Block, major, minor, mode: 0o600, uid: 0, gid: 0 },
    )?;
    let opened = std::fs::File::open(node);
    let _ = std::fs::remove_file(node);
    opened.map_err(|error| named(format!("open a node of block device {major}:{minor}"), &error))?;
    Ok(format!("the disk {major}:{minor} is open for reading"))
}

/// The kernel tells each process which disks there are: `/proc/partitions` has no namespace.
fn first_disk() -> Result<(u64, u64)> {
    let doing = "find a disk in `/proc/partitions`";
    let list = std::fs::read_to_string("/proc/partitions").map_err(|error| named(doing, &error))?;
    let numbers = |line: &str| {
        let mut words = line.split_whitespace();
        let pair = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let name = words.nth(1)?;
        // Disks of memory are none.
        (!["loop", "ram", "zram"].iter().any(|kind| name.starts_with(kind))).then_some(pair)
    };
    list.lines().find_map(numbers).ok_or_else(|| Error::new(doing, Errno::ENODEV))
}
