//! The two tables of a user namespace, and what can be said about them before they are written.
//!
//! A line of `/proc/PID/uid_map` has three numbers: the first number inside, the first outside, and how many follow each other.
//! A number that no line names does not exist inside: nobody can become it, and a file of its owner shows as 65534.
//!
//! Man page: `user_namespaces(7)`, "Defining user and group ID mappings".

use crate::Identity;
use coracle_ground::{Errno, Error, Result};
use nix::unistd::{getegid, geteuid};
use std::fmt;

/// One line of a map. Displayed as the kernel wants it: `0 1000 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// The first number inside.
    pub inside: u32,
    /// The number that it is outside.
    pub outside: u32,
    /// How many numbers, one after another.
    pub count: u32,
}

impl IdRange {
    /// Does it give a number inside to anybody?
    fn has(&self, inside: u32) -> bool {
        inside.checked_sub(self.inside).is_some_and(|offset| offset < self.count)
    }
}

impl fmt::Display for IdRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.inside, self.outside, self.count)
    }
}

/// Who is who: the users and the groups of a user namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Maps {
    /// The lines of `uid_map`.
    pub uids: Vec<IdRange>,
    /// The lines of `gid_map`.
    pub gids: Vec<IdRange>,
}

impl Maps {
    /// Is this the caller's own user and group, and nobody else? Such a map needs no privileges and no helper.
    pub fn is_caller_alone(&self) -> bool {
        let alone =
            |map: &[IdRange], own: u32| matches!(map, [range] if range.outside == own && range.count == 1);
        alone(&self.uids, geteuid().as_raw()) && alone(&self.gids, getegid().as_raw())
    }

    /// Checks, before anything is made, that `identity` can be had in a namespace with these maps.
    ///
    /// Groups that only the image's `/etc/group` names are left out where there is no such number, as in runc: whoever
    /// runs the image cannot do anything about them.
    ///
    /// # Errors
    /// A sentence, and EINVAL, when the user, its group or a group that was asked for has no number in here.
    pub fn admit(&self, mut identity: Identity) -> Result<Identity> {
        require("user", identity.uid, &self.uids)?;
        require("group", identity.gid, &self.gids)?;
        for gid in &identity.added {
            require("group", *gid, &self.gids)?;
        }
        identity.groups.retain(|gid| self.gids.iter().any(|range| range.has(*gid)));
        Ok(identity)
    }
}

/// The sentence for a number that does not exist inside.
fn require(kind: &str, id: u32, map: &[IdRange]) -> Result<()> {
    if map.iter().any(|range| range.has(id)) {
        return Ok(());
    }
    let names = |range: &IdRange| match range.count {
        1 => range.inside.to_string(),
        count => format!("{} to {}", range.inside, range.inside.saturating_add(count - 1)),
    };
    let there = map.iter().map(names).collect::<Vec<_>>().join(", ");
    let more = match map {
        [only] if only.count == 1 => {
            "; for more, install `newuidmap` and give your user a line in /etc/subuid and in /etc/subgid"
        }
        _ => "",
    };
    let doing =
        format!("become {kind} {id}: the container's user namespace has no such {kind}, only {there}{more}");
    Err(Error::new(doing, Errno::EINVAL))
}

/// Is `setgroups` switched off in this process's user namespace? Then nobody in it can change the groups that they have.
///
/// Man page: `user_namespaces(7)`, "Interaction with system calls that change process UIDs or GIDs".
pub fn setgroups_is_denied() -> bool {
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|word| word.trim() == "deny")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> Maps {
        let own = |outside| IdRange { inside: 0, outside, count: 1 };
        let range = |count| IdRange { inside: 1, outside: 100_000, count };
        Maps { uids: vec![own(1000), range(65_536)], gids: vec![own(1000), range(10)] }
    }

    #[test]
    fn a_line_is_what_the_kernel_wants() {
        assert_eq!(maps().uids[1].to_string(), "1 100000 65536");
    }

    #[test]
    fn who_is_not_mapped_is_told_so() {
        let who = |uid, gid| Identity { uid, gid, ..Identity::default() };
        assert!(maps().admit(who(65_536, 10)).is_ok());
        let error = maps().admit(who(65_537, 0)).unwrap_err().to_string();
        assert!(error.contains("no such user, only 0, 1 to 65536"), "{error}");
        let error = maps().admit(who(0, 11)).unwrap_err().to_string();
        assert!(error.contains("become group 11") && error.contains("only 0, 1 to 10"), "{error}");
    }

    #[test]
    fn groups_of_the_image_give_way_and_groups_that_were_asked_for_do_not() {
        let who = |groups, added| Identity { groups, added, ..Identity::default() };
        assert_eq!(maps().admit(who(vec![4, 90], vec![5])).unwrap().groups, [4]);
        assert!(maps().admit(who(vec![], vec![90])).is_err());
    }
}
