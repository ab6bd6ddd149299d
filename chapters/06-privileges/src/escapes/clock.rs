//! `clock`: the machine's clock.
//!
//! Namespaces exist for the clocks that count from the boot, not for the time of day: who sets it sets it for all.
//! Then certificates are valid again, logs are false, timers fire.
//! Source: `time_namespaces(7)`; Docker's documentation of its filter, at `settimeofday`.
//! Succeeds in: chapter 3.
//! Stopped by: no CAP_SYS_TIME (chapter 6); without it Docker's filter refuses the calls as well.

use coracle_ground::{Result, sys};

/// Asks, and sets nothing.
pub(crate) fn run(_: &[String]) -> Result<String> {
    sys::may_set_clock().map(|()| "the kernel would set the clock of the machine".into())
}
