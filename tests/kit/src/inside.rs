//! The processes of a world. Each is this same program started again (`/proc/self/exe --world …`), so that
//! nothing ever forks inside a test harness that has threads.
//!
//! ```text
//!   test or `world`          host side; has threads
//!    └─ shore                leaves the session, joins the cgroups, unshares; stays outside the PID namespace
//!        └─ init             PID 1 of the world: mounts, photographs, reaps; see init.rs
//!            └─ (launcher)   only with a terminal: makes it the controlling one, then becomes the subject
//!                └─ subject  the program under test
//! ```
//!
//! Each of them asks the kernel to be killed when its parent ends, and the death of init ends everything in the
//! PID namespace. So there is no way to end a world by halves.
//!
//! Man pages: unshare(2), pid_namespaces(7), PR_SET_PDEATHSIG in prctl(2).

use crate::message::{News, Spec, described, say};
use crate::ranges::{self, Mapper};
use crate::{init, needs};
use coracle_ground::sys;
use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Gid, Uid};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, exit};

/// The first argument of such a process.
pub(crate) const MARK: &str = "--world";
/// This program, wherever it is.
pub(crate) const SELF: &str = "/proc/self/exe";

/// Must be the first thing in `main`: when this process is part of a world, it does that part and never returns.
pub fn if_part_of_a_world() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() != Some(MARK) {
        return;
    }
    match args.next().as_deref() {
        Some("shore") => exit(report(shore)),
        Some("init") => exit(report(init::run)),
        Some("launcher") => exit(launcher(&args.collect::<Vec<String>>())),
        Some("facts") => exit(needs::tell_facts()),
        Some("mapper") => exit(ranges::mapper(&args.collect::<Vec<String>>())),
        _ => exit(2),
    }
}

/// Runs one part on the description that the host side sent; an error goes back as news.
fn report(part: fn(&Spec, &UnixStream) -> io::Result<()>) -> i32 {
    let control = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => UnixStream::from(socket),
        Err(_) => return 2,
    };
    match described(&control).and_then(|spec| part(&spec, &control)) {
        Ok(()) => 0,
        Err(error) => {
            let _ = say(&control, &News::Failed(error.to_string())); // if nobody listens, nobody waits
            1
        }
    }
}

/// The process that stands with one foot in each world: new namespaces, but still a process of the host.
fn shore(spec: &Spec, _control: &UnixStream) -> io::Result<()> {
    if !spec.foreground {
        sys::new_session().map_err(told)?;
    }
    sys::die_with_parent().map_err(told)?;
    let mapper = Mapper::start(spec)?;
    // cargo and make leave files open, and whoever started them has a umask: neither shall be seen in a world.
    sys::close_on_exec_from(3).map_err(told)?;
    sys::umask(0o022);
    // Before the cgroup namespace: its root is the cgroup in which the process is when it unshares.
    enter(&spec.join);
    let mut namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    if spec.user.is_some() {
        namespaces |= CloneFlags::CLONE_NEWUSER;
    }
    sys::unshare(namespaces).map_err(told)?;
    enter(&spec.settle);
    if let Some((uid, gid)) = spec.user {
        match mapper {
            Some(mapper) => mapper.map()?,
            None => {
                sys::become_root_of_own_namespace(Uid::from_raw(uid), Gid::from_raw(gid)).map_err(told)?
            }
        }
        sys::die_with_parent().map_err(told)?; // new credentials may have cleared it
    }
    if spec.join.is_empty() {
        limit_processes()?;
    }
    // `unshare` put only children into the new PID namespace; the first of them is its PID 1.
    let mut init = Command::new(SELF).args([MARK, "init"]).spawn()?;
    init.wait()?;
    Ok(())
}

/// Moves this process into the cgroups whose files these are. Tried, not insisted on: see fence.rs.
fn enter(files: &[PathBuf]) {
    for file in files {
        let _ = OpenOptions::new().write(true).open(file).and_then(|mut file| file.write_all(b"0"));
    }
}

/// Where there is no cgroup, this stops a fork bomb, if it is not real root's. Kernels before 5.14 count all processes
/// of the user, not those of the user namespace: so the limit is well above what a desktop has.
fn limit_processes() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
    let most = hard.min(4096);
    Ok(setrlimit(Resource::RLIMIT_NPROC, most, most)?)
}

/// Ctrl-C and Ctrl-\ reach every process in the foreground. Those of the kit must outlive the subject, to tell how it
/// ended: so they block both, the host side here and the shore as its child.
pub(crate) fn leave_keyboard_to_the_subject() -> io::Result<()> {
    let mut keys = SigSet::empty();
    keys.add(Signal::SIGINT);
    keys.add(Signal::SIGQUIT);
    Ok(keys.thread_block()?)
}

/// Takes the terminal on standard input as its own and becomes the subject.
fn launcher(argv: &[String]) -> i32 {
    let taken = sys::new_session().and_then(|()| sys::control_terminal(io::stdin()));
    if let Err(error) = taken {
        eprintln!("world: {error}");
        return 125;
    }
    let error = Command::new(&argv[0]).args(&argv[1..]).exec();
    eprintln!("world: exec `{}`: {error}", argv[0]);
    127
}

/// Ground's error with its sentence kept.
pub(crate) fn told(error: coracle_ground::Error) -> io::Error {
    io::Error::other(error.to_string())
}
