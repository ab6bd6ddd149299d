//! The host's side: the ordered steps of `coracle run`, from a prepared root to the program's exit status.
//!
//! This process never enters the container. It clones init, lets it build, hands it the word to become the
//! program, then carries bytes and signals until the end. If any step fails, init is killed by its guard
//! (`Child`), and with it, as PID 1, everything in the container.
//!
//! Man pages: `clone(2)`, `signalfd(2)`, `pid_namespaces(7)`.

use super::relay::{Relay, Signals};
use super::stdio::Stdio;
use super::terminal::Raw;
use super::{Container, Network, Prepared, Process, Rootfs, Shared, State, Status, filter, init};
use crate::fault;
use crate::store::ContainerDir;
use crate::time::Timestamp;
use anyhow::{Context, Result};
use coracle_cgroups::start_in_group;
use coracle_chroot::exit_code;
use coracle_ground::{End, Error, Start, sys, trace};
use coracle_namespaces::Namespace;
use coracle_users::write_maps;
use nix::unistd::geteuid;
use std::fmt;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Long enough for the scheduler to find us another processor, and short beside what init has to do.
const LEAVE_THE_PROCESSOR: Duration = Duration::from_micros(50);

/// The container was built, but its program could not be started.
#[derive(Debug)]
pub(crate) struct NotStarted {
    program: String,
    error: Error,
}

impl NotStarted {
    /// 127 when there is no such program, 126 when there is one that cannot be executed.
    pub(crate) fn exit_code(&self) -> u8 {
        exit_code(End::NotStarted(self.error.errno))
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start `{}` in the container: {}", self.program, self.error)
    }
}

impl std::error::Error for NotStarted {}

/// Runs `container` to its end and returns its exit status: its program's own, or 128 and the signal that ended it.
///
/// # Errors
/// [`NotStarted`] when the program could not be; anything else is the engine's own failure (125).
pub(crate) fn run(
    container: &mut Container,
    rootfs: Rootfs,
    prepared: &Prepared,
    dir: &ContainerDir,
) -> Result<u8> {
    trace::shorten(&container.rootfs, "ROOTFS");
    trace::step(2, "From here on signals wait in a queue: none is lost, and none kills us half-way");
    let signals = Signals::block()?;
    trace::step(12, "What the program will read and write: pipes of its own, never our files themselves");
    let mut stdio = Stdio::new(container)?;

    let group = prepared.groups.make(container, prepared.rules.as_deref())?;
    fault::point("group-made");
    trace::step(2, "A child in namespaces of its own, made in one step: it will be PID 1 in there");
    let (init, host) = start_in_group(&namespaces(container), group.group(), |link| {
        init::become_program(container, prepared, &rootfs, &mut stdio, link)
    })?;
    stdio.close_inner_ends();
    fault::point("init-cloned");

    if let Some(maps) = &prepared.maps {
        trace::step(4, "Who is who in the new user namespace: until this is written, init is nobody in it");
        write_maps(init.pid(), maps)?;
    }
    trace::step(4, "Nothing more to do to init from outside: it may begin to build its world");
    let host = host.go()?;
    // A new process begins on its parent's processor. We leave it to init, and go on with another one.
    std::thread::sleep(LEAVE_THE_PROCESSOR);
    let filter = filter::to_bytes(prepared.filtering.filter()?);
    let (host, terminal) = host.prepared().with_context(|| cannot_build(container))?;
    fault::point("init-prepared");
    let raw = take_terminal(container, terminal.as_ref())?;

    trace::step(1, "All is built: init becomes the program");
    if let Start::Failed(error) = host.exec_with(&filter)? {
        return Err(NotStarted { program: container.argv[0].clone(), error }.into());
    }
    // Only now: a container that fails before is one that never started. And the disk has time while the program runs.
    container.state = save_running(container, dir, init.pid().as_raw())?;
    fault::point("program-started");

    let outer = stdio.into_outer(terminal, container.interactive)?;
    Relay::new(signals, &init, outer)?.until_the_end(|| match container.shared.contains(&Shared::Pid) {
        // Without a PID namespace of its own, the end of its first process ended no other.
        true => group.kill_all(),
        false => Ok(()),
    })?;
    let end = init.wait()?;
    drop(raw);
    trace::step(5, "The control group is empty: what it has counted is read, and it goes");
    container.state.oom_killed = group.end()? > 0;
    drop(rootfs); // only now may the image be removed: it was part of the root
    trace::step(1, "The program has ended, and the kernel has removed its namespaces and all mounts in them");
    Ok(exit_code(end))
}

/// Which namespaces are new: all but those of the host's that are wanted, and the user's when we are root.
fn namespaces(container: &Container) -> Vec<Namespace> {
    let mut namespaces = Namespace::ALL.to_vec();
    let is_shared = |namespace: &Namespace| match namespace {
        Namespace::Network => container.network == Network::Host,
        Namespace::Pid => container.shared.contains(&Shared::Pid),
        Namespace::Uts => container.shared.contains(&Shared::Uts),
        Namespace::Ipc => container.shared.contains(&Shared::Ipc),
        _ => false,
    };
    namespaces.retain(|namespace| !is_shared(namespace));
    if !geteuid().is_root() {
        namespaces.push(Namespace::User);
    }
    namespaces
}

/// Makes our terminal as wide and high for the program as it is for us, and passes every key through untouched.
fn take_terminal(container: &Container, terminal: Option<&OwnedFd>) -> Result<Option<Raw>> {
    let Some(terminal) = terminal else { return Ok(None) };
    trace::step(12, "The terminal: the size of ours, and our keys go through as they are, Ctrl-C too");
    if let Ok(size) = sys::window_size(std::io::stdin()) {
        sys::set_window_size(terminal, &size)?;
    }
    match container.interactive {
        true => Raw::enter(),
        false => Ok(None),
    }
}

/// Writes down that the container runs, and which processes it consists of; returns that state.
fn save_running(container: &Container, dir: &ContainerDir, init: i32) -> Result<State> {
    let state = State {
        status: Status::Running,
        init: Process::of(init),
        started: Some(Timestamp::now()),
        ..container.state.clone()
    };
    dir.save(&Container { state: state.clone(), ..container.clone() })?;
    Ok(state)
}

fn cannot_build(container: &Container) -> String {
    format!("cannot build the container for the image `{}`", container.image)
}
