//! Processes: becoming another program, ending, and being told of an end.

use super::{Signal, told, told_raw};
use crate::{Errno, Error, Result, spawn::End};
use nix::unistd::Pid;
use std::convert::Infallible;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Becomes the program `program`, with exactly these arguments and this environment. Returns only when it fails.
///
/// Man page: `execve(2)`. Open descriptors without `FD_CLOEXEC`, the working directory, the umask, ids, limits
/// and blocked or ignored signals are kept. ENOENT (also: its loader is missing), EACCES, ENOEXEC.
pub fn execve(program: &Path, argv: &[String], env: &[String]) -> Result<Infallible> {
    let doing = || format!("execve `{}`", program.display());
    let program_c = c_string(program.as_os_str().as_bytes())?;
    let argv = argv.iter().map(|arg| c_string(arg.as_bytes())).collect::<Result<Vec<_>>>()?;
    let env = env.iter().map(|pair| c_string(pair.as_bytes())).collect::<Result<Vec<_>>>()?;
    // On success there is nobody left to tell it: say it before.
    crate::trace::last_call(doing);
    told(doing, nix::unistd::execve(&program_c, &argv, &env))
}

/// `text` with a NUL byte at its end, as the kernel wants it; a NUL byte inside is an EINVAL.
fn c_string(text: &[u8]) -> Result<CString> {
    CString::new(text).map_err(|_| {
        let text = String::from_utf8_lossy(text);
        Error::new(format!("pass {text:?}, which holds a NUL byte, to the kernel"), Errno::EINVAL)
    })
}

/// Marks every open descriptor from `first` on as closed on exec, so that the next program does not inherit it.
///
/// Man page: `close_range(2)`; through `libc`, because `nix` has no wrapper. Since Linux 5.11; on an older kernel
/// (ENOSYS, EINVAL) each possible descriptor is marked by itself.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    const CLOEXEC: libc::c_uint = 4; // CLOSE_RANGE_CLOEXEC
    // SAFETY: three integers; marking a descriptor closes nothing now, so that no owner loses it.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, CLOEXEC) };
    match told_raw(|| format!("close_range from {first} on, at exec"), answer) {
        Err(error) if matches!(error.errno, Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
            one_by_one(first)
        }
        answer => answer.map(drop),
    }
}

/// What [`close_on_exec_from`] does on a kernel without it. Not through `/proc/self/fd`: in a new root there may be no `/proc`.
fn one_by_one(first: u32) -> Result<()> {
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    let (limit, _) = told(|| "getrlimit of open files".into(), limit)?;
    for fd in first..u32::try_from(limit).unwrap_or(MOST_FILES).min(MOST_FILES) {
        // SAFETY: setting a flag on a descriptor number; a number that is not open is answered with EBADF.
        unsafe { libc::fcntl(fd as i32, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}

/// Where [`one_by_one`] stops when the limit is higher: the kernel's own default for what one process may open.
const MOST_FILES: u32 = 1 << 20;

/// Waits for the child `pid` to end, and takes its status. After that the kernel forgets the child.
///
/// Man page: `waitpid(2)`. ECHILD: no such child.
pub fn wait_for(pid: Pid) -> Result<End> {
    loop {
        match wait(pid, 0) {
            Err(Errno::EINTR) => continue,
            answer => {
                if let Some((_, end)) = told(|| format!("waitpid for process {pid}"), answer)? {
                    return Ok(end);
                }
            }
        }
    }
}

/// Takes the status of one child that has ended, without waiting: `None` when there is no such child.
///
/// Man page: `waitpid(2)`, with -1 and `WNOHANG`.
pub fn reap_one() -> Result<Option<(Pid, End)>> {
    match wait(Pid::from_raw(-1), libc::WNOHANG) {
        Err(Errno::ECHILD) => Ok(None),
        answer => told(|| "waitpid for any child".into(), answer),
    }
}

/// Has the child `pid` ended? Looks without taking its status.
///
/// Man page: `waitid(2)`, with `WNOWAIT`. ECHILD: no such child.
pub fn has_ended(pid: Pid) -> Result<bool> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `siginfo_t` is plain data, for which all zeroes is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes a `siginfo_t` behind this pointer, and `info` is one and outlives the call.
    let answer = unsafe { libc::waitid(libc::P_PID, pid.as_raw() as libc::id_t, &mut info, options) };
    told_raw(|| format!("waitid for process {pid}"), answer.into())?;
    // SAFETY: after `waitid` this field is set: the child's number, or still 0.
    Ok(unsafe { info.si_pid() } != 0)
}

/// `waitpid` as it is; `None` when nothing has ended. Through `libc`, because `nix` cannot tell of a child that a
/// real-time signal has ended.
fn wait(pid: Pid, options: i32) -> nix::Result<Option<(Pid, End)>> {
    let mut status = 0;
    // SAFETY: the kernel writes one int behind this pointer, and `status` is one and outlives the call.
    let answer = unsafe { libc::waitpid(pid.as_raw(), &mut status, options) };
    let pid = Pid::from_raw(Errno::result(answer)?);
    Ok(if pid.as_raw() == 0 {
        None
    } else if libc::WIFEXITED(status) {
        Some((pid, End::Exited(libc::WEXITSTATUS(status))))
    } else if libc::WIFSIGNALED(status) {
        Some((pid, End::Killed(libc::WTERMSIG(status))))
    } else {
        None
    })
}

/// Sends `signal` to the process `pid`; to every process of the namespace but this one when `pid` is -1.
///
/// Man page: `kill(2)`. ESRCH: no such process; EPERM: another user's.
pub fn kill(pid: Pid, signal: Signal) -> Result<()> {
    // SAFETY: two integers.
    let answer = unsafe { libc::kill(pid.as_raw(), signal.number()) };
    told_raw(|| format!("kill process {pid} with {signal}"), answer.into()).map(drop)
}

/// Asks the kernel to kill this process when its parent ends. Changing the user clears it again.
///
/// Man page: `prctl(2)`, `PR_SET_PDEATHSIG`. Never fails with a real signal.
pub fn die_with_parent() -> Result<()> {
    let answer = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    told(|| "prctl: die with the parent".into(), answer)
}

/// Gives this process another name, at most 15 bytes, as `ps` and `/proc/self/comm` show it.
///
/// Man page: `prctl(2)`, `PR_SET_NAME`.
pub fn set_process_name(name: &str) -> Result<()> {
    let answer = nix::sys::prctl::set_name(&c_string(name.as_bytes())?);
    told(|| format!("prctl: set the name `{name}`"), answer)
}

/// Closes this process's entry in `/proc` to others that lack CAP_SYS_PTRACE: its memory, its descriptors, its `exe`.
/// `execve` opens it again.
///
/// Man page: `prctl(2)`, `PR_SET_DUMPABLE`; `ptrace(2)`, "Ptrace access mode checking".
pub fn hide_from_other_processes() -> Result<()> {
    told(|| "prctl: not dumpable".into(), nix::sys::prctl::set_dumpable(false))
}

/// Ends this process at once: no destructors, no flushing, no exit handlers.
///
/// What a cloned child must use: its memory is a copy of its parent's, guards and buffers included.
/// Man page: `_exit(2)`.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: ends the process; nothing of ours runs afterwards.
    unsafe { libc::_exit(code.into()) }
}
