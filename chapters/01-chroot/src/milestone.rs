//! `ch01 ROOTFS COMMAND [ARGUMENT…]`: runs a command with ROOTFS as its root. Chapter 1's runtime.

use coracle_chroot::{DEFAULT_PATH, chroot_into, exec_program, exit_code, find_program};
use coracle_ground::{CloneFlags, End, Result, Start, spawn};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [root, argv @ ..] = &args[..] else { return usage() };
    if argv.is_empty() {
        return usage();
    }
    match run(Path::new(root), argv) {
        Ok(end) => ExitCode::from(exit_code(end)),
        Err(error) => {
            eprintln!("ch01: {error}");
            ExitCode::from(125)
        }
    }
}

/// Starts the command in a child whose root is `root`, and waits for its end.
fn run(root: &Path, argv: &[String]) -> Result<End> {
    let env = [format!("PATH={DEFAULT_PATH}")];
    let (child, host) = spawn(CloneFlags::empty(), |link| {
        let link = link.wait_for_go()?;
        chroot_into(root)?;
        link.prepared()?.wait_for_exec()?;
        let program = find_program(&argv[0], DEFAULT_PATH)?;
        exec_program(&program, argv, &env)
    })?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => child.wait(),
        Start::Failed(error) => {
            eprintln!("ch01: {error}");
            Ok(End::NotStarted(error.errno))
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: ch01 ROOTFS COMMAND [ARGUMENT…]");
    ExitCode::from(125)
}
