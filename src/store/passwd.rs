//! What an image's own `/etc/passwd` says about a user.
//!
//! A container's users are the image's: user 33 is `www-data` in one image and nobody in another. The file was written
//! by the image's author, so it may be a link to the host's, a device or endless: it is looked up [`inside`](super::inside)
//! the image's root, must be a regular file, and is read up to a limit.
//!
//! Man pages: passwd(5).
//!
//! What we leave out: names, supplementary groups, `/etc/group` (chapter 4).

use std::fs::File;
use std::io::Read;

use super::inside::Inside;
use super::{Reference, Store};

/// One user.
#[derive(Debug, PartialEq)]
pub(crate) struct KnownUser {
    /// The group that a process of this user starts in.
    pub(crate) gid: u32,
    /// The home directory.
    pub(crate) home: String,
}

impl Store {
    /// The user of this number in that image, if it knows one.
    pub(crate) fn user_in(&self, reference: &Reference, uid: u32) -> Option<KnownUser> {
        let root = Inside::of(&self.image_folder(reference).join("rootfs")).ok()?;
        let file = File::from(root.file("etc/passwd").ok()?);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        file.take(1 << 20).read_to_string(&mut text).ok()?;
        line_of(&text, uid)
    }
}

/// Finds the first line of `uid`: `name:password:uid:gid:comment:home:shell`.
fn line_of(passwd: &str, uid: u32) -> Option<KnownUser> {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let line = passwd.lines().map(fields).find(|line| line.get(2).is_some_and(|id| id.parse() == Ok(uid)))?;
    let home = line.get(5).filter(|home| home.starts_with('/')).cloned();
    Some(KnownUser { gid: line.get(3)?.parse().ok()?, home: home.unwrap_or_else(|| "/".to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbroken\nweb:x:33:34::/srv:\nodd:x:35:36::srv:\nhalf:x:37";
        let found = |uid| line_of(passwd, uid).map(|user| (user.gid, user.home));
        assert_eq!(found(0), Some((0, "/root".into())));
        assert_eq!(found(33), Some((34, "/srv".into())));
        assert_eq!(found(35), Some((36, "/".into())));
        assert_eq!(found(37), None);
        assert_eq!(found(1000), None);
    }
}
