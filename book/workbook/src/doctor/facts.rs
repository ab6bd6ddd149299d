//! What was found on this machine: plain data, no opinions.
//!
//! [`super::probe`] fills it, [`super::verdict`] interprets it. Because it is plain data it can be written as JSON
//! (`--format json`) and read back: the tests interpret the facts of machines that they do not run on.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Everything that `doctor` knows about a machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Facts {
    /// `linux`, `macos`, `windows`, as Rust names them. On all but `linux` nothing else is filled in.
    pub(crate) os: String,
    /// `x86_64`, `aarch64`.
    pub(crate) processor: String,
    /// From `/etc/os-release`.
    pub(crate) distribution: Distribution,
    /// `uname -r`.
    pub(crate) kernel: String,
    /// Bare machine, WSL or container.
    pub(crate) place: Place,
    /// Who asks.
    pub(crate) user: User,
    /// The switches that allow or forbid user namespaces.
    pub(crate) switches: Switches,
    /// What happened when it was tried with the privileges at hand.
    pub(crate) as_is: Tries,
    /// What happened when it was tried as root of a new user namespace.
    pub(crate) in_user_namespace: Tries,
    /// The cgroup hierarchies and what may be done there.
    pub(crate) cgroups: Cgroups,
    /// Where containers would be kept.
    pub(crate) data_root: DataRoot,
    /// `net.ipv4.ip_forward`.
    pub(crate) ip_forward: Option<u64>,
    /// The kernel has seccomp filters (`/proc/sys/kernel/seccomp/actions_avail`).
    pub(crate) seccomp_filters: bool,
    /// The filesystem that the workbook itself lies on, and the space left there.
    pub(crate) workspace: Disk,
    /// `1.85.0`, from `rustc --version`.
    pub(crate) rustc: Option<String>,
    /// The oldest Rust that the workspace accepts.
    pub(crate) rustc_needed: Option<String>,
    /// The tools of the pages that are there.
    pub(crate) tools: Vec<String>,
    /// The chapters that have a reference in this copy of the workbook.
    pub(crate) written: Vec<u32>,
}

impl Facts {
    /// What was tried in the way that the tests will take: directly with CAP_SYS_ADMIN, else through a user namespace.
    pub(crate) fn tries(&self) -> &Tries {
        if self.user.may_admin { &self.as_is } else { &self.in_user_namespace }
    }
}

/// Which Linux this is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Distribution {
    /// `ID` and `ID_LIKE`: `["ubuntu", "debian"]`.
    pub(crate) ids: Vec<String>,
    /// `PRETTY_NAME`.
    pub(crate) name: String,
}

/// What kind of machine the kernel shows us.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Place {
    /// A machine of its own, real or virtual.
    #[default]
    Machine,
    /// Windows Subsystem for Linux 1: Linux calls translated by Windows, no Linux kernel.
    Wsl1,
    /// Windows Subsystem for Linux 2: a real Linux kernel in a virtual machine.
    Wsl2,
    /// Inside a container.
    Container {
        /// `docker`, `podman`, `codespaces`, `lxc`, or `unknown`.
        kind: String,
    },
}

/// The process that asks, as `/proc/self/status` and `/proc/self/ns` describe it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct User {
    /// The effective user id.
    pub(crate) uid: u32,
    /// The login name, as `/etc/subuid` spells it.
    pub(crate) name: String,
    /// CAP_SYS_ADMIN is in the effective set: the capability that mounts and makes namespaces.
    pub(crate) may_admin: bool,
    /// How many capabilities are in the effective set.
    pub(crate) capabilities: u32,
    /// How many capabilities this kernel knows.
    pub(crate) capabilities_known: u32,
    /// CAP_SYS_RESOURCE is in the effective set: the capability that raises limits.
    pub(crate) may_raise_limits: bool,
    /// This process is already in a user namespace: its root is not the machine's.
    pub(crate) inside_user_namespace: bool,
    /// A seccomp filter already restricts this process.
    pub(crate) filtered: bool,
    /// How many ids `/etc/subuid` grants.
    pub(crate) subordinate_uids: u64,
    /// How many ids `/etc/subgid` grants.
    pub(crate) subordinate_gids: u64,
}

/// Kernel settings about user namespaces. `None`: this kernel does not have the setting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Switches {
    /// `kernel.unprivileged_userns_clone` (Debian and Arch kernels): 0 forbids.
    pub(crate) unprivileged_userns_clone: Option<u64>,
    /// `user.max_user_namespaces`: 0 forbids.
    pub(crate) max_user_namespaces: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns` (Ubuntu): 1 forbids to programs without a profile.
    pub(crate) apparmor_restrict_unprivileged_userns: Option<u64>,
}

/// The outcome of one thing that was really tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attempt {
    /// It worked.
    Works,
    /// It failed.
    Fails {
        /// The call that failed: ``mount proc on `/proc` ``.
        at: String,
        /// `EPERM`, or a tool's own words.
        errno: String,
    },
    /// It was not tried, because something before it failed or a tool is missing.
    #[default]
    NotTried,
}

impl Attempt {
    /// It was tried and worked.
    pub(crate) fn works(&self) -> bool {
        *self == Self::Works
    }
}

/// What the hidden child tried, in this order, inside new namespaces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tries {
    /// New namespaces of every kind that a container has, a hostname, private mounts, a tmpfs.
    pub(crate) namespaces: Attempt,
    /// A new `/proc` as PID 1 of the new PID namespace.
    pub(crate) proc: Attempt,
    /// A new `/sys` that belongs to the new network namespace.
    pub(crate) sys: Attempt,
    /// An overlay with its upper directory where the data root lies.
    pub(crate) overlay: Attempt,
    /// An overlay on a tmpfs: does this kernel have overlay at all?
    pub(crate) overlay_in_memory: Attempt,
    /// A table made by `nft` in the new network namespace.
    pub(crate) nft: Attempt,
}

/// Which cgroup hierarchies are mounted, read from mountinfo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cgroups {
    /// v1, v2, both or none.
    pub(crate) mode: CgroupMode,
    /// Controllers on mounted v1 hierarchies.
    pub(crate) v1: Vec<String>,
    /// Controllers that the v2 hierarchy offers to our own group.
    pub(crate) v2: Vec<String>,
    /// We may make groups below the one we are in.
    pub(crate) writable: bool,
    /// The filesystem is mounted read-only.
    pub(crate) read_only: bool,
    /// The systemd user manager has a group of its own that we may write: `systemd-run --user` will do.
    pub(crate) user_manager: bool,
}

/// The kind of cgroup set-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CgroupMode {
    /// Nothing is mounted.
    #[default]
    None,
    /// One tree for each controller, as before 2019.
    V1,
    /// One tree for all controllers.
    V2,
    /// v1 controllers, and a v2 tree beside them.
    Hybrid,
}

/// Where containers and images would be kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataRoot {
    /// `/var/lib/coracle`, or the XDG data directory, or `CORACLE_ROOT`.
    pub(crate) path: PathBuf,
    /// It can be made and written.
    pub(crate) writable: bool,
    /// The filesystem it lies on, or would lie on.
    pub(crate) disk: Disk,
}

/// A filesystem.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Disk {
    /// `ext4`, `overlay`, `9p`.
    pub(crate) kind: String,
    /// Bytes that an ordinary user may still write.
    pub(crate) free: u64,
}
