//! `ch06 [OPTIONS] ROOTFS COMMAND…`: chapter 3's container, and its root has no teeth. Chapter 6's runtime.

use coracle_cgroups::{Controller, Group, Layout, Version, make_group, remove, start_in_group};
use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::{End, Errno, Error, InitEnd, Result, Start, sys};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, make_dev, mount_cgroups, mount_sys, pivot_into, protect,
};
use coracle_namespaces::{Namespace, isolate_mounts, mount_proc, set_hostname};
use coracle_privileges::{DeviceGroup, allow_devices, drop_privileges, make_devices, rules_for, set_limits};
use nix::unistd::{Gid, Uid};
use std::convert::Infallible;
use std::process::ExitCode;

mod command_line;

use command_line::Plan;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let plan = match command_line::parse(&args) {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("ch06: {why}");
            return ExitCode::from(125);
        }
    };
    match run(&plan) {
        Ok(end) => ExitCode::from(exit_code(end)),
        Err(error) => {
            eprintln!("ch06: {error}");
            ExitCode::from(125)
        }
    }
}

/// The host's side.
fn run(plan: &Plan) -> Result<End> {
    if !plan.root.is_dir() {
        let doing = format!("use `{}` as the root: there is no such directory", plan.root.display());
        return Err(Error::new(doing, Errno::ENOENT));
    }
    let name = format!("coracle-ch06-{}", std::process::id());
    let group = make_group(&Layout::read()?, &name, &[Controller::Devices])?;
    let end = run_in(plan, &group);
    let removed = remove(&group);
    let end = end?;
    removed.map(|()| end)
}

/// Devices, child, end: with a group that exists.
fn run_in(plan: &Plan, group: &Group) -> Result<End> {
    if !plan.privileged {
        fence_devices(plan, group)?;
    }
    let (init, host) = start_in_group(&Namespace::ALL, group, |link| be_container(plan, link))?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => init.wait(),
        Start::Failed(error) => {
            eprintln!("ch06: {error}");
            Ok(End::NotStarted(error.errno))
        }
    }
}

/// Only root of the machine can do it, and only root of the machine must: in a user namespace nobody can make a node.
fn fence_devices(plan: &Plan, group: &Group) -> Result<()> {
    if !sys::is_root_of_the_machine() {
        return Ok(());
    }
    let Some(folder) = group.folder(Controller::Devices) else {
        eprintln!(
            "ch06: no cgroup can be made here: the container may open every device of which it makes a node"
        );
        return Ok(());
    };
    let group = match folder.version {
        Version::V1 => DeviceGroup::V1(folder.path.clone()),
        Version::V2 => DeviceGroup::V2(folder.path.clone()),
    };
    allow_devices(&group, &rules_for(&plan.devices))
}

/// Init's side. The command itself becomes PID 1.
fn be_container(plan: &Plan, link: InitEnd) -> Result<Infallible> {
    let link = link.wait_for_go()?;
    isolate_mounts()?;
    set_hostname("box")?;
    sys::loopback_up()?;
    make_dev(&plan.root)?;
    make_devices(&plan.root, &plan.devices)?;
    mount_proc(&plan.root)?;
    mount_sys(&plan.root)?;
    mount_cgroups(&plan.root, &cgroup_hierarchies()?)?;
    pivot_into(&plan.root)?;
    if !plan.privileged {
        protect(&MASKED, &READ_ONLY)?;
    }
    set_limits(&plan.limits)?;
    let link = link.prepared()?;
    link.wait_for_exec()?;
    let program = find_program(&plan.argv[0], DEFAULT_PATH)?;
    drop_privileges(&plan.privileges, || become_user(plan.user))?;
    if plan.look {
        look();
    }
    exec_program(&program, &plan.argv, &[format!("PATH={DEFAULT_PATH}")])
}

/// `--look`: what the kernel says of this process in the last moment before execve, which calculates some of it anew.
fn look() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let words = ["Cap", "NoNewPrivs:", "Seccomp:"];
    for line in status.lines().filter(|line| words.iter().any(|word| line.starts_with(word))) {
        println!("before execve: {line}");
    }
    if let Ok(kept) = sys::keeps_capabilities() {
        println!("before execve: KeepCaps:\t{}", u8::from(kept));
    }
}

/// What chapter 4 teaches, in short.
fn become_user(user: Option<(u32, u32)>) -> Result<()> {
    let Some((uid, gid)) = user else { return Ok(()) };
    match sys::set_groups(&[]) {
        // A user namespace of an ordinary user denies setgroups: there are no groups of root to give up in it.
        Err(error) if error.errno != Errno::EPERM => return Err(error),
        _ => {}
    }
    sys::set_group(Gid::from_raw(gid))?;
    sys::set_user(Uid::from_raw(uid))?;
    // The kernel takes this back when the user changes.
    sys::die_with_parent()
}
