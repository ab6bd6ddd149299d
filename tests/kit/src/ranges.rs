//! Many users in a world that belongs to an ordinary user, for tests about users: those that the machine grants to the
//! tester in `/etc/subuid` and `/etc/subgid`, written by `newuidmap` and `newgidmap`.
//!
//! Those two must run *outside* of the new user namespace. So the shore starts a helper before it unshares, and that
//! waits until it is told.
//!
//! ```text
//!   shore ── unshare ──▶ in a new user namespace ── end of file ──▶ helper ── newuidmap, newgidmap ──▶ end
//! ```
//!
//! Man pages: newuidmap(1), subuid(5).

use crate::inside::{MARK, SELF};
use crate::message::Spec;
use nix::unistd::{Gid, Uid};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};

/// As many as a test may use, besides 0.
const ENOUGH: u32 = 60_000;

/// What is granted to the tester.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ranges {
    /// The first user outside, which is user 1 inside.
    users: u32,
    /// The same for groups.
    groups: u32,
}

/// The ranges of this user, if it has some and the helpers are installed.
pub(crate) fn granted() -> Option<Ranges> {
    let installed = |program: &&str| {
        ["/usr/bin", "/usr/sbin"].iter().any(|at| fs::metadata(format!("{at}/{program}")).is_ok())
    };
    let uid = Uid::current().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid)).then(|| fields[0].to_string())
    });
    let first = |file: &str| first_of(&fs::read_to_string(file).unwrap_or_default(), &name.clone()?, uid);
    let all = ["newuidmap", "newgidmap"].iter().all(installed);
    Some(Ranges { users: first("/etc/subuid")?, groups: first("/etc/subgid")? }).filter(|_| all)
}

/// `ada:100000:65536`: where Ada's first range that is large enough begins.
fn first_of(text: &str, name: &str, uid: u32) -> Option<u32> {
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let [owner, first, count] = fields[..] else { return None };
        let ours = owner == name || owner.parse() == Ok(uid);
        (ours && count.parse::<u32>().ok()? >= ENOUGH).then(|| first.parse().ok())?
    })
}

/// The helper that waits outside.
pub(crate) struct Mapper(Child);

impl Mapper {
    /// Starts it, before the caller has a user namespace; `None` when the world is to have one user.
    pub(crate) fn start(spec: &Spec) -> io::Result<Option<Mapper>> {
        let Some(Ranges { users, groups }) = spec.ranges else { return Ok(None) };
        let numbers = [std::process::id(), Uid::current().as_raw(), users, Gid::current().as_raw(), groups];
        let mut command = Command::new(SELF);
        command.args([MARK, "mapper"]).args(numbers.map(|number| number.to_string()));
        Ok(Some(Mapper(command.stdin(Stdio::piped()).spawn()?)))
    }

    /// Lets it write the maps of the caller, who has a new user namespace by now.
    pub(crate) fn map(mut self) -> io::Result<()> {
        drop(self.0.stdin.take());
        match self.0.wait()?.success() {
            true => Ok(()),
            false => Err(io::Error::other("newuidmap or newgidmap refused")),
        }
    }
}

/// The helper's life: `PID UID FIRST-USER GID FIRST-GROUP`.
pub(crate) fn mapper(args: &[String]) -> i32 {
    let [pid, uid, users, gid, groups] = args else { return 2 };
    let waited = io::stdin().read_to_end(&mut Vec::new());
    let enough = ENOUGH.to_string();
    let map = |program: &str, own: &str, first: &str| {
        let status = Command::new(program).args([pid, "0", own, "1", "1", first, &enough]).status();
        status.is_ok_and(|status| status.success())
    };
    let done = waited.is_ok() && map("newuidmap", uid, users) && map("newgidmap", gid, groups);
    i32::from(!done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_must_be_ours_and_large_enough() {
        let text = "bob:100000:65536\nada:5:10\nada:165536:65536\n1001:300000:65536\n";
        assert_eq!(first_of(text, "ada", 1000), Some(165_536));
        assert_eq!(first_of(text, "eve", 1001), Some(300_000));
        assert_eq!(first_of(text, "eve", 1002), None);
    }
}
