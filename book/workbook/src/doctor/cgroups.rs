//! Which cgroup world is this? Answered from what is mounted, never from the kernel's version or from `/proc/cgroups`.
//!
//! The kernel offers two interfaces. v1: one tree for each controller (`memory`, `cpu`, …), each a mount of type `cgroup`
//! whose super options name its controllers. v2: one tree for all, a mount of type `cgroup2`. A controller belongs to one of
//! the two at a time, so a machine may have both trees ("hybrid") with the controllers on the v1 side and none left for v2.
//!
//! Man pages: cgroups(7), proc(5). Left out: named v1 hierarchies without controllers (`name=systemd`); they limit nothing.

use super::facts::CgroupMode;
use super::mountinfo::Mount;
use std::path::PathBuf;

/// The controllers that v1 knew. Other words among the super options (`rw`, `xattr`, `clone_children`) are not controllers.
const CONTROLLERS: [&str; 14] = [
    "blkio",
    "cpu",
    "cpuacct",
    "cpuset",
    "debug",
    "devices",
    "freezer",
    "hugetlb",
    "memory",
    "misc",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
];

/// The v1 controllers that are mounted somewhere, in order of their mounts.
pub(crate) fn v1_controllers(mounts: &[Mount]) -> Vec<String> {
    let mut found = Vec::new();
    for mount in mounts.iter().filter(|mount| mount.kind == "cgroup") {
        for word in mount.super_options.split(',').filter(|word| CONTROLLERS.contains(word)) {
            if !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

/// v1 counts only when it holds a controller; systemd mounts an empty named tree on pure v2 machines of some clouds.
pub(crate) fn mode(mounts: &[Mount]) -> CgroupMode {
    let v1 = !v1_controllers(mounts).is_empty();
    let v2 = mounts.iter().any(|mount| mount.kind == "cgroup2");
    match (v1, v2) {
        (true, true) => CgroupMode::Hybrid,
        (true, false) => CgroupMode::V1,
        (false, true) => CgroupMode::V2,
        (false, false) => CgroupMode::None,
    }
}

/// The directory of our own group in the hierarchy that matters: v1's `memory` where there is one, else v2's only tree.
///
/// `own` is `/proc/self/cgroup`: lines `4:memory:/user` and, for v2, `0::/user`. A mount shows the tree from its `root` down.
pub(crate) fn own_directory(mounts: &[Mount], own: &str) -> Option<(PathBuf, Mount)> {
    let v1 = mounts
        .iter()
        .find(|mount| mount.kind == "cgroup" && mount.super_options.split(',').any(|word| word == "memory"));
    let mount = v1.or_else(|| mounts.iter().find(|mount| mount.kind == "cgroup2"))?;
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let ours = match v1 {
            Some(_) => controllers.split(',').any(|word| word == "memory"),
            None => controllers.is_empty(),
        };
        ours.then(|| PathBuf::from(path))
    })?;
    let below = path.strip_prefix(&mount.root).unwrap_or(&path);
    let below = below.strip_prefix("/").unwrap_or(below);
    Some((mount.point.join(below), mount.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::mountinfo::parse;
    use super::*;
    use std::path::Path;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const UNIFIED: &str =
        "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
    const IN_DOCKER: &str = "29 23 0:26 /../../up /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n";

    #[test]
    fn the_mode_follows_from_what_is_mounted() {
        let v1 = HYBRID.lines().filter(|line| !line.contains("cgroup2")).collect::<Vec<_>>().join("\n");
        let named = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n";
        for (text, expected) in [
            (HYBRID, CgroupMode::Hybrid),
            (&v1, CgroupMode::V1),
            (UNIFIED, CgroupMode::V2),
            (&format!("{named}{UNIFIED}"), CgroupMode::V2),
            (named, CgroupMode::None),
            ("", CgroupMode::None),
        ] {
            assert_eq!(mode(&parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn controllers_are_named_once_and_options_are_not_controllers() {
        assert_eq!(v1_controllers(&parse(HYBRID)), ["cpu", "cpuacct", "memory"]);
    }

    #[test]
    fn our_own_group_is_found_in_both_worlds() {
        let cases = [
            (HYBRID, "4:memory:/user/one\n0::/other\n", "/sys/fs/cgroup/memory/user/one"),
            (UNIFIED, "0::/user.slice/session-2.scope\n", "/sys/fs/cgroup/user.slice/session-2.scope"),
            (UNIFIED, "0::/\n", "/sys/fs/cgroup/"),
            (IN_DOCKER, "0::/../../up/here\n", "/sys/fs/cgroup/here"),
        ];
        for (mounts, own, expected) in cases {
            let found = own_directory(&parse(mounts), own).map(|(path, _)| path);
            assert_eq!(found.as_deref(), Some(Path::new(expected)), "{own}");
        }
        assert!(own_directory(&[], "0::/\n").is_none());
    }
}
