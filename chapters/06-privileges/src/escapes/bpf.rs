//! `bpf`: a program inside the kernel.
//!
//! The kernel runs eBPF programs in its own memory, after a verifier has agreed to them. The verifier is large, and
//! has been wrong before; and a program that it accepts sees what all processes of the machine do.
//! Source: CVE-2020-8835, CVE-2021-3490, bugs of the verifier.
//! Succeeds in: chapter 3.
//! Stopped by: neither CAP_BPF nor CAP_SYS_ADMIN (chapter 6); without them Docker's filter refuses the call as
//! well.

use coracle_ground::{Result, sys};
use coracle_privileges::device_program;

/// Loads a program that forbids all devices, attaches it nowhere, and lets go of it.
pub(crate) fn run(_: &[String]) -> Result<String> {
    sys::load_device_program(&device_program(&[])).map(|_| "the kernel has taken a program of ours".into())
}
