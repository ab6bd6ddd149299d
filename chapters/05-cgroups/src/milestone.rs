//! `ch05 [LIMIT…] [--name NAME] ROOTFS COMMAND…`: runs a command in a group of its own, with limits. Chapter 5's
//! runtime. Other arguments try a single task: `ch05` alone lists them.

use command_line::{Command, Plan, USAGE, parse};
use coracle_cgroups::{
    Controller, Folder, Group, Layout, Version, enable_controllers, freeze, kill_all, make_group, oom_kills,
    own_group, remove, set_limits, settings, start_in_group, thaw, usage,
};
use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::{End, Errno, Error, InitEnd, Result, Start, sys};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, hierarchies_in, make_dev, mount_cgroups, mount_sys, pivot_into,
    protect,
};
use coracle_namespaces::{Namespace, isolate_mounts, mount_proc, set_hostname};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod command_line;

/// The controllers of every container here: those that count what is used, and the one that freezes.
const ALWAYS: [Controller; 5] =
    [Controller::Memory, Controller::Cpu, Controller::Cpuacct, Controller::Pids, Controller::Freezer];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(125);
    }
    let answer = match parse(&args) {
        Ok(command) => carry_out(&command).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    match answer {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            eprintln!("ch05: {why}");
            ExitCode::from(125)
        }
    }
}

fn carry_out(command: &Command) -> Result<u8> {
    match command {
        Command::Run(plan) => return run(plan).map(exit_code),
        Command::Own { mountinfo, cgroup } => show_own(mountinfo, cgroup)?,
        Command::Enable(folder, controllers) => enable_controllers(folder, controllers)?,
        Command::Make(name) => make(name)?,
        Command::Settings(version, limits) => {
            for setting in settings(limits, *version) {
                println!("{} {}", setting.file, setting.value);
            }
        }
        Command::Act(verb, name) => act(verb, name)?,
    }
    Ok(0)
}

/// The host's side.
fn run(plan: &Plan) -> Result<End> {
    if !plan.root.is_dir() {
        let doing = format!("use `{}` as the root: there is no such directory", plan.root.display());
        return Err(Error::new(doing, Errno::ENOENT));
    }
    let layout = Layout::read()?;
    if let Err(impossible) = plan.limits.check(&layout) {
        eprintln!("ch05: {impossible}");
        return Ok(End::Exited(125));
    }
    let group = make_group(&layout, &plan.name, &[&ALWAYS[..], &plan.limits.controllers()].concat())?;
    let end = run_in(plan, &group);
    let removed = remove(&group);
    let end = end?;
    removed.map(|()| end)
}

/// Limits, child, end: with a group that exists.
fn run_in(plan: &Plan, group: &Group) -> Result<End> {
    set_limits(group, &plan.limits)?;
    let (init, host) = start_in_group(&Namespace::ALL, group, |link| be_container(plan, link))?;
    let (host, _) = host.go()?.prepared()?;
    if let Start::Failed(error) = host.exec()? {
        eprintln!("ch05: {error}");
        return Ok(End::NotStarted(error.errno));
    }
    let end = init.wait()?;
    if end == End::Killed(9) && oom_kills(group)? > 0 {
        eprintln!("ch05: out of memory: the kernel killed {} in `{}`", oom_kills(group)?, group.name);
    }
    Ok(end)
}

/// Init's side: as in chapter 3. It is in its group already.
fn be_container(plan: &Plan, link: InitEnd) -> Result<Infallible> {
    let link = link.wait_for_go()?;
    isolate_mounts()?;
    set_hostname("box")?;
    sys::loopback_up()?;
    make_dev(plan.root)?;
    mount_proc(plan.root)?;
    mount_sys(plan.root)?;
    mount_cgroups(plan.root, &cgroup_hierarchies()?)?;
    pivot_into(plan.root)?;
    protect(&MASKED, &READ_ONLY)?;
    link.prepared()?.wait_for_exec()?;
    let env = [format!("PATH={DEFAULT_PATH}")];
    exec_program(&find_program(&plan.argv[0], DEFAULT_PATH)?, plan.argv, &env)
}

/// Where our own group is in each tree, out of texts such as `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn show_own(mountinfo: &Path, cgroup: &Path) -> Result<()> {
    let cgroup = sys::read_cgroup_file(cgroup)?;
    for tree in hierarchies_in(&sys::read_cgroup_file(mountinfo)?) {
        let own = own_group(&tree, &cgroup);
        println!(
            "{} {}",
            tree.path().display(),
            own.map_or("not visible".into(), |own| own.display().to_string())
        );
    }
    Ok(())
}

/// A group without a process in it.
fn make(name: &str) -> Result<()> {
    let controllers = [&ALWAYS[..], &[Controller::Cpuset]].concat();
    for path in make_group(&Layout::read()?, name, &controllers)?.paths() {
        println!("{}", path.display());
    }
    Ok(())
}

/// Acts on the group `name`, which exists. With a slash in it, it is the path of a folder, which is then all of the group:
/// a v1 freezer, or some plain files that play one.
fn act(verb: &str, name: &str) -> Result<()> {
    let group = match name.contains('/') {
        true => {
            let (path, controllers) = (PathBuf::from(name), vec![Controller::Freezer]);
            let folders = vec![Folder { path, version: Version::V1, controllers }];
            Some(Group { name: name.to_string(), folders })
        }
        false => Group::find(&Layout::read()?, name),
    };
    let Some(group) = group else {
        return Err(Error::new(format!("find a group named `{name}`"), Errno::ENOENT));
    };
    match verb {
        "--freeze" => freeze(&group),
        "--thaw" => thaw(&group),
        "--kill" => kill_all(&group),
        "--remove" => remove(&group),
        _ => show(&group),
    }
}

/// The numbers of a group, one a line; `-` for what is not known.
fn show(group: &Group) -> Result<()> {
    let used = usage(group);
    let text = |number: Option<u64>| number.map_or("-".into(), |n| n.to_string());
    let micros = |time: Option<std::time::Duration>| text(time.map(|time| time.as_micros() as u64));
    println!("memory {}", text(used.memory));
    println!("memory_peak {}", text(used.memory_peak));
    println!("oom_kills {}", oom_kills(group)?);
    println!("cpu_usec {}", micros(used.cpu_time));
    println!("periods {}", text(used.periods));
    println!("throttled {}", text(used.throttled_periods));
    println!("throttled_usec {}", micros(used.throttled_time));
    println!("pids {}", text(used.pids));
    Ok(())
}
