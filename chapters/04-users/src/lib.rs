//! Chapter 4, users: a root that is nobody.
//!
//! The kernel offers user namespaces: a process has one user number inside and another outside, and two small tables
//! translate. Who makes a user namespace has all capabilities in it, and none outside. It is the one namespace that
//! needs no privileges, and so the door to all others: with it, an ordinary user makes containers.
//!
//! You build: the two tables, with the numbers of `/etc/subuid` where the machine grants some; Docker's `--user` and
//! `--group-add`, looked up in the image; and the change of user itself, in the only order that works.
//!
//! ```text
//!   inside the container          uid_map              outside
//!        0  root            0 ───── 1 number ──────▶   1000   you
//!        1 … 65536          1 ── 65,536 numbers ───▶   100000 … 165535   nobody else's
//!        65537 …            not mapped: shown as 65534, `nobody`
//! ```
//!
//! Man pages: `user_namespaces(7)`, `newuidmap(1)`, `subuid(5)`, `setgroups(2)`, `setresuid(2)`, `passwd(5)`, `group(5)`.
//! What we leave out: which capabilities root keeps (chapter 6); mounts whose owners are shifted
//! (`mount_setattr(2)`, `MOUNT_ATTR_IDMAP`), which Podman and newer engines use.

use coracle_ground::Result;
use nix::unistd::Pid;
use std::path::Path;

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

mod accounts;
mod caller;
mod enter;
mod maps;

pub use accounts::{Group, Identity, MOST_BYTES, User, parse_groups, parse_users};
pub use caller::{Caller, SubIds};
pub use code::{
    become_root, become_user, lay_out_maps, read_in_root, resolve_user, write_maps, write_maps_with_helpers,
};
pub use enter::in_user_namespace;
pub use maps::{IdRange, Maps, setgroups_is_denied};

/// The maps for a container of this process's user: itself as root inside, then the ranges that the machine grants.
///
/// # Errors
/// When `/etc/subuid`, `/etc/subgid` or the own maps in `/proc` exist and cannot be read.
pub fn maps_for_caller() -> Result<Maps> {
    Ok(lay_out_maps(&Caller::now()?))
}

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code)]
struct Contract {
    write_maps: fn(process: Pid, maps: &Maps) -> Result<()>,
    become_root: fn() -> Result<()>,
    lay_out_maps: fn(caller: &Caller) -> Maps,
    write_maps_with_helpers: fn(process: Pid, maps: &Maps) -> Result<()>,
    read_in_root: fn(root: &Path, path: &str) -> Result<String>,
    resolve_user: fn(root: &Path, spec: &str, group_add: &[String]) -> Result<Identity>,
    become_user: fn(identity: &Identity) -> Result<()>,
}

const _: Contract = Contract {
    write_maps,
    become_root,
    lay_out_maps,
    write_maps_with_helpers,
    read_in_root,
    resolve_user,
    become_user,
};
