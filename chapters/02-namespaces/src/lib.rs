//! Chapter 2, namespaces: a process that thinks it is alone.
//!
//! The kernel offers namespaces: private copies of what used to be global. A process in new ones has its own
//! process numbers, mounts, host name, System V and POSIX queues, network, and view of the cgroup tree. They are
//! made in the step that makes the process, by flags of `clone`.
//!
//! You build: a child in namespaces of its own, its host name and its private mounts, the duties of PID 1, and
//! the way into the namespaces of a process that runs already.
//!
//! ```text
//!   host's PID namespace            the new one
//!   4711 ch02                       (not visible)
//!   4712 └─ init        ═══════▶    1 init
//!   4713    └─ sh       ═══════▶    2 └─ sh
//! ```
//!
//! Man pages: `namespaces(7)`, `pid_namespaces(7)`, `mount_namespaces(7)`, `uts_namespaces(7)`, `setns(2)`.
//! What we leave out: the user namespace (chapter 4) and anything in the new network but its loopback (chapter 10).

use coracle_ground::{Child, CloneFlags, End, HostEnd, InitEnd, Result};
use nix::unistd::Pid;
use std::convert::Infallible;
use std::path::Path;

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

pub use code::{be_init, isolate_mounts, join, mount_proc, namespace_flags, set_hostname, start_in};

/// The kinds of namespaces that a container gets of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// What is mounted where: `mount_namespaces(7)`.
    Mount,
    /// Process numbers: `pid_namespaces(7)`.
    Pid,
    /// Host name and domain name: `uts_namespaces(7)`.
    Uts,
    /// System V IPC and POSIX message queues: `ipc_namespaces(7)`.
    Ipc,
    /// Interfaces, addresses, routes, ports: `network_namespaces(7)`.
    Network,
    /// The root of the visible cgroup tree: `cgroup_namespaces(7)`.
    Cgroup,
    /// Users and groups, and over what capabilities reach: `user_namespaces(7)`. Chapter 4's subject.
    User,
}

impl Namespace {
    /// All that this chapter is about.
    pub const ALL: [Namespace; 6] = [
        Namespace::Mount,
        Namespace::Pid,
        Namespace::Uts,
        Namespace::Ipc,
        Namespace::Network,
        Namespace::Cgroup,
    ];
}

/// A child's work after it has been cloned: never comes back, unless with an error.
type Init = fn(InitEnd) -> Result<Infallible>;
/// Starts the program that init looks after.
type StartMain = fn() -> Result<Child>;

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code, clippy::type_complexity)]
struct Contract {
    namespace_flags: fn(namespaces: &[Namespace]) -> CloneFlags,
    start_in: fn(namespaces: &[Namespace], init: Init) -> Result<(Child, HostEnd)>,
    set_hostname: fn(name: &str) -> Result<()>,
    isolate_mounts: fn() -> Result<()>,
    mount_proc: fn(root: &Path) -> Result<()>,
    be_init: fn(start_main: StartMain) -> Result<End>,
    join: fn(process: Pid, namespaces: &[Namespace]) -> Result<()>,
}

const _: Contract = Contract {
    namespace_flags,
    start_in: start_in::<Init>,
    set_hostname,
    isolate_mounts,
    mount_proc,
    be_init: be_init::<StartMain>,
    join,
};
