//! `/proc/self/mountinfo`: the one true list of mounts. One line a mount, ten fields and a variable part (proc(5)):
//!
//! ```text
//! 36 35 98:0 /sub /mnt rw,noatime master:1 - ext4 /dev/root rw,errors=continue
//! id parent dev root point options tags    - type source super-options
//! ```
//!
//! Spaces, tabs, newlines and backslashes in paths are written as `\040` and the like.

use std::path::{Path, PathBuf};

/// One mount.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mount {
    /// The directory of the filesystem that is shown here: not `/` for a bind mount or a cgroup namespace.
    pub(crate) root: PathBuf,
    /// Where it is mounted.
    pub(crate) point: PathBuf,
    /// Options of this mount: `rw,nosuid`.
    pub(crate) options: String,
    /// Filesystem type.
    pub(crate) kind: String,
    /// Options of the filesystem: `rw,lowerdir=…`, or the controllers of a v1 cgroup hierarchy.
    pub(crate) super_options: String,
}

/// Reads the whole file, in the kernel's order: a later mount lies over an earlier one. Lines it does not understand are left out.
pub(crate) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

/// The mount that `path` lies on: of those with the longest matching mount point, the last, which covers the others.
pub(crate) fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.components().count())
}

/// Everything before ` - ` counts from the front, everything after it from there.
fn parse_line(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let front: Vec<_> = front.split(' ').collect();
    let mut back = back.splitn(3, ' ');
    Some(Mount {
        root: unescape(front.get(3)?),
        point: unescape(front.get(4)?),
        options: (*front.get(5)?).to_owned(),
        kind: back.next()?.to_owned(),
        super_options: back.nth(1).unwrap_or_default().to_owned(),
    })
}

/// Turns `\040` back into the byte it stands for.
fn unescape(field: &str) -> PathBuf {
    let bytes = field.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let octal = field.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (byte, octal) {
            (b'\\', Some(code)) => {
                plain.push(code);
                at += 4;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    path_of(plain)
}

/// Paths on Linux are bytes.
#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    OsString::from_vec(bytes).into()
}

/// Elsewhere there is no mountinfo; this keeps the crate compiling.
#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_and_without_tags() {
        let text = "36 35 98:0 /sub /mnt rw,noatime master:1 propagate_from:2 - ext4 /dev/root rw,errors=continue\n\
                    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                    this line is not one\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].root, Path::new("/sub"));
        assert_eq!(mounts[0].kind, "ext4");
        assert_eq!(mounts[0].super_options, "rw,errors=continue");
        assert_eq!(mounts[1].point, Path::new("/sys/fs/cgroup"));
    }

    #[test]
    fn escaped_bytes_come_back() {
        let line = r"1 0 0:1 / /a\040b\134c\011d rw - tmpfs none rw";
        assert_eq!(parse(line)[0].point, Path::new("/a b\\c\td"));
    }

    #[test]
    fn the_longest_and_last_mount_holds_a_path() {
        let text = "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /var rw - xfs b rw\n3 2 0:3 / /var rw - btrfs c rw\n4 1 0:4 / /v rw - tmpfs d rw\n";
        let mounts = parse(text);
        assert_eq!(holding(&mounts, Path::new("/var/lib")).map(|m| m.kind.as_str()), Some("btrfs"));
        assert_eq!(holding(&mounts, Path::new("/variable")).map(|m| m.kind.as_str()), Some("ext4"));
    }
}
