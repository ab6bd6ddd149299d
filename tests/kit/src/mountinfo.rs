//! The kernel's list of mounts, a line a mount.
//!
//! ```text
//!   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//!              root  path  options    optional   fs   source    the filesystem's own options
//! ```
//!
//! Man page: proc(5), `/proc/[pid]/mountinfo`.

use crate::proc::Proc;
use std::io;
use std::path::PathBuf;

/// One line of mountinfo.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    /// The directory of the filesystem that is seen here; `/` unless this is a bind mount.
    pub(crate) root: PathBuf,
    /// Where it is mounted.
    pub(crate) path: PathBuf,
    /// The mount's own options: `ro,nosuid`.
    pub(crate) options: String,
    /// `shared`, `slave` or `private`: do mount events travel?
    pub(crate) propagation: &'static str,
    /// The kind of filesystem.
    pub(crate) filesystem: String,
    /// The filesystem's own options; for cgroup v1 they hold the controllers.
    pub(crate) super_options: String,
}

impl Mount {
    /// Is this option set?
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|o| o == option)
    }
}

/// The mounts of this process's mount namespace, in the kernel's order: what covers comes after what is covered.
pub(crate) fn read(proc: &Proc) -> io::Result<Vec<Mount>> {
    let text = proc.bytes("self/mountinfo")?;
    Ok(String::from_utf8_lossy(&text).lines().filter_map(parse).collect())
}

/// One line. `None` for what is not a mount line; the kernel writes no such line.
pub(crate) fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let right: Vec<&str> = right.split(' ').collect();
    let travels = |kind: &str| left[6..].iter().any(|field| field.starts_with(kind));
    Some(Mount {
        root: unescape(left.get(3)?),
        path: unescape(left.get(4)?),
        options: left.get(5)?.to_string(),
        propagation: if travels("shared:") {
            "shared"
        } else if travels("master:") {
            "slave"
        } else {
            "private"
        },
        filesystem: right.first()?.to_string(),
        super_options: right.get(2).unwrap_or(&"").to_string(),
    })
}

/// The kernel writes space, tab, newline and backslash as `\` and three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut text = field.to_string();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(code, plain);
    }
    PathBuf::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_every_field() {
        let line = "36 35 98:0 /mnt1 /a\\040b rw,noatime shared:7 - ext3 /dev/root rw,errors=continue";
        let mount = parse(line).expect("a whole line");
        assert_eq!(mount.path, PathBuf::from("/a b"));
        assert_eq!(mount.root, PathBuf::from("/mnt1"));
        assert_eq!((mount.propagation, mount.filesystem.as_str()), ("shared", "ext3"));
        assert!(mount.has("noatime") && !mount.has("ro"));
        assert_eq!(mount.super_options, "rw,errors=continue");
    }

    #[test]
    fn a_line_without_optional_fields() {
        let mount = parse("1 0 0:2 / / ro - rootfs rootfs ro").expect("a whole line");
        assert_eq!(mount.propagation, "private");
        assert!(mount.has("ro"));
    }
}
