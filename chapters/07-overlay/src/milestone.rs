//! `ch07 [OPTIONS] [--layer DIR]… ROOTFS COMMAND…`: runs a command in a container that changes none of these directories.
//! `ch07 diff`, `ch07 remove`, `ch07 way`: what it has changed instead. Chapter 7's runtime.

use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::{End, Errno, Error, InitEnd, Result, Start, sys};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, make_dev, mount_cgroups, mount_sys, pivot_into, protect,
};
use coracle_namespaces::{Namespace, isolate_mounts, mount_proc, set_hostname, start_in};
use coracle_overlay::{
    Layers, Notes, Way, mount_in_one_string, mount_layers, read_changes, remove_layers, way_here,
};
use coracle_privileges::seccomp::Profile;
use coracle_privileges::{CapabilitySet, Privileges, drop_privileges, filter_for, wanted};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod command_line;

use command_line::{Plan, Run};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = command_line::parse(&args) else {
        eprintln!("{}", command_line::USAGE);
        return ExitCode::from(125);
    };
    match carry_out(plan) {
        Ok(end) => ExitCode::from(exit_code(end)),
        Err(error) => {
            eprintln!("ch07: {error}");
            ExitCode::from(125)
        }
    }
}

fn carry_out(plan: Plan) -> Result<End> {
    match plan {
        Plan::Run(plan) => return run(&plan),
        Plan::Diff { kept, lowers } => {
            for change in read_changes(&layers(&kept, lowers, false))? {
                println!("{change}");
            }
        }
        Plan::Remove { kept } => {
            remove_layers(&layers(&kept, Vec::new(), false))?;
            let _ = std::fs::remove_dir(&kept);
        }
        Plan::Way { directory } => match way_here(&directory, Notes::ours())? {
            Way::Overlay => println!("overlay"),
            Way::Copy(obstacle) => println!("copy: {obstacle}"),
        },
    }
    Ok(End::Exited(0))
}

/// The layers of a container whose changes are in `kept`.
fn layers(kept: &Path, lowers: Vec<PathBuf>, volatile: bool) -> Layers {
    Layers { lowers, upper: kept.join("upper"), work: kept.join("work"), notes: Notes::ours(), volatile }
}

/// The host's side.
fn run(plan: &Run) -> Result<End> {
    for root in &plan.lowers {
        if !root.is_dir() {
            let doing = format!("use `{}` as a layer: there is no such directory", root.display());
            return Err(Error::new(doing, Errno::ENOENT));
        }
    }
    let thrown_away = std::env::temp_dir().join(format!("coracle-ch07-{}", std::process::id()));
    let kept = plan.keep.as_ref().unwrap_or(&thrown_away);
    let layers = layers(kept, plan.lowers.clone(), plan.volatile || plan.keep.is_none());
    std::fs::create_dir_all(kept).map_err(|error| told(kept, &error))?;
    let end = run_on(plan, &layers);
    if plan.keep.is_none() {
        let removed = remove_layers(&layers);
        let _ = std::fs::remove_dir(kept);
        return end.and_then(|end| removed.map(|()| end));
    }
    end
}

/// With a place for the changes.
fn run_on(plan: &Run, layers: &Layers) -> Result<End> {
    let kept = layers.upper.parent().unwrap_or(&layers.upper);
    if let Way::Copy(obstacle) = way_here(kept, layers.notes)? {
        eprintln!("ch07: no overlay can have its changes in `{}`: {obstacle}", kept.display());
        return Ok(End::Exited(125));
    }
    if !layers.upper.exists() {
        layers.make()?;
    }
    let privileges = privileges()?;
    let (init, host) = start_in(&Namespace::ALL, |link| be_container(plan, layers, &privileges, link))?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => init.wait(),
        Start::Failed(error) => {
            eprintln!("ch07: {error}");
            Ok(End::NotStarted(error.errno))
        }
    }
}

/// Docker's default: fourteen capabilities, and its filter.
fn privileges() -> Result<Privileges> {
    let capabilities = wanted(&[], &[], false, CapabilitySet::available()?)
        .map_err(|refused| Error::new(refused.to_string(), Errno::EINVAL))?;
    let filter = filter_for(&Profile::docker_default(), capabilities)?;
    Ok(Privileges { capabilities, no_new_privileges: false, filter: Some(filter) })
}

/// Init's side. The command itself becomes PID 1.
fn be_container(plan: &Run, layers: &Layers, privileges: &Privileges, link: InitEnd) -> Result<Infallible> {
    let link = link.wait_for_go()?;
    isolate_mounts()?;
    set_hostname("box")?;
    sys::loopback_up()?;
    // On top of the lowest layer itself: this mount namespace is the container's own, and nobody else sees it.
    let root = layers.lowers.last().map_or(Path::new("/"), PathBuf::as_path);
    if plan.old {
        mount_in_one_string(layers, root)?
    } else {
        mount_layers(layers, root)?
    }
    make_dev(root)?;
    mount_proc(root)?;
    mount_sys(root)?;
    mount_cgroups(root, &cgroup_hierarchies()?)?;
    pivot_into(root)?;
    protect(&MASKED, &READ_ONLY)?;
    link.prepared()?.wait_for_exec()?;
    let program = find_program(&plan.argv[0], DEFAULT_PATH)?;
    drop_privileges(privileges, || Ok(()))?;
    exec_program(&program, &plan.argv, &[format!("PATH={DEFAULT_PATH}")])
}

fn told(path: &Path, error: &std::io::Error) -> Error {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    Error::new(format!("make the directory `{}`", path.display()), errno)
}
