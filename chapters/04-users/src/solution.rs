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
    let is_root = geteuid().is_root();
    if !is_root && !maps.is_caller_alone() {
        return write_maps_with_helpers(process, maps);
    }
    if !is_root {
        sys::write_proc(process, "setgroups", "deny")?;
    }
    sys::write_proc(process, "uid_map", &lines(&maps.uids))?;
    sys::write_proc(process, "gid_map", &lines(&maps.gids))
}

/// The text of a map.
fn lines(map: &[IdRange]) -> String {
    map.iter().map(|range| format!("{range}\n")).collect()
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
    sys::set_group(Gid::from_raw(0))?;
    sys::set_user(Uid::from_raw(0))
}

/// Task 4.2: Work out the maps for the user `caller`.
///
/// The caller itself is root inside. If it may map more, its ranges follow from number 1
/// on, one after another, without a gap. If there is no range for users, or none for
/// groups, or none may be mapped, then the caller is alone: one number in each map.
///
/// Man pages: `subuid(5)`, `subgid(5)`. It cannot fail.
pub fn lay_out_maps(caller: &Caller) -> Maps {
    let more = caller.may_map_more && !caller.sub_uids.is_empty() && !caller.sub_gids.is_empty();
    let (sub_uids, sub_gids): (&[SubIds], &[SubIds]) =
        if more { (&caller.sub_uids, &caller.sub_gids) } else { (&[], &[]) };
    Maps { uids: lay_out(caller.uid, sub_uids), gids: lay_out(caller.gid, sub_gids) }
}

/// One map: `own` as 0, and the ranges behind it.
fn lay_out(own: u32, ranges: &[SubIds]) -> Vec<IdRange> {
    let mut map = vec![IdRange { inside: 0, outside: own, count: 1 }];
    let mut next = 1;
    for range in ranges {
        map.push(IdRange { inside: next, outside: range.first, count: range.count });
        next += range.count;
    }
    map
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
    for (helper, map) in [("newuidmap", &maps.uids), ("newgidmap", &maps.gids)] {
        let mut argv = vec![helper.to_string(), process.to_string()];
        for range in map {
            argv.extend([range.inside, range.outside, range.count].map(|number| number.to_string()));
        }
        sys::run_helper(&argv)?;
    }
    Ok(())
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
    let doing = |what: &str| format!("read `{path}` of the image{what}");
    let failed = |error: std::io::Error| {
        Error::new(doing(""), Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32)))
    };
    let file = match sys::open_in_root(root, path) {
        Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR) => return Ok(String::new()),
        answer => File::from(answer?),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::new(doing(", which is not a regular file"), Errno::EINVAL));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::new(doing(", which is too long"), Errno::EFBIG));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
    let users = parse_users(&read_in_root(root, "etc/passwd")?);
    let groups = parse_groups(&read_in_root(root, "etc/group")?);
    let (user, group) = spec.split_once(':').unwrap_or((spec, ""));
    let user = if user.is_empty() { "0" } else { user };

    let number = number_of("user", user)?;
    let known = users.iter().find(|known| number.map_or(known.name == user, |uid| known.uid == uid));
    let mut identity = match (known, number) {
        (Some(User { uid, gid, home, .. }), _) => {
            Identity { uid: *uid, gid: *gid, home: home.clone(), ..Identity::default() }
        }
        (None, Some(uid)) => Identity { uid, home: "/".into(), ..Identity::default() },
        (None, None) => return Err(unknown("user", user, "/etc/passwd")),
    };
    if !group.is_empty() {
        identity.gid = find_group(&groups, group)?;
    } else if let Some(User { name, .. }) = known {
        let of_user = groups.iter().filter(|group| group.members.contains(name));
        identity.groups = of_user.map(|group| group.gid).collect();
    }
    identity.added = group_add.iter().map(|group| find_group(&groups, group)).collect::<Result<_>>()?;
    Ok(identity)
}

/// The number of a group: itself, or what the image says.
fn find_group(groups: &[Group], wanted: &str) -> Result<u32> {
    if let Some(gid) = number_of("group", wanted)? {
        return Ok(gid);
    }
    let known = groups.iter().find(|group| group.name == wanted);
    known.map(|group| group.gid).ok_or_else(|| unknown("group", wanted, "/etc/group"))
}

/// The number that `text` is, if it is one. Docker's limit is that of a signed 32-bit number.
fn number_of(kind: &str, text: &str) -> Result<Option<u32>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(number @ 0..=2_147_483_647) => Ok(Some(number)),
        _ => {
            let doing = format!("use {text} as a {kind}: numbers go from 0 to 2147483647");
            Err(Error::new(doing, Errno::ERANGE))
        }
    }
}

/// There is no such name.
fn unknown(kind: &str, name: &str, file: &str) -> Error {
    Error::new(format!("find the {kind} `{name}`: the image's {file} has no such name"), Errno::ENOENT)
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
    let mut groups = vec![identity.gid];
    for gid in identity.groups.iter().chain(&identity.added) {
        if !groups.contains(gid) {
            groups.push(*gid);
        }
    }
    let groups: Vec<Gid> = groups.into_iter().map(Gid::from_raw).collect();
    match sys::set_groups(&groups) {
        Err(error) if error.errno == Errno::EPERM && setgroups_is_denied() => {
            refuse_added(identity)?;
        }
        answer => answer?,
    }
    sys::set_group(Gid::from_raw(identity.gid))?;
    sys::set_user(Uid::from_raw(identity.uid))?;
    sys::die_with_parent()
}

/// Says why the groups that were asked for cannot be had.
fn refuse_added(identity: &Identity) -> Result<()> {
    match identity.added.iter().find(|gid| **gid != identity.gid) {
        None => Ok(()),
        Some(gid) => {
            let why = "its user namespace denies setgroups, because an ordinary user wrote its maps without newgidmap";
            Err(Error::new(format!("give the program the group {gid}: {why}"), Errno::EPERM))
        }
    }
}
