//! Seccomp profiles: which system calls a container may make, in the JSON format of Docker.
//!
//! The kernel offers a *filter*: a small program that sees the number of each system call and its six arguments, as
//! plain numbers, before the call is made, and answers what is to happen. People write *profiles* instead: names of
//! calls, conditions, actions. Three steps lead from one to the other:
//!
//! ```text
//!   JSON ── Profile::parse ──▶ Profile ── for_container ──▶ Policy ── compile (task 6.3) ──▶ filter
//!            names, strictly            which rules hold            numbers              a program
//!                                       for these capabilities,
//!                                       this kernel, this machine
//! ```
//!
//! Man page: `seccomp(2)`. The format: "Seccomp security profiles for Docker" in Docker's documentation.
//! What we leave out: `SCMP_ACT_NOTIFY` (a supervisor that answers calls), 32-bit programs (always killed).

mod calls;
mod json;
mod names;
mod policy;
mod program;

pub use calls::{call_number, calls};
pub use json::Profile;
pub use policy::{CallRule, Policy};
pub use program::{answer, program, test_of};

use serde::Deserialize;

/// Docker's default profile in our own words: `default.json` beside this file.
pub(crate) const DEFAULT: &str = include_str!("default.json");

/// What kind of machine the filter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// Intel and AMD, 64 bits: `amd64`.
    X86_64,
    /// Arm, 64 bits: `arm64`.
    Aarch64,
}

impl Arch {
    /// That of this program.
    pub const HERE: Arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };

    /// `AUDIT_ARCH_…` of linux/audit.h: what a filter sees as the architecture of a call.
    pub(crate) fn audit_number(self) -> u32 {
        match self {
            Arch::X86_64 => 0xc000_003e,
            Arch::Aarch64 => 0xc000_00b7,
        }
    }

    /// As Docker's profiles call it, in `arches`.
    pub(crate) fn docker_name(self) -> &'static str {
        match self {
            Arch::X86_64 => "amd64",
            Arch::Aarch64 => "arm64",
        }
    }
}

/// What the kernel does with a call. Ordered: the greater one is the more restrictive, and wins among several filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Lets it happen.
    Allow,
    /// Lets it happen, and writes it to the kernel's log.
    Log,
    /// Asks a tracer, who gets this number; without a tracer the caller gets ENOSYS.
    Trace(u32),
    /// Does not, and the caller gets this errno.
    Errno(u32),
    /// Does not, and sends SIGSYS.
    Trap,
    /// Ends the thread.
    KillThread,
    /// Ends the process.
    KillProcess,
}

/// How an argument is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Comparison {
    /// `!=`
    #[serde(rename = "SCMP_CMP_NE")]
    NotEqual,
    /// `<`
    #[serde(rename = "SCMP_CMP_LT")]
    Less,
    /// `<=`
    #[serde(rename = "SCMP_CMP_LE")]
    LessOrEqual,
    /// `==`
    #[serde(rename = "SCMP_CMP_EQ")]
    Equal,
    /// `>=`
    #[serde(rename = "SCMP_CMP_GE")]
    GreaterOrEqual,
    /// `>`
    #[serde(rename = "SCMP_CMP_GT")]
    Greater,
    /// `argument & value == value_two`
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEqual,
}

/// A condition on one argument of a call. Arguments are unsigned numbers of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Which argument, from 0.
    #[serde(deserialize_with = "json::argument_index")]
    pub index: u8,
    /// What it is compared with; for [`Comparison::MaskedEqual`] the mask.
    pub value: u64,
    /// For [`Comparison::MaskedEqual`]: what must be left after the mask.
    #[serde(rename = "valueTwo", default)]
    pub value_two: u64,
    /// How.
    #[serde(rename = "op")]
    pub comparison: Comparison,
}
