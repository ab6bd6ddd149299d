//! Who asks for a container, and which numbers besides the own one the machine grants.
//!
//! `/etc/subuid` and `/etc/subgid` say it: `ada:100000:65536` grants Ada the 65,536 users from 100000 on. An ordinary user
//! cannot write such a map, but `newuidmap` and `newgidmap` can: they are setuid root, and read the same files.
//!
//! Man pages: `subuid(5)`, `newuidmap(1)`.
//! What we leave out: ranges from a directory service (`subid:` in `/etc/nsswitch.conf`).

use crate::parse_users;
use coracle_ground::{Errno, Error, Result};
use nix::unistd::{getegid, geteuid};
use std::path::Path;

/// Numbers that the machine grants to one user: `count` of them, from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubIds {
    /// The first number, outside.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// The user who asks for a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// More users, from `/etc/subuid`.
    pub sub_uids: Vec<SubIds>,
    /// More groups, from `/etc/subgid`.
    pub sub_gids: Vec<SubIds>,
    /// Can those be mapped? Yes for root, and for others when `newuidmap` and `newgidmap` are installed.
    pub may_map_more: bool,
}

impl Caller {
    /// The user of this process.
    ///
    /// # Errors
    /// When one of the files exists and cannot be read.
    pub fn now() -> Result<Caller> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        // Not through the C library: it would load plug-ins, which a static program cannot.
        let users = parse_users(&read("/etc/passwd")?);
        let name = users.into_iter().find(|user| user.uid == uid).map(|user| user.name);
        let granted = |path: &str, own_map: &str| -> Result<Vec<SubIds>> {
            Ok(within(&parse_sub_ids(&read(path)?, name.as_deref(), uid), &read(own_map)?))
        };
        Ok(Caller {
            uid,
            gid,
            sub_uids: granted("/etc/subuid", "/proc/self/uid_map")?,
            sub_gids: granted("/etc/subgid", "/proc/self/gid_map")?,
            may_map_more: uid == 0 || (is_installed("newuidmap") && is_installed("newgidmap")),
        })
    }
}

/// The lines of one user: `name:first:count`, where the name may be the user's number.
fn parse_sub_ids(text: &str, name: Option<&str>, uid: u32) -> Vec<SubIds> {
    let number = uid.to_string();
    let parse = |line: &str| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let [owner, first, count] = fields[..] else { return None };
        let ids = SubIds { first: first.parse().ok()?, count: count.parse().ok()? };
        (Some(owner) == name || owner == number).then_some(ids)
    };
    let mut granted: Vec<SubIds> = Vec::new();
    for ids in text.lines().filter_map(parse) {
        // One grant may be written twice, by name and by number.
        if ids.count > 0 && !granted.contains(&ids) {
            granted.push(ids);
        }
    }
    granted
}

/// Only those ranges that exist here: in a container, the file may speak of numbers that this user namespace does not
/// have, and what one does not have one cannot hand on. And not more of them in all than there are numbers.
fn within(granted: &[SubIds], own_map: &str) -> Vec<SubIds> {
    let lines = own_map.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().map(|field| field.parse::<u64>().ok());
        let (first, _, count) = (fields.next()??, fields.next()??, fields.next()??);
        Some(first..first + count)
    });
    let lines: Vec<_> = lines.collect();
    let mut total: u64 = 1;
    let exists = |ids: &&SubIds| {
        let (first, end) = (u64::from(ids.first), u64::from(ids.first) + u64::from(ids.count));
        lines.iter().any(|line| line.start <= first && end <= line.end)
    };
    let fits = |ids: &&SubIds| {
        total += u64::from(ids.count);
        total < u64::from(u32::MAX)
    };
    granted.iter().filter(exists).filter(fits).copied().collect()
}

/// The text of a file; nothing when there is no such file.
fn read(path: &str) -> Result<String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
            Err(Error::new(format!("read `{path}`"), errno))
        }
    }
}

/// Is there such a program in PATH?
fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
    path.split(':').any(|folder| Path::new(folder).join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYBODY: &str = "         0          0 4294967295\n";

    #[test]
    fn ranges_are_found_by_name_and_by_number() {
        let text = "ada:100000:65536\nbob:165536:65536\n1000:300000:10\nada:100000:65536\nada:x:1\nada:5:0\n";
        let ids = |first, count| SubIds { first, count };
        let cases = [
            (Some("ada"), 1000, vec![ids(100_000, 65_536), ids(300_000, 10)]),
            (Some("bob"), 1001, vec![ids(165_536, 65_536)]),
            (None, 1000, vec![ids(300_000, 10)]),
            (Some("eve"), 1002, vec![]),
        ];
        for (name, uid, expected) in cases {
            assert_eq!(parse_sub_ids(text, name, uid), expected, "{name:?}");
        }
    }

    #[test]
    fn only_numbers_that_exist_here_are_handed_on() {
        let granted = [SubIds { first: 100_000, count: 65_536 }, SubIds { first: 5, count: 4_294_960_000 }];
        assert_eq!(within(&granted, EVERYBODY), granted[..1], "both together are more than there are");
        assert_eq!(within(&granted, "0 1000 1\n"), []);
        assert_eq!(within(&granted, "0 1000 1\n1 100000 200000\n"), granted[..1]);
    }
}
