//! Signals, taken as a queue instead of as interruptions.

use super::told;
use crate::Result;
pub use nix::sys::signal::{SigSet, Signal};

/// Holds all signals back from now on: they wait until [`next_signal`] takes them.
///
/// A blocked signal is not lost, and not even PID 1 can then miss one. The next program inherits the block, so
/// [`spawn`](crate::spawn()) takes it away in each child. Man page: `sigprocmask(2)`.
pub fn block_signals() -> Result<()> {
    told(|| "sigprocmask: block all signals".into(), SigSet::all().thread_block())
}

/// Waits for the next blocked signal and takes it.
///
/// Man page: `sigwait(3)`.
pub fn next_signal() -> Result<Signal> {
    told(|| "sigwait for the next signal".into(), SigSet::all().wait())
}
