//! `ch02 [--hostname NAME] ROOTFS COMMAND…` runs a command in namespaces of its own, below an init that looks
//! after it; `ch02 --join PID COMMAND…` runs a command in the namespaces of a process. Chapter 2's runtime.

use coracle_chroot::{DEFAULT_PATH, chroot_into, exec_program, exit_code, find_program};
use coracle_ground::{Child, CloneFlags, End, Error, Result, Start, spawn, sys};
use coracle_namespaces::{Namespace, be_init, isolate_mounts, join, mount_proc, set_hostname, start_in};
use nix::unistd::Pid;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["--join", pid, _, ..] if pid.parse::<i32>().is_ok() => enter(pid.parse().unwrap_or(0), &args[2..]),
        ["--hostname", name, root, _, ..] => run(name, Path::new(root), &args[3..]),
        [root, _, ..] if !root.starts_with("--") => run("box", Path::new(root), &args[1..]),
        _ => {
            eprintln!("usage: ch02 [--hostname NAME] ROOTFS COMMAND…\n       ch02 --join PID COMMAND…");
            return ExitCode::from(125);
        }
    };
    match result {
        Ok(end) => ExitCode::from(exit_code(end)),
        Err(error) => {
            eprintln!("ch02: {error}");
            ExitCode::from(125)
        }
    }
}

/// Starts init in new namespaces, lets it build its world, and waits for its end.
fn run(hostname: &str, root: &Path, argv: &[String]) -> Result<End> {
    let (init, host) = start_in(&Namespace::ALL, |link| {
        let link = link.wait_for_go()?;
        isolate_mounts()?;
        set_hostname(hostname)?;
        sys::loopback_up()?;
        mount_proc(root)?;
        chroot_into(root)?;
        let link = link.prepared()?;
        link.wait_for_exec()?;
        let end = be_init(|| {
            let main = start(argv)?;
            link.running()?;
            Ok(main)
        })?;
        sys::exit_now(exit_code(end))
    })?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => init.wait(),
        Start::Failed(error) => not_started(error),
    }
}

/// Runs a command in the namespaces of the process `pid`.
fn enter(pid: i32, argv: &[String]) -> Result<End> {
    join(Pid::from_raw(pid), &Namespace::ALL)?;
    match start(argv) {
        Ok(command) => command.wait(),
        Err(error) => not_started(error),
    }
}

/// Starts a command in the namespaces and the root that this process is in.
fn start(argv: &[String]) -> Result<Child> {
    let env = [format!("PATH={DEFAULT_PATH}")];
    let (child, host) = spawn(CloneFlags::empty(), |link| {
        link.wait_for_go()?.prepared()?.wait_for_exec()?;
        exec_program(&find_program(&argv[0], DEFAULT_PATH)?, argv, &env)
    })?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => Ok(child),
        Start::Failed(error) => Err(error),
    }
}

/// The command could not be started: says why, and gives the status for it.
fn not_started(error: Error) -> Result<End> {
    eprintln!("ch02: {error}");
    Ok(End::NotStarted(error.errno))
}
