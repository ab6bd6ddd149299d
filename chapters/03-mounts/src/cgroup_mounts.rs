//! What the host has mounted below `/sys/fs/cgroup`. Provided: chapter 5 is about cgroups, this one only shows them.
//!
//! Three worlds are met: v2 (one mount on the directory itself), v1 (a tmpfs with one mount for each controller) and
//! hybrid (v1 with a v2 mount among them). Which one it is stands in mountinfo, and is never guessed.
//!
//! Man pages: `proc_pid_mountinfo(5)`, `cgroups(7)`.

use coracle_ground::{Errno, Error, Result};
use std::path::{Path, PathBuf};

/// One mount of the cgroup filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its directory below `/sys/fs/cgroup`; empty when it is that directory itself.
    pub name: String,
    /// `cgroup2`, or `cgroup` for v1.
    pub filesystem: String,
    /// What to mount it with: the v1 controllers (`cpu,cpuacct`) or the name (`name=systemd`); empty for v2.
    pub options: String,
    /// Which group is seen in that directory: `/`, or in a container perhaps one further down.
    pub root: PathBuf,
}

impl Hierarchy {
    /// The directory where it is mounted.
    pub fn path(&self) -> PathBuf {
        // With a trimmed end: joining an empty name would leave a slash there.
        Path::new("/sys/fs/cgroup").join(&self.name).components().collect()
    }
}

/// Reads them from `/proc/self/mountinfo`, in the order in which they were mounted. None is an answer, too.
pub fn cgroup_hierarchies() -> Result<Vec<Hierarchy>> {
    let path = "/proc/self/mountinfo";
    let failed = |e: std::io::Error| {
        Error::new(format!("read `{path}`"), Errno::from_raw(e.raw_os_error().unwrap_or(Errno::EIO as i32)))
    };
    Ok(hierarchies_in(&std::fs::read_to_string(path).map_err(failed)?))
}

/// The same, out of the text of a mountinfo. Of several mounts on the same directory only the last one is seen.
pub fn hierarchies_in(mountinfo: &str) -> Vec<Hierarchy> {
    let mut seen: Vec<Hierarchy> = Vec::new();
    for mount in mountinfo.lines().filter_map(parse) {
        seen.retain(|below| below.name != mount.name);
        seen.push(mount);
    }
    seen
}

/// `36 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu` is the v1 hierarchy of `cpu`.
fn parse(line: &str) -> Option<Hierarchy> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let fields: Vec<&str> = mount.split(' ').collect();
    let below = fields.get(4)?.strip_prefix("/sys/fs/cgroup")?;
    let mut words = filesystem.split(' ');
    let kind = words.next().filter(|kind| *kind == "cgroup" || *kind == "cgroup2")?;
    let options = match kind {
        "cgroup" => words.nth(1)?.split(',').filter(|o| !GENERAL.contains(o)).collect::<Vec<_>>().join(","),
        _ => String::new(),
    };
    let name = below.trim_start_matches('/').to_string();
    // The kernel writes a backslash, which systemd puts into names, as `\134`.
    let root = PathBuf::from(fields.get(3)?.replace("\\134", "\\"));
    Some(Hierarchy { name, filesystem: kind.to_string(), options, root })
}

/// Options of a v1 mount that do not say which hierarchy it is.
const GENERAL: [&str; 5] =
    ["rw", "ro", "xattr", "clone_children", "release_agent=/lib/systemd/systemd-cgroups-agent"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_world_is_read_from_mountinfo() {
        let cases = [
            (
                "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
                Some(("", "cgroup2", "")),
            ),
            (
                "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
                Some(("cpu,cpuacct", "cgroup", "cpu,cpuacct")),
            ),
            (
                "40 31 0:37 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,name=systemd",
                Some(("systemd", "cgroup", "name=systemd")),
            ),
            ("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw", Some(("unified", "cgroup2", ""))),
            ("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755", None),
            ("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw", None),
        ];
        for (line, expected) in cases {
            let found = parse(line);
            let found = found.as_ref().map(|h| (h.name.as_str(), h.filesystem.as_str(), h.options.as_str()));
            assert_eq!(found, expected, "{line}");
        }
    }
}
