//! One way to start a process: `clone3`, and a child that always reports.
//!
//! The kernel offers `clone3`: like `fork`, and the child may get new namespaces in the same step. What it copies
//! is one thread and all memory. That makes the child delicate:
//!
//! - Another thread of the caller might hold a lock (the allocator's, say), and in the child nobody would ever
//!   release it. So we refuse to clone while the process has more than one thread.
//! - A child that returned from here would run the caller's code a second time. A child that unwound (a `todo!()`)
//!   would run the caller's `Drop` guards, and tear down what the caller still uses. So the child never returns:
//!   its closure ends in `execve`, or its failure is reported to the host, a panic too, and then `_exit`.
//! - What the caller blocked or ignored of signals would be inherited by the program: the child starts with defaults.
//!
//! Man pages: `clone(2)`, `signal-safety(7)`, `pidfd_open(2)`.
//! What we leave out: `CLONE_VFORK` and `posix_spawn`'s shared memory, which runc and Rust's `Command` use for speed.

use crate::sys::{self, Signal};
use crate::{CloneFlags, Errno, Error, HostEnd, InitEnd, Result, link, trace};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow};
use nix::unistd::Pid;
use std::convert::Infallible;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was never started: `execve`, or the search for it, was answered with this errno.
    NotStarted(Errno),
    /// It ended by itself with this status, 0 to 255.
    Exited(i32),
    /// The signal of this number ended it.
    Killed(i32),
}

/// A child process. Dropping it kills it and waits for it, so that no error path leaves one behind.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    ended: bool,
}

impl Child {
    /// Its number, as the caller's PID namespace counts.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// A descriptor that means this process for ever, becomes readable when it ends, and that `setns` takes.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Sends it a signal. Nothing happens when it has ended.
    pub fn kill(&self, signal: Signal) -> Result<()> {
        match sys::kill(self.pid, signal) {
            Err(error) if error.errno == Errno::ESRCH => Ok(()),
            answer => answer,
        }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<End> {
        let end = sys::wait_for(self.pid)?;
        self.ended = true;
        Ok(end)
    }

    /// Gives the duty to wait for it to someone else, who gets its number.
    pub fn into_pid(mut self) -> Pid {
        self.ended = true;
        self.pid
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            // Already on an error path: the first error is the one to tell.
            let _ = self.kill(Signal::SIGKILL);
            let _ = sys::wait_for(self.pid);
        }
    }
}

/// Starts a child in the new `namespaces`; there it runs `init`, which ends in `execve` or in an error.
///
/// The host's end of the conversation comes back with the child. What `init` returns as an error, or panics
/// with, arrives there. Man page: `clone(2)`. New namespaces need CAP_SYS_ADMIN, or `CLONE_NEWUSER` among them.
/// EPERM; ENOSPC: too many namespaces; EINVAL with the text "one thread": this process has several.
pub fn spawn<F>(namespaces: CloneFlags, init: F) -> Result<(Child, HostEnd)>
where
    F: FnOnce(InitEnd) -> Result<Infallible>,
{
    spawn_in_cgroup(namespaces, None, |link, _| init(link))
}

/// The same, with a child that begins its life inside the cgroup `group`, an open directory of cgroup v2.
///
/// `init` is told whether it is in there. When it is not (no `group`; a kernel before 5.7; a seccomp filter without
/// `clone3`), it has to join by itself. The flag is cheaper than any write: see `CLONE_INTO_CGROUP` in `clone(2)`.
/// Needs the right to write `cgroup.procs` of `group` and of the group that both have in common. EACCES: it is not
/// ours; EBUSY: `group` hands controllers down, so no process may be in it; EAGAIN: its limit on processes; ENODEV.
pub fn spawn_in_cgroup<F>(
    namespaces: CloneFlags,
    group: Option<BorrowedFd<'_>>,
    init: F,
) -> Result<(Child, HostEnd)>
where
    F: FnOnce(InitEnd, bool) -> Result<Infallible>,
{
    require_one_thread()?;
    let (host_end, init_end, reporter) = link::new()?;
    let into = if group.is_some() { ", into a cgroup" } else { "" };
    let doing = || format!("clone3 with {}{into}", sys::flag_names(namespaces));
    let (answer, in_group) = clone_into(namespaces, group);
    match answer {
        Ok(Some((pid, pidfd))) => {
            trace::call(|| format!("{}, process {pid}", doing()), &Ok(()));
            Ok((Child { pid, pidfd, ended: false }, host_end))
        }
        Ok(None) => {
            // In the child. The host's end must go: else init would never see that the host has ended.
            drop(host_end);
            live_as_child(|| init(init_end, in_group), &reporter)
        }
        Err(errno) => {
            trace::call(doing, &Err::<(), _>(errno));
            Err(Error::new(doing(), errno))
        }
    }
}

/// The child's whole life: it never returns, and it always reports.
fn live_as_child(init: impl FnOnce() -> Result<Infallible>, reporter: &link::Reporter) -> ! {
    trace::speak_as(trace::Process::Init);
    // The panic's text goes to the host, who prints it once; where it happened is known only here.
    std::panic::set_hook(Box::new(|info| {
        PANIC_PLACE.set(info.location().map(ToString::to_string).unwrap_or_default());
    }));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        start_with_default_signals()?;
        sys::die_with_parent()?;
        init()
    }));
    match outcome {
        Ok(Ok(never)) => match never {},
        Ok(Err(error)) => reporter.failed(error),
        Err(panic) => reporter.panicked(&with_place(text_of(panic.as_ref()))),
    }
    sys::exit_now(125)
}

/// Undoes what Rust (SIGPIPE) and the caller (blocked signals, and those ignored below `nohup`) have set, so that the
/// program does not inherit it. Every child of [`spawn`] begins with this.
///
/// Man pages: `signal(7)`, "Execution of signal handlers"; `sigprocmask(2)`. It fails on no signal that exists.
pub fn start_with_default_signals() -> Result<()> {
    use nix::sys::signal::Signal;
    for signal in Signal::iterator().filter(|s| !matches!(s, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the default action is no code of ours, so there is nothing that could be unsafe to run.
        let answer = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
        answer.map_err(|errno| Error::new(format!("signal {signal} to its default"), errno))?;
    }
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .map_err(|errno| Error::new("sigprocmask: unblock all signals", errno))
}

thread_local! {
    /// Where the child's panic happened: file, line and column.
    static PANIC_PLACE: std::cell::Cell<String> = const { std::cell::Cell::new(String::new()) };
}

/// What a panic said, and where. A task that is not written yet is found by its number, not by its line.
fn with_place(text: &str) -> String {
    match PANIC_PLACE.take() {
        place if place.is_empty() || text.starts_with("not yet implemented: task") => text.to_string(),
        place => format!("{text} (at {place})"),
    }
}

/// What a panic said.
fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// Refuses when there is another thread, whose locks the child would inherit and never see released.
fn require_one_thread() -> Result<()> {
    let doing = "clone a child: this process has several threads, and it must be one thread";
    match std::fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(1) => Ok(()),
        Ok(_) => Err(Error::new(doing, Errno::EINVAL)),
        Err(_) => Err(Error::new("count this process's threads in `/proc/self/task`", Errno::ENOENT)),
    }
}

/// From `linux/sched.h`; `libc` has it as an `int`, for which it is too large.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Clones into the group if there is one and the kernel can; says whether it could.
fn clone_into(
    namespaces: CloneFlags,
    group: Option<BorrowedFd<'_>>,
) -> (nix::Result<Option<(Pid, OwnedFd)>>, bool) {
    if group.is_none() {
        return (clone(namespaces, None), false);
    }
    match clone(namespaces, group) {
        // Kernels before 5.7 do not know the flag (EINVAL) or the field (E2BIG).
        Err(Errno::EINVAL | Errno::E2BIG | Errno::ENOSYS) => (clone(namespaces, None), false),
        answer => (answer, true),
    }
}

/// `None` in the child; the child's number and pidfd in the caller.
///
/// Through `libc`, because `nix` has no `clone3`. Kernels before 5.3, and seccomp filters that do not know the
/// call, answer ENOSYS: then, if there is no group, the older `clone` does the same (`CLONE_PIDFD` since 5.2).
fn clone(namespaces: CloneFlags, group: Option<BorrowedFd<'_>>) -> nix::Result<Option<(Pid, OwnedFd)>> {
    let mut pidfd: libc::c_int = -1;
    let flags = namespaces.bits() as u64 | libc::CLONE_PIDFD as u64;
    // SAFETY: `clone_args` is plain integers, for which all zeroes is a value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags;
    args.pidfd = &raw mut pidfd as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(group) = group {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM and with no stack given this is `fork`: the child gets a copy of all memory, and
    // goes on here on a copy of this stack. `args` and `pidfd` outlive the call. There is one thread, so no lock is
    // held by another; the caller checked it.
    let mut answer =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    if Errno::result(answer) == Err(Errno::ENOSYS) && group.is_none() {
        let flags = flags as libc::c_long | libc::c_long::from(libc::SIGCHLD);
        // SAFETY: as above. The third argument is where CLONE_PIDFD writes, on every architecture we build for.
        answer = unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) };
    }
    match Errno::result(answer)? {
        0 => Ok(None),
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        pid => Ok(Some((Pid::from_raw(pid as i32), unsafe { OwnedFd::from_raw_fd(pidfd) }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_several_threads_is_refused() {
        // The test harness itself has at least two threads.
        let answer = spawn(CloneFlags::empty(), |_| Err(Error::new("never", Errno::EINVAL)));
        let error = answer.map(drop).expect_err("there are several threads here");
        assert!(error.to_string().contains("must be one thread"), "{error}");
    }
}
