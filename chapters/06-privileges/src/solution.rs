//! The functions of chapter 6, task by task.

use crate::seccomp::{self, Action, CallRule, Policy};
use crate::{
    Capability, CapabilitySet, Device, DeviceGroup, DeviceRule, Filter, Limit, Privileges, device_program,
};
use coracle_ground::sys::{self, CapabilityBits, DeviceNode, MsFlags};
use coracle_ground::{Errno, Error, Result};
use nix::unistd::{Gid, Uid};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Task 6.1: Take away for ever what is not in `keep`: bounding, inheritable and ambient set.
///
/// - The bounding set cuts what an `execve` takes from the file: all for root, or what
///   `setcap` gave to the file. Drop each capability that is in it and not in `keep`. A
///   kernel may know fewer than have names: `sys::is_in_bounding` then says `None`.
/// - The inheritable set is a second way through `execve`, and the bounding set does not cut
///   it. Make it empty. With it goes the ambient set, which may only hold what is permitted
///   *and* inheritable; empty it by name all the same.
/// - Effective and permitted stay as they are: the next steps still need them.
///
/// Use `Capability::all`, `capability.number()`, `keep.has(capability)`;
/// `sys::is_in_bounding`, `sys::drop_bounding`, `sys::clear_ambient`,
/// `sys::capabilities`, `sys::set_capabilities`. These last two take and give effective,
/// permitted and inheritable as one struct: `CapabilityBits { inheritable: 0, ..now }` is
/// `now` with one field changed.
/// Man page: `capabilities(7)`, "Thread capability sets".
/// Errors: EPERM without CAP_SETPCAP: too late, it has been given up already.
pub fn limit_capabilities(keep: CapabilitySet) -> Result<()> {
    for capability in Capability::all().filter(|capability| !keep.has(*capability)) {
        if sys::is_in_bounding(capability.number())? == Some(true) {
            sys::drop_bounding(capability.number())?;
        }
    }
    sys::clear_ambient()?;
    let now = sys::capabilities()?;
    sys::set_capabilities(CapabilityBits { inheritable: 0, ..now })
}

/// Task 6.1: Call `become_user`, and still have the capabilities afterwards.
///
/// When the user changes from 0 to another, the kernel empties permitted and effective.
/// `sys::keep_capabilities(true)` before it keeps the permitted set. Switch that off after
/// it. The effective set is emptied all the same: make it what is permitted again.
///
/// Why, if the program of that user is to have none? Because a filter is still to be
/// installed, and that takes CAP_SYS_ADMIN, unless no_new_privs is set.
///
/// `become_user` is a function that you call once; it changes nothing when the program is
/// to run as root. Use `sys::keep_capabilities`, `sys::capabilities`,
/// `sys::set_capabilities`. Man page: `capabilities(7)`, "Effect of user ID changes on
/// capabilities". Errors: those of `become_user`.
pub fn become_user_with(become_user: impl FnOnce() -> Result<()>) -> Result<()> {
    sys::keep_capabilities(true)?;
    become_user()?;
    sys::keep_capabilities(false)?;
    let now = sys::capabilities()?;
    sys::set_capabilities(CapabilityBits { effective: now.permitted, ..now })
}

/// Task 6.1: Set the effective and the permitted set as the program is to have them.
///
/// For user 0 both become what is in `keep` (its bits are `keep.0`) *and* permitted now: a
/// set may only shrink. For any other user both become empty, as in Docker: `--cap-add` then
/// only says what a setuid program could reach. The inheritable set stays as it is (empty,
/// by now).
///
/// At execve the kernel calculates both anew, for root out of the bounding set. So this is
/// about the last moments of *our* code, which is in the container already, and may be
/// looked at and tampered with there. `ch06 --look` prints the sets of that moment: in
/// front of the command, `ch06 --look rootfs true`.
///
/// Use `nix::unistd::Uid::effective().is_root()`, `sys::capabilities`,
/// `sys::set_capabilities`. Man page: `capset(2)`.
/// Errors: EPERM when a set would grow.
pub fn set_capabilities(keep: CapabilitySet) -> Result<()> {
    let now = sys::capabilities()?;
    let left = if Uid::effective().is_root() { now.permitted & keep.0 } else { 0 };
    sys::set_capabilities(CapabilityBits { effective: left, permitted: left, ..now })
}

/// Task 6.2: Take the last steps before the program, each before what it needs is gone.
///
/// Five steps: limit the capabilities (6.1), promise no new privileges if
/// `privileges.no_new_privileges`, become the user (6.1), install the filter if there is
/// one, set the capabilities (6.1). Ask of each what it needs:
///
/// - `limit_capabilities` needs CAP_SETPCAP;
/// - `become_user` needs CAP_SETUID and CAP_SETGID;
/// - a filter needs CAP_SYS_ADMIN *or* no_new_privs;
/// - a filter forbids to us what it forbids to the program. So it comes as late as it can:
///   with no_new_privs after everything else, without it as the last but one.
///
/// `privileges.filter` is `None` when there is nothing to install.
/// Use `sys::no_new_privileges`, `sys::install_filter`, and the functions of this file.
/// Man pages: `prctl(2)` at `PR_SET_NO_NEW_PRIVS`, `seccomp(2)`.
/// Errors: EACCES from `seccomp` when neither is there; EPERM from `capset` when the
/// filter does not allow that call.
pub fn drop_privileges(privileges: &Privileges, become_user: impl FnOnce() -> Result<()>) -> Result<()> {
    let install = || privileges.filter.as_deref().map_or(Ok(()), sys::install_filter);
    limit_capabilities(privileges.capabilities)?;
    if privileges.no_new_privileges {
        sys::no_new_privileges()?;
    }
    become_user_with(become_user)?;
    if privileges.no_new_privileges {
        set_capabilities(privileges.capabilities)?;
        return install();
    }
    install()?;
    set_capabilities(privileges.capabilities)
}

/// Task 6.3: Compile a policy into the program that the kernel runs at each system call.
///
/// A `Filter` is a `Vec` of instructions. Gather the rules of each call (`rule.number`);
/// several may speak of the same one. For each call make the instructions that decide:
///
/// - the most restrictive rule comes first: `Action` is ordered, and the greatest wins;
/// - a rule with conditions: the instructions of `seccomp::test_of(&rule.conditions)`, then
///   its answer, the one instruction `seccomp::answer(rule.action)`. When a condition does
///   not hold, the test skips that one instruction, and the next rule follows;
/// - a rule without conditions: its answer, and that is the end;
/// - when no rule was without: the answer of the policy's default.
///
/// A rule whose action is the default says nothing: leave it out, before all this.
/// `seccomp::program(policy.arch, &calls, policy.default)` then makes one program of it all,
/// with the look at the architecture at its beginning; `calls` is a `BTreeMap` from a call's
/// number to its instructions.
///
/// Man page: `seccomp(2)`. Errors: EINVAL for a program of over 4096 instructions.
pub fn compile(policy: &Policy) -> Result<Filter> {
    let mut by_call: BTreeMap<i64, Vec<&CallRule>> = BTreeMap::new();
    for rule in policy.rules.iter().filter(|rule| rule.action != policy.default) {
        by_call.entry(rule.number).or_default().push(rule);
    }
    let mut calls = BTreeMap::new();
    for (number, mut rules) in by_call {
        rules.sort_by_key(|rule| Reverse(rule.action));
        calls.insert(number, decide(&rules, policy.default)?);
    }
    seccomp::program(policy.arch, &calls, policy.default)
}

/// The instructions for one call, whose `rules` are in order.
fn decide(rules: &[&CallRule], default: Action) -> Result<Filter> {
    let mut code = Vec::new();
    for rule in rules {
        if rule.conditions.is_empty() {
            code.push(seccomp::answer(rule.action));
            return Ok(code);
        }
        code.extend(seccomp::test_of(&rule.conditions)?);
        code.push(seccomp::answer(rule.action));
    }
    code.push(seccomp::answer(default));
    Ok(code)
}

/// Task 6.4: Set the limits of this process, and so of the program that it becomes.
///
/// Before the capabilities go: raising a hard limit needs CAP_SYS_RESOURCE.
/// Use `sys::set_limit(resource, soft, hard)`. Man page: `setrlimit(2)`.
/// Errors: EPERM for a hard limit above the present one, without that capability; EINVAL for
/// a soft limit above the hard one.
pub fn set_limits(limits: &[Limit]) -> Result<()> {
    limits.iter().try_for_each(|limit| sys::set_limit(limit.resource, limit.soft, limit.hard))
}

/// Task 6.4: Make the nodes of `devices` below `root`, where the container will find them.
///
/// Called before the root is changed. The umask is 0 meanwhile, and put back at the end,
/// also after an error: it would take bits away from directories and nodes. For each device:
///
/// - `device.inside` is absolute, and `root.join` of an absolute path forgets the root. So
///   go through its names. Make each directory with `sys::mount_point(folder, name)`, which
///   refuses a link. The image decides what its names mean: `create_dir_all` would follow its
///   links to the host.
/// - Make the node, `device.node`, and give it the same owner as the host's.
/// - Where `mknod` is forbidden (EPERM: root in a user namespace), bind the host's own node,
///   `device.host`, onto an empty file.
/// - A node that is there already (EEXIST) stays, if it is the same device: kind, major and
///   minor. Another one is an error.
///
/// Use `sys::mount_point`, `sys::umask`, `sys::make_device`, `sys::chown`, `sys::touch`,
/// `sys::bind` (with `MsFlags::empty()`), `sys::device_at`. Man pages: `mknod(2)`, `umask(2)`.
/// Errors: ENOTDIR for a link among the directories; EEXIST.
pub fn make_devices(root: &Path, devices: &[Device]) -> Result<()> {
    let before = sys::umask(0);
    let made = devices.iter().try_for_each(|device| make_device(root, device));
    sys::umask(before);
    made
}

/// One node, and the directories above it.
fn make_device(root: &Path, device: &Device) -> Result<()> {
    let path = place_for(root, &device.inside)?;
    match sys::make_device(&path, &device.node) {
        Err(error) if error.errno == Errno::EPERM => {
            sys::touch(&path)?;
            sys::bind(&device.host, &path, MsFlags::empty())
        }
        Err(error) if error.errno == Errno::EEXIST => {
            let there = sys::device_at(&path)?;
            let same = |node: DeviceNode| {
                (node.kind, node.major, node.minor)
                    == (device.node.kind, device.node.major, device.node.minor)
            };
            if there.is_some_and(same) { Ok(()) } else { Err(error) }
        }
        Err(error) => Err(error),
        Ok(()) => sys::chown(&path, Uid::from_raw(device.node.uid), Gid::from_raw(device.node.gid)),
    }
}

/// The path of `inside` below `root`, with its directories made; a link among them is
/// refused (ENOTDIR).
fn place_for(root: &Path, inside: &Path) -> Result<PathBuf> {
    let names: Vec<&str> = inside.iter().skip(1).filter_map(|name| name.to_str()).collect();
    let (last, above) =
        names.split_last().ok_or_else(|| Error::new("make a device at `/`", Errno::EINVAL))?;
    let folder = above.iter().try_fold(root.to_path_buf(), |folder, name| sys::mount_point(&folder, name))?;
    Ok(folder.join(last))
}

/// Task 6.4: Let the processes of `group` use the devices of `rules`, and no other.
///
/// - Version 1: write `a` into the group's `devices.deny`, which forbids all, then each rule
///   into `devices.allow`; `rule.to_string()` is what the kernel wants (`c 1:3 rwm`). One
///   write for each: of several lines in one write the kernel reads the first, and says
///   nothing.
/// - Version 2: `device_program(rules)` assembles a program that says yes to these; load it,
///   and attach it to the group's directory, opened with `sys::open_path`.
///
/// Called on the host's side, by root, when the group exists and before the container runs.
/// Use `sys::write_setting`, `sys::load_device_program`, `sys::attach_device_program`.
/// Man page: `bpf(2)`. Errors: EPERM for anybody but root of the machine.
pub fn allow_devices(group: &DeviceGroup, rules: &[DeviceRule]) -> Result<()> {
    match group {
        DeviceGroup::V1(folder) => {
            sys::write_setting(&folder.join("devices.deny"), "a")?;
            let allow = folder.join("devices.allow");
            rules.iter().try_for_each(|rule| sys::write_setting(&allow, &rule.to_string()))
        }
        DeviceGroup::V2(folder) => {
            let program = sys::load_device_program(&device_program(rules))?;
            sys::attach_device_program(sys::open_path(folder)?, program)
        }
    }
}
