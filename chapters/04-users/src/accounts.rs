//! What an image says about users and groups, and who a program shall be.
//!
//! The kernel knows numbers only. Names live in `/etc/passwd` and `/etc/group`, and those of the *image* count: user 33 is
//! `www-data` in one image and nobody in another.
//!
//! Man pages: `passwd(5)`, `group(5)`.

use serde::{Deserialize, Serialize};

/// The most that is read of such a file: the image's author wrote it, and it may be endless.
pub const MOST_BYTES: u64 = 1 << 20;

/// Who a program is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// More groups: those of which the image's `/etc/group` says that the user is a member.
    pub groups: Vec<u32>,
    /// And those that were asked for, with `--group-add`.
    pub added: Vec<u32>,
    /// The user's home directory, as the image has it; `/` when it does not say.
    pub home: String,
}

/// One line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The group that its programs start in.
    pub gid: u32,
    /// The home directory; `/` when the line has none.
    pub home: String,
}

/// One line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The group's number.
    pub gid: u32,
    /// The names of its members. Who starts in it, by `/etc/passwd`, is usually not among them.
    pub members: Vec<String>,
}

/// The lines of a passwd file: `name:password:uid:gid:comment:home:shell`.
///
/// A line without a proper name and numbers is left out. (Docker reads a uid that is no number as 0, which is root.)
pub fn parse_users(text: &str) -> Vec<User> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let home = fields.get(5).filter(|home| home.starts_with('/')).unwrap_or(&"/");
        let (name, uid, gid) = (fields.first()?, fields.get(2)?, fields.get(3)?);
        Some(User {
            name: name.to_string(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.to_string(),
        })
    };
    text.lines().filter_map(parse).filter(|user| !user.name.is_empty()).collect()
}

/// The lines of a group file: `name:password:gid:member,member`.
pub fn parse_groups(text: &str) -> Vec<Group> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let (name, gid) = (fields.first()?, fields.get(2)?);
        let members = fields.get(3).unwrap_or(&"").split(',').map(str::trim);
        Some(Group {
            name: name.to_string(),
            gid: gid.parse().ok()?,
            members: members.filter(|member| !member.is_empty()).map(String::from).collect(),
        })
    };
    text.lines().filter_map(parse).filter(|group| !group.name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_are_nobody() {
        let text = "root:x:0:0::/root:/bin/sh\n\nbroken\nweb:x:33:34::/srv:\nodd:x:35:36::srv:\nhalf:x:37\n\
                    :x:0:0::/:\nbad:x:zero:0::/:\n  late:x:40:41\n";
        let users = parse_users(text);
        let found: Vec<_> = users.iter().map(|u| (u.name.as_str(), u.uid, u.gid, u.home.as_str())).collect();
        assert_eq!(
            found,
            [("root", 0, 0, "/root"), ("web", 33, 34, "/srv"), ("odd", 35, 36, "/"), ("late", 40, 41, "/")]
        );
    }

    #[test]
    fn groups_have_members_or_none() {
        let groups = parse_groups("adm:x:4:web, ops\nempty:x:5:\nshort:x:6\nbad:x:six:web\n");
        let found: Vec<_> = groups.iter().map(|g| (g.name.as_str(), g.gid, g.members.join("+"))).collect();
        let expected = [("adm", 4, "web+ops"), ("empty", 5, ""), ("short", 6, "")];
        assert_eq!(found, expected.map(|(name, gid, members)| (name, gid, members.to_string())));
    }
}
