//! Mounts that should have vanished with a mount namespace, and are in ours: the sign of a forgotten `MS_PRIVATE`.

use super::remedy::{Leftover, Remedy};
use crate::doctor::mountinfo::Mount;
use std::path::{Path, PathBuf};

/// Where experiments mount things.
#[derive(Debug)]
pub(crate) struct Places {
    /// The data root, for `containers/<id>/…`.
    pub(crate) data_root: PathBuf,
    /// Directories on which test worlds mount their scratch space.
    pub(crate) scratch: Vec<PathBuf>,
    /// `/tmp` and `$TMPDIR`.
    pub(crate) temporary: Vec<PathBuf>,
}

/// The innermost first, so that each can be unmounted; `lives` tells whether a container is in use.
pub(crate) fn leftovers(mounts: &[Mount], places: &Places, lives: impl Fn(&str) -> bool) -> Vec<Leftover> {
    let mut found = Vec::new();
    for mount in mounts.iter().rev() {
        let Some(why) = why_ours(mount, places, &lives) else { continue };
        found.push(Leftover {
            what: format!("mount {} ({})", mount.point.display(), mount.kind),
            why,
            remedy: Remedy::Unmount(mount.point.clone()),
        });
    }
    // The kernel's list is in the order of mounting, so its reverse unmounts the covering mount before the covered one. A bind
    // mount of a deeper path may come earlier, though: deeper paths go first. The sort is stable.
    found.sort_by_key(|leftover| match &leftover.remedy {
        Remedy::Unmount(point) => std::cmp::Reverse(point.components().count()),
        _ => std::cmp::Reverse(0),
    });
    found
}

/// `None`: not ours, or in use.
fn why_ours(mount: &Mount, places: &Places, lives: &impl Fn(&str) -> bool) -> Option<String> {
    if let Ok(below) = mount.point.strip_prefix(places.data_root.join("containers")) {
        let id = below.components().next()?.as_os_str().to_string_lossy().into_owned();
        return (!lives(&id)).then(|| "it lies in a container that no engine looks after".to_owned());
    }
    if places.scratch.iter().any(|scratch| mount.point.starts_with(scratch)) {
        return Some("test worlds mount this in their own namespace only".to_owned());
    }
    places.temporary.iter().find_map(|temporary| {
        let below = mount.point.strip_prefix(temporary).ok()?;
        ours(below).then(|| "it lies in a temporary directory of ours".to_owned())
    })
}

/// The path begins with a directory that one of our programs makes.
fn ours(below: &Path) -> bool {
    let first =
        below.components().next().map(|component| component.as_os_str().to_string_lossy().into_owned());
    first.is_some_and(|name| super::temporary::maker(&name).is_some() || name.starts_with("coracle-kit-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::mountinfo::parse;

    #[test]
    fn ours_is_told_from_theirs_and_the_innermost_goes_first() {
        let text = "\
1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /var/lib/coracle rw - ext4 b rw
3 2 0:3 / /var/lib/coracle/containers/dead/rootfs/proc rw - proc proc rw
4 2 0:4 / /var/lib/coracle/containers/dead/rootfs rw - overlay o rw
5 2 0:5 / /var/lib/coracle/containers/live/rootfs rw - overlay o rw
6 1 0:6 / /home/anna/coracle-main rw - virtiofs v rw
7 1 0:7 / /w/target/tmp/world rw - tmpfs t rw
8 7 0:8 / /w/target/tmp/world rw - tmpfs t rw
9 1 0:9 / /tmp/coracle-unit-77-x/mnt rw - tmpfs t rw
10 1 0:10 / /tmp/coracle-photos rw - tmpfs t rw
";
        let places = Places {
            data_root: "/var/lib/coracle".into(),
            scratch: vec!["/w/target/tmp/world".into()],
            temporary: vec!["/tmp".into()],
        };
        let found = leftovers(&parse(text), &places, |id| id == "live");
        let points: Vec<_> = found.iter().map(|leftover| leftover.what.as_str()).collect();
        assert_eq!(
            points,
            [
                "mount /var/lib/coracle/containers/dead/rootfs/proc (proc)",
                "mount /var/lib/coracle/containers/dead/rootfs (overlay)",
                "mount /w/target/tmp/world (tmpfs)",
                "mount /w/target/tmp/world (tmpfs)",
                "mount /tmp/coracle-unit-77-x/mnt (tmpfs)",
            ]
        );
    }
}
