// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.
#![allow(dead_code, unused_imports, unused_variables)]

//! The functions of chapter 4, task by task.

use crate::{
    Caller, Group, IdRange, Identity, MOST_BYTES, Maps, SubIds, User, parse_groups, parse_users,
    setgroups_is_denied,
};
use coracle_ground::{Errno, Error, Result, sys};
use nix::unistd::{Gid, Pid, Uid, geteuid};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Task 4.1: Write the maps of the new user namespace in which `process` is.
///
/// Called on the host side, while the child waits. Until its maps are written the child is
/// nobody: every user and group shows as 65534, and nothing can be changed into.
///
/// Each map is a file in `/proc/PID`, `uid_map` and `gid_map`, with a line for each range
/// (an [`IdRange`] displays as one). A map is written once and for all, in one piece.
///
/// - Who is root here (`geteuid().is_root()`) may write any map.
/// - An ordinary user may map itself alone ([`Maps::is_caller_alone`]), and must write
///   `deny` to `setgroups` before the `gid_map`. Otherwise it could drop a group that
///   takes a right *away*: mode 0705 keeps the members of a file's group out.
/// - For any other map an ordinary user needs [`write_maps_with_helpers`] (task 4.2).
///
/// Root must not deny: then no program of the container could ever change its groups.
///
/// Use `sys::write_proc`. Man page: `user_namespaces(7)`.
/// Errors: EPERM when the map is not ours to write, or is written already; EINVAL when two
/// ranges overlap, or share a line.
pub fn write_maps(process: Pid, maps: &Maps) -> Result<()> {
    todo!("task 4.1: write the maps of the new user namespace in which `process` is")
}

/// Task 4.1: Become root inside, as init, now that the maps are written.
///
/// The child has kept the number that it had outside. If that is mapped to 0, it is root
/// already; if another number is, it must change, both the group and the user. The order
/// does not matter here: who becomes user 0 keeps the right to change the rest. (In task
/// 4.4 it does.) All that init makes from here on, mounts and files, belongs to root inside.
///
/// Use `sys::set_group`, `sys::set_user`. Man page: `setresuid(2)`.
/// Errors: EINVAL when there is no 0 in the map, or no map yet.
pub fn become_root() -> Result<()> {
    todo!("task 4.1: become root inside, as init, now that the maps are written")
}

/// Task 4.2: Work out the maps for the user `caller`.
///
/// The caller itself is root inside. If it may map more, its ranges follow from number 1
/// on, one after another, without a gap. If there is no range for users, or none for
/// groups, or none may be mapped, then the caller is alone: one number in each map.
///
/// Man pages: `subuid(5)`, `subgid(5)`. It cannot fail.
pub fn lay_out_maps(caller: &Caller) -> Maps {
    todo!("task 4.2: work out the maps for the user `caller`")
}

/// Task 4.2: Let `newuidmap` and `newgidmap` write the maps of `process`.
///
/// They are setuid root, look into `/etc/subuid` and `/etc/subgid`, and write what is
/// granted there. Each takes the number of the process, then three numbers a range:
/// `newuidmap 4711 0 1000 1 1 100000 65536`. They leave `setgroups` allowed for whoever
/// has groups granted.
///
/// Use `sys::run_helper`: the program's name and each argument are a `String` of their own.
/// Man pages: `newuidmap(1)`, `newgidmap(1)`.
/// Errors: ENOENT when they are not installed; EPERM, with their words, when they refuse.
pub fn write_maps_with_helpers(process: Pid, maps: &Maps) -> Result<()> {
    todo!("task 4.2: let `newuidmap` and `newgidmap` write the maps of `process`")
}

/// Task 4.3: Read the text of `path`, a file that the image in `root` brought.
///
/// Its author chose what lies there. A link to `/etc/shadow` must mean the image's file of
/// that name, never the host's: so the kernel itself is told to stay in `root`. A device
/// or a FIFO is no file to read from: EINVAL. And more than [`MOST_BYTES`] is nobody's list
/// of users: EFBIG. A file that is missing (ENOENT, ENOTDIR) is an empty text, because many
/// images have none.
///
/// Use `sys::open_in_root`, `File::from`, `File::metadata`, `Read::take`. Bytes that are no
/// UTF-8: `String::from_utf8_lossy`. Man page: `openat2(2)`, at `RESOLVE_IN_ROOT`.
pub fn read_in_root(root: &Path, path: &str) -> Result<String> {
    todo!("task 4.3: read the text of `path`, a file that the image in `root` brought")
}

/// Task 4.3: Find out who `spec` is in the image in `root`, in Docker's words.
///
/// `spec` is `USER` or `USER:GROUP`, each a name or a number; an empty `USER` is user 0, an
/// empty `GROUP` is none. Names are looked up in the image's `etc/passwd` and `etc/group`
/// ([`read_in_root`], [`parse_users`], [`parse_groups`]); the first line that fits counts.
///
/// - A user whom the file knows, by name or by number, brings its group and its home. Its
///   `groups` are those of which its *name* is a member.
/// - A number that the file does not know is no error: group 0, home `/`, no `groups`.
/// - A name that it does not know is an error, and its words say that name: ENOENT.
/// - With a `GROUP`, that is the group, and there are no `groups` from the file. An unknown
///   number is no error, an unknown name is.
/// - Each of `group_add` goes to `added`, by the same rule.
///
/// What looks like a number is one: digits, also with a `-` or a `+` before them. Nobody is
/// looked up by the name `-5`, `+5` or `99999999999`. It must be from 0 to 2147483647, else
/// the error is ERANGE, and its words say the number. (`+5` is 5.)
///
/// Man pages: `passwd(5)`, `group(5)`, and `docker run --help` at `--user`.
pub fn resolve_user(root: &Path, spec: &str, group_add: &[String]) -> Result<Identity> {
    todo!("task 4.3: find out who `spec` is in the image in `root`, in Docker's words")
}

/// Task 4.4: Become the user and the groups of `identity`, for good.
///
/// The order is a matter of rights: who has given up user 0 may change no group any more.
///
/// 1. The supplementary groups: the group itself, then `groups`, then `added`, each once.
///    Always, also when there is nothing to add: the groups of before must go. And with the
///    group itself: a program that can shed it would gain what mode 0705 keeps from its
///    members (CVE-2022-36109).
/// 2. The group, then the user: real, effective and saved, so that there is no way back.
/// 3. Ask again to die with the parent: the change of user has cleared it.
///
/// Where `setgroups` is denied (EPERM, and [`setgroups_is_denied`]) the groups stay as they
/// are. That is an error only when `added` has a group other than `gid`: say which one
/// cannot be had, by its number, and why. (`gid` itself can be had, by step 2.) Groups of
/// the image's file are given up without a word, as runc does.
///
/// Use `sys::set_groups`, `sys::set_group`, `sys::set_user`, `sys::die_with_parent`.
/// Man pages: `setgroups(2)`, `setresgid(2)`, `setresuid(2)`, `credentials(7)`.
/// Errors: EINVAL when a number is not mapped; EPERM for groups that cannot be had.
pub fn become_user(identity: &Identity) -> Result<()> {
    todo!("task 4.4: become the user and the groups of `identity`, for good")
}
