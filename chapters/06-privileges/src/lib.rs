//! Chapter 6, privileges: root with its teeth drawn.
//!
//! The kernel offers to cut root's power into pieces (capabilities), to promise that none will come back
//! (no_new_privs), to answer chosen system calls with an error before they begin (seccomp), to limit what one process
//! uses (rlimits), and to decide in a cgroup which devices may be opened.
//!
//! You build: the five capability sets of a container, the last steps before its program in an order that works,
//! the filters for a seccomp profile, its limits, and its devices.
//!
//! ```text
//!   a system call ──▶ seccomp filters ──▶ namespaces, mounts ──▶ capabilities ──▶ device group ──▶ it happens
//!                     may this call        what is there at       may one who      may this group
//!                     be made at all?      all?                   is root do it?   open this device?
//! ```
//!
//! Man pages: `capabilities(7)`, `prctl(2)`, `seccomp(2)`, `setrlimit(2)`, `bpf(2)`; "Device Whitelist Controller"
//! in the kernel's documentation of cgroup v1.
//! What we leave out: AppArmor and SELinux, which say the same for paths and labels, and need a policy of the machine.

use coracle_ground::{Result, sys};
use std::path::{Path, PathBuf};

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

mod capability;
mod device;
mod device_program;
mod limit;
mod refused;
pub mod seccomp;
mod security;
mod sysctl;

pub use capability::{Capability, CapabilitySet, wanted};
pub use code::{
    allow_devices, become_user_with, compile, drop_privileges, limit_capabilities, make_devices,
    set_capabilities, set_limits,
};
pub use device::{Access, DEFAULT_DEVICES, Device, DeviceRequest, DeviceRule, rules_for};
pub use device_program::device_program;
pub use limit::{Limit, impossible};
pub use refused::Refused;
pub use security::{Seccomp, SecurityOptions, filter_for};
pub use sysctl::{Sysctl, apply_sysctls, parse_oom_score_adj, set_oom_score_adj};

use seccomp::Policy;

/// A seccomp filter as the kernel takes it.
pub type Filter = Vec<sys::FilterInstruction>;

/// What a container's program may do, made ready on the host's side, before anything is cloned.
#[derive(Debug, Clone, Default)]
pub struct Privileges {
    /// What root in the container keeps.
    pub capabilities: CapabilitySet,
    /// Setuid programs and file capabilities give nothing.
    pub no_new_privileges: bool,
    /// The filter; `None` for `seccomp=unconfined`.
    pub filter: Option<Filter>,
}

/// The directory of the container's cgroup that decides about devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceGroup {
    /// Below the `devices` hierarchy of cgroup v1.
    V1(PathBuf),
    /// In the one tree of cgroup v2.
    V2(PathBuf),
}

/// Changes the user: `setgroups`, `setgid`, `setuid` (chapter 4).
type BecomeUser = fn() -> Result<()>;

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code)]
struct Contract {
    limit_capabilities: fn(keep: CapabilitySet) -> Result<()>,
    become_user_with: fn(become_user: BecomeUser) -> Result<()>,
    set_capabilities: fn(keep: CapabilitySet) -> Result<()>,
    drop_privileges: fn(privileges: &Privileges, become_user: BecomeUser) -> Result<()>,
    compile: fn(policy: &Policy) -> Result<Filter>,
    set_limits: fn(limits: &[Limit]) -> Result<()>,
    make_devices: fn(root: &Path, devices: &[Device]) -> Result<()>,
    allow_devices: fn(group: &DeviceGroup, rules: &[DeviceRule]) -> Result<()>,
}

const _: Contract = Contract {
    limit_capabilities,
    become_user_with,
    set_capabilities,
    drop_privileges,
    compile,
    set_limits,
    make_devices,
    allow_devices,
};
