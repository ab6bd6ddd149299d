//! `ch03 [--read-only] [--mask PATH]… [--hostname NAME] ROOTFS COMMAND…`: runs a command in namespaces of its own,
//! with a root that has no way back. Chapter 3's runtime.

use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::{End, Errno, Error, InitEnd, Result, Start, sys};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, make_dev, make_root_read_only, mount_cgroups, mount_sys,
    pivot_into, protect,
};
use coracle_namespaces::{Namespace, isolate_mounts, mount_proc, set_hostname, start_in};
use std::convert::Infallible;
use std::path::Path;
use std::process::ExitCode;

/// What the command line asks for.
struct Plan<'a> {
    read_only: bool,
    /// Hidden too, besides the usual ones: `--security-opt mask=` in Podman.
    masked: Vec<&'a str>,
    hostname: &'a str,
    root: &'a Path,
    argv: &'a [String],
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = parse(&args) else {
        eprintln!("usage: ch03 [--read-only] [--mask PATH]… [--hostname NAME] ROOTFS COMMAND…");
        return ExitCode::from(125);
    };
    match run(&plan) {
        Ok(end) => ExitCode::from(exit_code(end)),
        Err(error) => {
            eprintln!("ch03: {error}");
            ExitCode::from(125)
        }
    }
}

fn parse(args: &[String]) -> Option<Plan<'_>> {
    let mut plan =
        Plan { read_only: false, masked: MASKED.to_vec(), hostname: "box", root: Path::new(""), argv: &[] };
    let mut rest = args;
    loop {
        rest = match rest {
            [flag, rest @ ..] if flag == "--read-only" => {
                plan.read_only = true;
                rest
            }
            [flag, path, rest @ ..] if flag == "--mask" => {
                plan.masked.push(path);
                rest
            }
            [flag, name, rest @ ..] if flag == "--hostname" => {
                plan.hostname = name;
                rest
            }
            [root, argv @ ..] if !root.starts_with("--") && !argv.is_empty() => {
                return Some(Plan { root: Path::new(root), argv, ..plan });
            }
            _ => return None,
        };
    }
}

/// The host's side.
fn run(plan: &Plan) -> Result<End> {
    if !plan.root.is_dir() {
        let doing = format!("use `{}` as the root: there is no such directory", plan.root.display());
        return Err(Error::new(doing, Errno::ENOENT));
    }
    let (init, host) = start_in(&Namespace::ALL, |link| be_container(plan, link))?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => init.wait(),
        Start::Failed(error) => {
            eprintln!("ch03: {error}");
            Ok(End::NotStarted(error.errno))
        }
    }
}

/// Init's side. The command itself becomes PID 1.
fn be_container(plan: &Plan, link: InitEnd) -> Result<Infallible> {
    let link = link.wait_for_go()?;
    isolate_mounts()?;
    set_hostname(plan.hostname)?;
    sys::loopback_up()?;
    make_dev(plan.root)?;
    mount_proc(plan.root)?;
    mount_sys(plan.root)?;
    mount_cgroups(plan.root, &cgroup_hierarchies()?)?;
    pivot_into(plan.root)?;
    protect(&plan.masked, &READ_ONLY)?;
    if plan.read_only {
        make_root_read_only()?;
    }
    link.prepared()?.wait_for_exec()?;
    let env = [format!("PATH={DEFAULT_PATH}")];
    exec_program(&find_program(&plan.argv[0], DEFAULT_PATH)?, plan.argv, &env)
}
