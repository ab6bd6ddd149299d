//! Looks at this machine and fills in [`Facts`].
//!
//! Settings are read from files. What settings cannot tell is tried: the program starts itself again (`doctor --probe …`) and the
//! child makes namespaces and mounts in them. A child, because `unshare` must not happen in a process with threads, and because
//! all that it makes vanishes with it. The one thing made outside the child is an empty directory where the data root is or would be.
//!
//! Man pages: unshare(2), user_namespaces(7), proc(5), access(2), statvfs(3).

mod inside;
mod tries;

pub(crate) use inside::answer;
pub(crate) use tries::Mode;

use super::facts::{Cgroups, DataRoot, Disk, Facts, Switches, User};
use super::mountinfo::{self, Mount};
use super::place::{self, Signs};
use super::{cgroups, data_root, texts};
use nix::sys::statvfs::statvfs;
use nix::unistd::{self, AccessFlags, Uid, access};
use std::path::{Path, PathBuf};
use std::{env, fs, process::Command};

/// The tools that the pages use, in the order in which the pages need them.
pub(crate) const TOOLS: [&str; 8] =
    ["unshare", "nsenter", "busybox", "strace", "newuidmap", "newgidmap", "ip", "nft"];

/// Everything, in a few tens of milliseconds. `root` is the workspace's folder, `written` its chapters.
pub(crate) fn gather(root: &Path, written: Vec<u32>) -> Facts {
    let mounts = mountinfo::parse(&read("/proc/self/mountinfo"));
    let user = user();
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let data_root = data_root(user.uid == 0, &mounts);
    let [as_is, in_user_namespace] = tries::both(data_root::nearest_existing(&data_root.path));
    Facts {
        os: env::consts::OS.into(),
        processor: env::consts::ARCH.into(),
        distribution: texts::distribution(&read("/etc/os-release")),
        place: place::place(&signs(&kernel)),
        kernel,
        switches: switches(),
        as_is,
        in_user_namespace,
        cgroups: cgroups(&mounts, user.uid),
        user,
        data_root,
        ip_forward: number("/proc/sys/net/ipv4/ip_forward"),
        seccomp_filters: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
        workspace: disk(root, &mounts),
        rustc: rustc(),
        rustc_needed: texts::rust_version(&read(root.join("Cargo.toml"))),
        tools: TOOLS.iter().filter(|tool| find(tool).is_some()).map(ToString::to_string).collect(),
        written,
    }
}

/// A file's text, or nothing: what cannot be read is simply not known.
fn read(path: impl AsRef<Path>) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// A file that holds one number.
fn number(path: &str) -> Option<u64> {
    read(path).trim().parse().ok()
}

/// A program, looked up as a shell does, and in the folders that ordinary users of some distributions lack in PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| access(file, AccessFlags::X_OK).is_ok() && file.is_file())
}

/// The switches of the kernel; a missing file means that this kernel has no such switch.
fn switches() -> Switches {
    Switches {
        unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
        max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
        apparmor_restrict_unprivileged_userns: number(
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        ),
    }
}

/// Who we are. Capability numbers are from capabilities(7): 21 is CAP_SYS_ADMIN, 24 is CAP_SYS_RESOURCE.
fn user() -> User {
    let status = read("/proc/self/status");
    let effective = texts::field(&status, "CapEff").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let effective = effective.unwrap_or_default();
    let uid = Uid::effective();
    let name = unistd::User::from_uid(uid).ok().flatten().map(|user| user.name).unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/user").unwrap_or_default();
    User {
        subordinate_uids: texts::subordinate_ids(&read("/etc/subuid"), &name, uid.as_raw()),
        subordinate_gids: texts::subordinate_ids(&read("/etc/subgid"), &name, uid.as_raw()),
        uid: uid.as_raw(),
        name,
        may_admin: effective & (1 << 21) != 0,
        may_raise_limits: effective & (1 << 24) != 0,
        capabilities: effective.count_ones(),
        capabilities_known: number("/proc/sys/kernel/cap_last_cap").map_or(0, |last| last as u32 + 1),
        inside_user_namespace: namespace != Path::new(place::FIRST_USER_NAMESPACE),
        filtered: texts::field(&status, "Seccomp") == Some("2"),
    }
}

/// What tells a container from a machine.
fn signs(release: &str) -> Signs {
    let named = env::var("container").unwrap_or_else(|_| read("/run/systemd/container"));
    Signs {
        release: release.to_owned(),
        pid_namespace: fs::read_link("/proc/self/ns/pid").unwrap_or_default().to_string_lossy().into(),
        dockerenv: Path::new("/.dockerenv").exists(),
        containerenv: Path::new("/run/.containerenv").exists(),
        codespaces: env::var_os("CODESPACES").is_some(),
        container: Some(named.trim().to_owned()).filter(|name| !name.is_empty()),
    }
}

/// The hierarchies, and whether groups can be made below our own.
fn cgroups(mounts: &[Mount], uid: u32) -> Cgroups {
    let own = cgroups::own_directory(mounts, &read("/proc/self/cgroup"));
    let may_write = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    let manager = format!("/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.procs");
    let v2 = mounts.iter().find(|mount| mount.kind == "cgroup2").map(|mount| &mount.point);
    let v2_own = own.as_ref().filter(|(_, mount)| mount.kind == "cgroup2").map(|(path, _)| path);
    let controllers = v2_own.or(v2).map(|path| read(path.join("cgroup.controllers"))).unwrap_or_default();
    Cgroups {
        mode: cgroups::mode(mounts),
        v1: cgroups::v1_controllers(mounts),
        v2: controllers.split_whitespace().map(str::to_owned).collect(),
        writable: own
            .as_ref()
            .is_some_and(|(path, _)| may_write(path) && may_write(&path.join("cgroup.procs"))),
        read_only: own.as_ref().is_some_and(|(_, mount)| mount.options.split(',').any(|word| word == "ro")),
        user_manager: uid != 0 && may_write(Path::new(&manager)),
    }
}

/// The data root as it is, or as it could be made.
fn data_root(root: bool, mounts: &[Mount]) -> DataRoot {
    let path = data_root::path(root);
    let existing = data_root::nearest_existing(&path).unwrap_or(Path::new("/")).to_owned();
    DataRoot {
        writable: access(&existing, AccessFlags::W_OK | AccessFlags::X_OK).is_ok(),
        disk: disk(&existing, mounts),
        path,
    }
}

/// The filesystem under a directory, and its free space.
fn disk(path: &Path, mounts: &[Mount]) -> Disk {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Disk {
        kind: mountinfo::holding(mounts, &path).map(|mount| mount.kind.clone()).unwrap_or_default(),
        free: statvfs(&path).map(|space| space.blocks_available() * space.fragment_size()).unwrap_or(0),
    }
}

/// The compiler that cargo would use.
fn rustc() -> Option<String> {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program).arg("--version").output().ok()?;
    texts::rustc_version(&String::from_utf8_lossy(&output.stdout))
}
