//! Signals: their numbers and names, and how to take them as a queue instead of as interruptions.

use super::{told, told_raw};
use crate::Result;
pub use nix::sys::signal::SigSet;
use std::fmt;

/// A signal, by its number.
///
/// `nix` has a type for the 31 old ones. A container may use the real-time signals 34 to 64 as well: a systemd in it
/// is stopped with SIGRTMIN+3. So this one holds any number. Man page: `signal(7)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

#[allow(missing_docs)] // They are what signal(7) says.
impl Signal {
    pub const SIGHUP: Signal = Signal(libc::SIGHUP);
    pub const SIGINT: Signal = Signal(libc::SIGINT);
    pub const SIGQUIT: Signal = Signal(libc::SIGQUIT);
    pub const SIGKILL: Signal = Signal(libc::SIGKILL);
    pub const SIGUSR1: Signal = Signal(libc::SIGUSR1);
    pub const SIGUSR2: Signal = Signal(libc::SIGUSR2);
    pub const SIGPIPE: Signal = Signal(libc::SIGPIPE);
    pub const SIGTERM: Signal = Signal(libc::SIGTERM);
    pub const SIGCHLD: Signal = Signal(libc::SIGCHLD);
    pub const SIGURG: Signal = Signal(libc::SIGURG);
    pub const SIGWINCH: Signal = Signal(libc::SIGWINCH);

    pub const fn from_number(number: i32) -> Signal {
        Signal(number)
    }

    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match nix::sys::signal::Signal::try_from(self.0) {
            Ok(known) => f.write_str(known.as_str()),
            Err(_) => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Holds all signals back from now on: they wait until [`next_signal`] takes them.
///
/// A blocked signal is not lost, and not even PID 1 can then miss one. The next program inherits the block, so
/// [`spawn`](crate::spawn()) takes it away in each child. Man page: `sigprocmask(2)`.
pub fn block_signals() -> Result<()> {
    told(|| "sigprocmask: block all signals".into(), SigSet::all().thread_block())
}

/// Waits for the next blocked signal and takes it.
///
/// Man page: `sigwaitinfo(2)`; through `libc`, because `nix` knows no real-time signals.
pub fn next_signal() -> Result<Signal> {
    let all = SigSet::all();
    loop {
        // SAFETY: the set outlives the call, and a null pointer says that we want no details.
        let answer = unsafe { libc::sigwaitinfo(all.as_ref(), std::ptr::null_mut()) };
        // A stop and a continue interrupt the wait (EINTR) without a signal to take.
        if nix::errno::Errno::result(answer) != Err(nix::errno::Errno::EINTR) {
            let number = told_raw(|| "sigwaitinfo for the next signal".into(), answer.into())?;
            return Ok(Signal(number as i32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_signals_have_names_and_new_ones_numbers() {
        assert_eq!(Signal::SIGTERM.to_string(), "SIGTERM");
        assert_eq!(Signal::from_number(37).to_string(), "signal 37");
    }
}
