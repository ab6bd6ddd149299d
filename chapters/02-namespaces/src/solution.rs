//! The functions of chapter 2, task by task.

use crate::Namespace;
use coracle_ground::sys::{self, MsFlags, Signal};
use coracle_ground::{Child, CloneFlags, End, HostEnd, InitEnd, Result, spawn};
use nix::unistd::Pid;
use std::convert::Infallible;
use std::path::Path;

/// Task 2.1: Turn the list of namespaces into the flags that `clone` takes.
///
/// Each kind has one flag, `CloneFlags::CLONE_NEW…`; joined with `|` they are one set, and
/// a set can be collected from an iterator of flags. Careful: the flag of the mount
/// namespace is `CLONE_NEWNS`. It was the first namespace, and nobody thought that there
/// would be more.
///
/// Man page: `namespaces(7)` has the table. Only the kinds that were asked for: no flag may
/// come on top.
pub fn namespace_flags(namespaces: &[Namespace]) -> CloneFlags {
    let flag = |namespace: &Namespace| match namespace {
        Namespace::Mount => CloneFlags::CLONE_NEWNS,
        Namespace::Pid => CloneFlags::CLONE_NEWPID,
        Namespace::Uts => CloneFlags::CLONE_NEWUTS,
        Namespace::Ipc => CloneFlags::CLONE_NEWIPC,
        Namespace::Network => CloneFlags::CLONE_NEWNET,
        Namespace::Cgroup => CloneFlags::CLONE_NEWCGROUP,
        Namespace::User => CloneFlags::CLONE_NEWUSER,
    };
    namespaces.iter().map(flag).collect()
}

/// Task 2.1: Start a child in new namespaces with one `clone`, and let it run `init`.
///
/// One step for all of them, and the caller stays where it is. `unshare` would move the
/// *caller*, and for the PID namespace not even that: only its later children get numbers
/// in a new one. `init` gets its end of the conversation with the host from `spawn`; the
/// host's end comes back to the caller, with the child.
///
/// Use `spawn` and [`namespace_flags`]. Man pages: `clone(2)`, `unshare(2)`,
/// `pid_namespaces(7)`.
/// Errors: EPERM when namespaces are not allowed here; ENOSPC at the limit of
/// `user.max_*_namespaces`.
pub fn start_in<F>(namespaces: &[Namespace], init: F) -> Result<(Child, HostEnd)>
where
    F: FnOnce(InitEnd) -> Result<Infallible>,
{
    spawn(namespace_flags(namespaces), init)
}

/// Task 2.2: Give the machine the host name `name`.
///
/// Called by init, in its own UTS namespace. A process without one would rename the host,
/// at once and for everybody.
///
/// Use `sys::sethostname`. Man page: `sethostname(2)`. Errors: EINVAL above 64 bytes.
pub fn set_hostname(name: &str) -> Result<()> {
    sys::sethostname(name)
}

/// Task 2.2: Make all mounts private, so that no mount of ours travels to the host.
///
/// A new mount namespace is a copy, and its mounts are still *shared* with the originals
/// where those were shared, as systemd makes them: what one side mounts or unmounts, the
/// other sees. Cut that in both directions, for `/` and for every mount below it.
/// Afterwards no line of `/proc/self/mountinfo` says `shared:` or `master:`.
///
/// Called by init, before it mounts anything. Use `sys::set_propagation`.
/// Man page: `mount_namespaces(7)`, "SHARED SUBTREES". Errors: EPERM when the mount
/// namespace is not ours.
pub fn isolate_mounts() -> Result<()> {
    sys::set_propagation(Path::new("/"), MsFlags::MS_REC | MsFlags::MS_PRIVATE)
}

/// Task 2.2: Mount a new `/proc` at `root`, for the PID namespace of the calling process.
///
/// A `/proc` shows the PID namespace of the process that *mounted* it. So init mounts it,
/// not the host, and it is a new mount, not a copy of the host's. Nothing in it may be
/// executed, be a device, or raise privileges: three flags. Called before the root is
/// changed, so the place is `proc` below `root`, not `/proc`.
///
/// Use `sys::mount_point(root, "proc")` for the place and `sys::mount`. Man pages:
/// `proc(5)`, `mount(2)`.
/// Errors: EPERM when the caller does not own its PID namespace, or runs in a container
/// that hides parts of `/proc`.
pub fn mount_proc(root: &Path) -> Result<()> {
    let target = sys::mount_point(root, "proc")?;
    sys::mount("proc", &target, MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC, "")
}

/// Task 2.3: Do the duties of PID 1: start the program, pass signals on, reap whoever ends.
///
/// PID 1 gets every orphan as a child. One that does not wait for them fills the machine
/// with zombies. And the kernel gives PID 1 no default actions: a signal that it does not
/// handle does nothing, SIGTERM too. So:
///
/// - Block all signals *before* the main program starts, then take them one by one. What is
///   blocked waits; what arrives before the block is lost, the end of a quick program too.
/// - On SIGCHLD, reap *all* children that have ended: signals do not queue, one SIGCHLD can
///   stand for many ends.
/// - Return how the main program ended when it is among them: not earlier, and not later.
///   Who is left over is killed by the kernel, together with the namespace.
/// - Every other signal goes on to the main program, and to nobody else. It may have ended a
///   moment ago: until it is reaped it is a zombie, which keeps its number, and `kill` of a
///   zombie succeeds. A signal that cannot be passed on is no reason for init to end.
///
/// `start_main` starts the main program. A [`Child`] that is dropped is killed; `into_pid`
/// takes its number, and with it the duty to wait, out of it. Use `sys::block_signals`,
/// `sys::next_signal`, `sys::reap_one`, `sys::kill`.
/// Man pages: `pid_namespaces(7)`, `waitpid(2)`, `sigwait(3)`, `signal(7)`.
pub fn be_init<F>(start_main: F) -> Result<End>
where
    F: FnOnce() -> Result<Child>,
{
    sys::block_signals()?;
    let main = start_main()?.into_pid();
    loop {
        match sys::next_signal()? {
            Signal::SIGCHLD => {
                if let Some(end) = reap_until(main)? {
                    return Ok(end);
                }
            }
            // A main program that has ended is a zombie until it is reaped here: `kill` still succeeds. And whatever
            // else it says, it is no reason for init to end.
            other => drop(sys::kill(main, other)),
        }
    }
}

/// Reaps all children that have ended; how the main program ended, if it is among them.
///
/// Several children may end before one SIGCHLD is taken: signals do not queue, so one can
/// stand for many.
fn reap_until(main: Pid) -> Result<Option<End>> {
    let mut main_end = None;
    while let Some((pid, end)) = sys::reap_one()? {
        if pid == main {
            main_end = Some(end);
        }
    }
    Ok(main_end)
}

/// Task 2.4: Move this process into those `namespaces` in which `process` is.
///
/// All in one step, through a descriptor of the process: its number might be given to
/// another process between two steps. When it fails, nothing has moved, and the caller must
/// not go on: it would act on the host. Into a PID namespace only the *children* of this
/// process move: the caller starts one afterwards.
///
/// Use `sys::pidfd_open`, `sys::setns`, [`namespace_flags`]. Man pages: `setns(2)`,
/// `pidfd_open(2)`, `nsenter(1)`.
/// Errors: ESRCH when there is no such process; EPERM when its namespaces are not ours to
/// enter; EINVAL without kinds.
pub fn join(process: Pid, namespaces: &[Namespace]) -> Result<()> {
    let process = sys::pidfd_open(process)?;
    sys::setns(&process, namespace_flags(namespaces))
}
