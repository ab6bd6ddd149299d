//! Users and groups: who a process is, and who it seems to be in a user namespace.

use super::told;
use crate::{Errno, Result};
use nix::unistd::{Gid, Uid};
use std::os::unix::fs::MetadataExt;

/// Gives up the supplementary groups of the caller, and takes these.
///
/// Man page: `setgroups(2)`. Needs CAP_SETGID. EPERM: in a user namespace where `/proc/self/setgroups` says `deny`.
pub fn set_groups(groups: &[Gid]) -> Result<()> {
    told(|| format!("setgroups {groups:?}"), nix::unistd::setgroups(groups))
}

/// Becomes the group `gid`: real, effective and saved.
///
/// Man page: `setresgid(2)`. Needs CAP_SETGID. EINVAL: not mapped in this user namespace.
pub fn set_group(gid: Gid) -> Result<()> {
    told(|| format!("setresgid {gid}"), nix::unistd::setresgid(gid, gid, gid))
}

/// Becomes the user `uid`: real, effective and saved. The group comes first: afterwards there is no right to change it.
///
/// Man page: `setresuid(2)`. Needs CAP_SETUID. EINVAL: not mapped in this user namespace.
pub fn set_user(uid: Uid) -> Result<()> {
    told(|| format!("setresuid {uid}"), nix::unistd::setresuid(uid, uid, uid))
}

/// Maps root of this process's new user namespace to `uid` and `gid` outside: the one mapping that needs no help.
///
/// Called by the process that has just been cloned with `CLONE_NEWUSER`; `uid` and `gid` are what it was before.
/// Man page: `user_namespaces(7)`. EPERM: already mapped, or AppArmor forbids it. Chapter 4 teaches the general form.
pub fn become_root_of_own_namespace(uid: Uid, gid: Gid) -> Result<()> {
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", &format!("0 {gid} 1"))
}

/// Is this process root of the whole machine, and not only of a user namespace? Only such a root can make device nodes,
/// say who may open them, raise hard limits, and write attributes called `trusted.…`.
///
/// The first user namespace has the same inode number on every kernel (`PROC_USER_INIT_INO` in `linux/proc_ns.h`). Its
/// map would prove less: another one can be given the same. Man pages: `user_namespaces(7)`, `namespaces(7)`.
pub fn is_root_of_the_machine() -> bool {
    const FIRST: u64 = 0xEFFF_FFFD;
    let namespace = || std::fs::metadata("/proc/self/ns/user");
    Uid::effective().is_root() && namespace().is_ok_and(|namespace| namespace.ino() == FIRST)
}

/// Writes a file of `/proc` in one piece, which is how the kernel wants its maps.
fn write(path: &str, text: &str) -> Result<()> {
    let answer = std::fs::write(path, text);
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    told(|| format!("write `{text}` to `{path}`"), answer.map_err(errno))
}
