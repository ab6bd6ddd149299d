//! Devices: which nodes a container gets, and which of them its group may open.
//!
//! A node in `/dev` is a name for two numbers. Whoever may make one (`CAP_MKNOD` is among Docker's fourteen) has a name
//! for every device of the machine. So what counts is the device group: the kernel asks it at each `open` and `mknod`.
//! Man pages: `mknod(2)`, `null(4)`; "Device Whitelist Controller" in the kernel's documentation.

use crate::Refused;
use coracle_ground::sys::{self, DeviceKind, DeviceNode};
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// What may be done with a device: any of read, write, and making a node of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Open it for reading.
    pub read: bool,
    /// Open it for writing.
    pub write: bool,
    /// Make a node of it.
    pub mknod: bool,
}

impl Access {
    /// Everything.
    pub const ALL: Access = Access { read: true, write: true, mknod: true };
    /// Only making a node, which may then not be opened.
    pub const MKNOD: Access = Access { read: false, write: false, mknod: true };

    /// Reads `rwm`, or some of these letters, each once.
    fn parse(text: &str) -> Option<Access> {
        let mut access = Access { read: false, write: false, mknod: false };
        for letter in text.chars() {
            let bit = match letter {
                'r' => &mut access.read,
                'w' => &mut access.write,
                'm' => &mut access.mknod,
                _ => return None,
            };
            if std::mem::replace(bit, true) {
                return None;
            }
        }
        (!text.is_empty()).then_some(access)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(self.read, "r"), (self.write, "w"), (self.mknod, "m")];
        letters.iter().filter(|(is, _)| *is).try_for_each(|(_, letter)| f.write_str(letter))
    }
}

/// One thing that a group may do. It prints itself as cgroup v1 wants it: `c 1:3 rwm`, `b *:* m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRule {
    /// Character or block.
    pub kind: DeviceKind,
    /// Which driver; `None` for all.
    pub major: Option<u64>,
    /// Which of its devices; `None` for all.
    pub minor: Option<u64>,
    /// What.
    pub access: Access,
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u64>| number.map_or("*".into(), |number| number.to_string());
        let letter = match self.kind {
            DeviceKind::Character => 'c',
            DeviceKind::Block => 'b',
        };
        write!(f, "{letter} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

/// A character device, for the table below.
const fn character(major: u64, minor: Option<u64>) -> DeviceRule {
    DeviceRule { kind: DeviceKind::Character, major: Some(major), minor, access: Access::ALL }
}

/// What every container may do: make any node, and open the harmless ones.
/// Source: `AllowedDevices` in `specconv/spec_linux.go` of runc.
pub const DEFAULT_DEVICES: [DeviceRule; 11] = [
    DeviceRule { kind: DeviceKind::Character, major: None, minor: None, access: Access::MKNOD },
    DeviceRule { kind: DeviceKind::Block, major: None, minor: None, access: Access::MKNOD },
    character(1, Some(3)), // null
    character(1, Some(5)), // zero
    character(1, Some(7)), // full
    character(1, Some(8)), // random
    character(1, Some(9)), // urandom
    character(5, Some(0)), // tty
    character(5, Some(1)), // console
    character(5, Some(2)), // ptmx
    character(136, None),  // pts/*
];

/// The rules for a container with these devices: the default ones, and one for each of them.
pub fn rules_for(devices: &[Device]) -> Vec<DeviceRule> {
    let own = devices.iter().map(|device| DeviceRule {
        kind: device.node.kind,
        major: Some(device.node.major),
        minor: Some(device.node.minor),
        access: device.access,
    });
    DEFAULT_DEVICES.into_iter().chain(own).collect()
}

/// `--device HOST[:INSIDE[:ACCESS]]`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    /// A node of the host, or a directory with nodes.
    pub host: PathBuf,
    /// Its path in the container, absolute.
    pub inside: PathBuf,
    /// What the container may do with it.
    pub access: Access,
}

impl DeviceRequest {
    /// Reads it. `HOST:rw` is a host path with an access, as in Docker; without access it is `rwm`.
    ///
    /// # Errors
    /// Empty or relative paths, `..` in the inner path, an access that is not made of r, w and m.
    pub fn parse(text: &str) -> Result<DeviceRequest, Refused> {
        let refused = |why: &str| Refused(format!("`--device {text}`: {why}"));
        let parts: Vec<&str> = text.split(':').collect();
        let (host, inside, access) = match parts[..] {
            [host] => (host, host, Some(Access::ALL)),
            [host, access] if Access::parse(access).is_some() => (host, host, Access::parse(access)),
            [host, inside] => (host, inside, Some(Access::ALL)),
            [host, inside, access] => (host, inside, Access::parse(access)),
            _ => return Err(refused("write HOST[:INSIDE[:ACCESS]]")),
        };
        let access =
            access.ok_or_else(|| refused("the access must be made of r, w and m, each at most once"))?;
        let inside = Path::new(inside);
        let proper = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        if !Path::new(host).is_absolute() || !inside.is_absolute() || inside == Path::new("/") {
            return Err(refused("both paths must be absolute, and the inner one not `/`"));
        }
        if !inside.components().all(proper) {
            return Err(refused("the inner path must not contain `..`"));
        }
        Ok(DeviceRequest { host: host.into(), inside: inside.into(), access })
    }

    /// The devices that it means on this machine: one, or all those in a directory.
    ///
    /// # Errors
    /// There is no such file, it is no device, or no device is in that directory.
    pub fn find(&self) -> Result<Vec<Device>, Refused> {
        let host = self.host.display();
        let mut devices = Vec::new();
        if self.host.is_dir() {
            self.collect(&self.host, &self.inside, &mut devices);
            devices.sort_by(|one, other| one.inside.cmp(&other.inside));
            return match devices.is_empty() {
                true => Err(Refused(format!("`--device {host}`: there is no device in that directory"))),
                false => Ok(devices),
            };
        }
        match sys::device_at(&self.host) {
            Ok(Some(node)) => Ok(vec![self.device(node, &self.host, &self.inside)]),
            Ok(None) => Err(Refused(format!("`--device {host}`: that file is not a device"))),
            Err(error) => Err(Refused(format!("`--device {host}`: {}", error.errno.desc()))),
        }
    }

    /// The devices in `folder` and below; not what is a filesystem of its own in every `/dev`, as runc has it.
    fn collect(&self, folder: &Path, inside: &Path, devices: &mut Vec<Device>) {
        let not_devices = ["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"];
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !not_devices.iter().any(|known| name == *known) {
                self.collect(&path, &inside.join(&name), devices);
            } else if !is_folder
                && !entry.file_type().is_ok_and(|kind| kind.is_symlink())
                && name != "console"
            {
                let node = sys::device_at(&path).ok().flatten();
                devices.extend(node.map(|node| self.device(node, &path, &inside.join(&name))));
            }
        }
    }

    fn device(&self, node: DeviceNode, host: &Path, inside: &Path) -> Device {
        Device { node, host: host.into(), inside: inside.into(), access: self.access }
    }
}

/// A device that a container gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its kind and numbers, and the mode and owner of the host's node.
    pub node: DeviceNode,
    /// The host's node.
    pub host: PathBuf,
    /// Its path in the container, absolute and without `..`.
    pub inside: PathBuf,
    /// What the container may do with it.
    pub access: Access,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_in_dockers_forms() {
        let table = [
            ("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm"),
            ("/dev/sda:r", "/dev/sda", "/dev/sda", "r"),
            ("/dev/sda:/dev/xvda", "/dev/sda", "/dev/xvda", "rwm"),
            ("/dev/sda:/dev/xvda:wr", "/dev/sda", "/dev/xvda", "rw"),
        ];
        for (text, host, inside, access) in table {
            let request = DeviceRequest::parse(text).unwrap();
            assert_eq!(request.host, Path::new(host), "{text}");
            assert_eq!(request.inside, Path::new(inside), "{text}");
            assert_eq!(request.access.to_string(), access, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_one_sentence() {
        let table = [
            ("", "both paths must be absolute"),
            ("dev/null", "both paths must be absolute"),
            ("/dev/null:", "both paths must be absolute"),
            ("/dev/null:x", "both paths must be absolute"),
            ("/dev/null:/", "the inner one not `/`"),
            ("/dev/null:/dev/../etc/x", "must not contain `..`"),
            ("/dev/null:/dev/x:rwx", "made of r, w and m"),
            ("/dev/null:/dev/x:rr", "each at most once"),
            ("/dev/null:/dev/x:", "made of r, w and m"),
            ("/dev/null:/dev/x:r:w", "write HOST[:INSIDE[:ACCESS]]"),
        ];
        for (text, expected) in table {
            let refused = DeviceRequest::parse(text).expect_err(text).to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }

    #[test]
    fn devices_are_found_and_what_is_none_is_refused() {
        let find = |text: &str| DeviceRequest::parse(text).unwrap().find();
        let null = &find("/dev/null:/dev/nothing:r").unwrap()[0];
        assert_eq!((null.node.major, null.node.minor), (1, 3));
        assert_eq!(rules_for(std::slice::from_ref(null)).last().unwrap().to_string(), "c 1:3 r");
        assert!(find("/dev").unwrap().iter().any(|device| device.inside == Path::new("/dev/zero")));
        let refused = |text: &str| find(text).unwrap_err().to_string();
        assert_eq!(refused("/dev/no-such"), "`--device /dev/no-such`: No such file or directory");
        assert_eq!(refused("/etc/passwd"), "`--device /etc/passwd`: that file is not a device");
        assert_eq!(refused("/etc/passwd/x"), "`--device /etc/passwd/x`: Not a directory");
        assert_eq!(
            refused("/proc/self/fdinfo"),
            "`--device /proc/self/fdinfo`: there is no device in that directory"
        );
    }

    #[test]
    fn rules_print_as_cgroup_v1_wants_them() {
        let lines: Vec<String> = DEFAULT_DEVICES.iter().map(ToString::to_string).collect();
        assert_eq!(lines[..3], ["c *:* m", "b *:* m", "c 1:3 rwm"]);
        assert_eq!(lines[10], "c 136:* rwm");
    }
}
