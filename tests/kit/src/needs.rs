//! What a test needs from the machine, found out by trying it in a throwaway world.

use crate::inside::{MARK, SELF};
use crate::ranges;
use crate::world::World;
use coracle_ground::sys::{self, MntFlags, MsFlags};
use nix::sched::CloneFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Something that not every machine, or not every user, has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Root of the whole machine, not of a user namespace.
    Root,
    /// A world with many users: root's, or one of a user with ranges in `/etc/subuid` and `/etc/subgid`.
    ManyUsers,
    /// User namespaces can be made.
    UserNamespaces,
    /// Device nodes can be made and opened.
    Mknod,
    /// An overlay can be mounted.
    Overlay,
    /// The kernel's overlay takes its lower layers one by one.
    ManyLayers,
    /// Files in memory can have `user.…` attributes, where an overlay of an ordinary user keeps its notes.
    UserAttributes,
    /// Groups can be made, with limits on memory, processors and processes.
    Cgroups,
    /// The same, in the trees of cgroup v1.
    CgroupV1,
    /// The same, in the tree of cgroup v2.
    CgroupV2,
    /// This program is installed.
    Tool(&'static str),
    /// This path exists: a part of the kernel that not every kernel has.
    File(&'static str),
    /// Not even a world: the test runs everywhere.
    Nothing,
}

/// What was tried and worked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Facts {
    user_namespaces: bool,
    mknod: bool,
    overlay: bool,
    many_layers: bool,
    user_attributes: bool,
    cgroups: bool,
}

impl Need {
    /// What this machine lacks for such a test, if anything.
    fn missing(self) -> Option<Missing> {
        let facts = facts().as_ref().ok()?;
        let (there, what, fix) = match self {
            Need::Nothing => return None,
            Need::Root => (is_real_root(), "root", AS_ROOT.to_string()),
            Need::ManyUsers => (
                ranges::is_possible(),
                "many users: root, or ranges in /etc/subuid and /etc/subgid",
                ranges::FIX.to_string(),
            ),
            Need::UserNamespaces => (facts.user_namespaces, "user namespaces", fix().to_string()),
            Need::Mknod => {
                (facts.mknod, "device nodes, which a user namespace cannot make", AS_ROOT.to_string())
            }
            Need::Overlay => (facts.overlay, "overlay mounts", "root, or Linux 6.6 or later".to_string()),
            Need::ManyLayers => (
                facts.many_layers,
                "an overlay that takes its layers one by one",
                "Linux 6.7 or later".to_string(),
            ),
            Need::UserAttributes => (
                facts.user_attributes,
                "`user.` attributes of files in memory",
                "Linux 6.6 or later".to_string(),
            ),
            Need::Cgroups => (facts.cgroups, "cgroups that we may make", CGROUPS.to_string()),
            Need::CgroupV1 => {
                (facts.cgroups && !is_v2(), "cgroup v1, with groups that we may make", VERSION.to_string())
            }
            Need::CgroupV2 => {
                (facts.cgroups && is_v2(), "cgroup v2, with groups that we may make", VERSION.to_string())
            }
            Need::Tool(name) => (is_installed(name), name, format!("install `{name}`")),
            Need::File(path) => (Path::new(path).exists(), path, format!("a kernel that has `{path}`")),
        };
        (!there).then(|| Missing { what: what.to_string(), fix })
    }
}

/// Something that a test needs and this machine lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing {
    /// Completes "skipped: needs …".
    pub(crate) what: String,
    /// What would help.
    pub(crate) fix: String,
}

const AS_ROOT: &str =
    "run the tests as root, on the machine itself or in a container started with --privileged";

const CGROUPS: &str =
    "run the tests as root, or on cgroup v2 below `systemd-run --user --scope -p Delegate=yes`";
/// Almost all machines have v2.
const VERSION: &str = "another machine: `tests/lab/run` starts one with cgroup v2";

/// Is the one tree of v2 all that there is?
fn is_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The first thing that a test with these needs lacks here. Every test needs a world, unless it needs nothing.
pub(crate) fn first_missing(needs: &[Need]) -> Option<Missing> {
    if needs.contains(&Need::Nothing) {
        return None;
    }
    if let Err(why) = facts() {
        return Some(Missing {
            what: "root or user namespaces".to_string(),
            fix: format!("{} [{why}]", fix()),
        });
    }
    needs.iter().find_map(|need| need.missing())
}

/// Tried once in each test program.
fn facts() -> &'static Result<Facts, String> {
    static FACTS: OnceLock<Result<Facts, String>> = OnceLock::new();
    FACTS.get_or_init(|| {
        let output = World::new().without_rootfs().run([SELF, MARK, "facts"]);
        let output = output.map_err(|failure| failure.observed)?;
        serde_json::from_str(&output.stdout).map_err(|error| error.to_string())
    })
}

/// Runs inside a world: tries each thing there and prints what worked.
pub(crate) fn tell_facts() -> i32 {
    let facts = Facts {
        mknod: can_mknod(),
        overlay: can_overlay(),
        many_layers: sys::overlay_takes_lowers_one_by_one().unwrap_or(false),
        user_attributes: sys::set_attribute(Path::new("."), "user.coracle", b"y").is_ok(),
        cgroups: can_make_groups(),
        // Last, because it takes away what this process may do outside the new namespace.
        user_namespaces: sys::unshare(CloneFlags::CLONE_NEWUSER).is_ok(),
    };
    match serde_json::to_string(&facts) {
        Ok(text) => println!("{text}"),
        Err(_) => return 1,
    }
    0
}

fn can_mknod() -> bool {
    let made = mknod("null", SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 3));
    made.is_ok() && fs::write("null", "x").is_ok()
}

/// Not the mount alone: a directory that is made again must be marked as opaque, and a tmpfs before Linux 6.6 cannot keep
/// an ordinary user's marks.
fn can_overlay() -> bool {
    let folders = ["lower", "upper", "work", "merged", "lower/again"].map(fs::create_dir);
    let merged = Path::new("merged");
    let notes = if is_real_root() { "" } else { ",userxattr" };
    let options = format!("lowerdir=lower,upperdir=upper,workdir=work{notes}");
    if !folders.iter().all(Result::is_ok)
        || sys::mount("overlay", merged, MsFlags::empty(), &options).is_err()
    {
        return false;
    }
    let made = fs::remove_dir("merged/again").and_then(|()| fs::create_dir("merged/again"));
    sys::unmount(merged, MntFlags::empty()).is_ok() && made.is_ok()
}

/// In v1 each controller has a tree of its own; in v2 the top must have them all to hand down.
fn can_make_groups() -> bool {
    let top = Path::new("/sys/fs/cgroup");
    let needed = ["memory", "cpu", "pids"];
    let can_make = |tree: &Path| {
        let folder = tree.join("coracle-try");
        fs::create_dir(&folder).is_ok() && fs::remove_dir(&folder).is_ok()
    };
    match fs::read_to_string(top.join("cgroup.controllers")) {
        Ok(list) => needed.iter().all(|name| list.split_whitespace().any(|n| n == *name)) && can_make(top),
        Err(_) => needed.iter().all(|name| can_make(&top.join(name))),
    }
}

/// Without CAP_SYS_ADMIN a world begins with a user namespace.
pub(crate) fn must_make_user_namespace() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0);
    effective & (1 << CAP_SYS_ADMIN) == 0
}

/// Privileged, and every user of the machine has its own number here: this is not a user namespace.
fn is_real_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let fields: Vec<&str> = map.split_whitespace().collect();
    !must_make_user_namespace() && fields == ["0", "0", "4294967295"]
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// What makes user namespaces work, as far as the kernel's switches tell.
fn fix() -> &'static str {
    let switch = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    if switch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    } else if switch("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        "sudo sysctl kernel.unprivileged_userns_clone=1"
    } else if switch("/proc/sys/user/max_user_namespaces") == "0" {
        "sudo sysctl user.max_user_namespaces=15000"
    } else {
        AS_ROOT
    }
}
