//! From rules to a program of the kernel's: the last steps, around the crate `seccompiler`.
//!
//! A filter is a program in classic BPF: one register, jumps forward only, at most 4096 instructions. It sees this
//! (`struct seccomp_data`), and ends with `RET` and an action:
//!
//! ```text
//!   +0 number of the call   +4 architecture   +8 address of the caller   +16 … +63 six arguments, 8 bytes each
//! ```
//!
//! The crate compiles one set of rules with *one* action for what matches. Docker's profile needs more: `clone3` is
//! answered with ENOSYS and everything unknown with EPERM. One could install several filters; the kernel asks all of
//! them and obeys the most restrictive answer. But the first one might forbid the call that installs the second. So we
//! [`join`] their programs into one.
//!
//! Man page: `seccomp(2)`; "Seccomp BPF" in the kernel's documentation.

use super::{Action, Arch, Comparison, Condition};
use crate::Filter;
use coracle_ground::sys::FilterInstruction;
use coracle_ground::{Errno, Error, Result};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

/// The calls of a filter: for each number its alternatives. An empty list: always.
pub type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// A filter that answers the `calls` with `on_match`, and all others with `otherwise`. A call that was not made for
/// `arch` kills its process.
///
/// # Errors
/// EINVAL, with the crate's words: both actions are the same, or the program is too long.
pub fn filter(arch: Arch, calls: Calls, on_match: Action, otherwise: Action) -> Result<Filter> {
    let target = match arch {
        Arch::X86_64 => TargetArch::x86_64,
        Arch::Aarch64 => TargetArch::aarch64,
    };
    let filter = SeccompFilter::new(calls, action_of(otherwise), action_of(on_match), target);
    let program: BpfProgram = filter.and_then(BpfProgram::try_from).map_err(wrong)?;
    let convert =
        |i: seccompiler::sock_filter| FilterInstruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
    Ok(program.into_iter().map(convert).collect())
}

/// One alternative, in which all of the `conditions` hold.
///
/// # Errors
/// EINVAL, with the crate's words: there are none.
pub fn rule_of(conditions: &[Condition]) -> Result<SeccompRule> {
    let conditions = conditions.iter().map(condition_of).collect::<std::result::Result<_, _>>();
    conditions.and_then(SeccompRule::new).map_err(wrong)
}

/// One program that asks the filters one after the other. "Allow" goes on to the next; any other answer ends it, and so
/// does the "allow" of the last. On x86_64 it begins with a look for x32: programs of 64 bits with pointers of 32, whose
/// calls come with the right architecture and other numbers. They are killed, too.
///
/// # Errors
/// EINVAL: it has more than 4096 instructions.
pub fn join(arch: Arch, filters: &[Filter]) -> Result<Filter> {
    let mut program = match arch {
        Arch::X86_64 => X32.to_vec(),
        Arch::Aarch64 => Vec::new(),
    };
    for (at, filter) in filters.iter().enumerate() {
        let is_last = at + 1 == filters.len();
        let (here, end) = (program.len(), program.len() + filter.len());
        program.extend_from_slice(filter);
        let jumps = program[here..].iter_mut().enumerate().filter(|(_, i)| !is_last && **i == ALLOW);
        for (nth, instruction) in jumps {
            // A jump counts from the instruction after it.
            *instruction = FilterInstruction { code: JUMP, jt: 0, jf: 0, k: (end - (here + nth) - 1) as u32 };
        }
    }
    match program.len() {
        0..=MOST_INSTRUCTIONS => Ok(program),
        length => Err(Error::new(
            format!("make a seccomp filter of {length} instructions: a program may have {MOST_INSTRUCTIONS}"),
            Errno::EINVAL,
        )),
    }
}

/// `BPF_MAXINSNS` of `linux/bpf_common.h`.
const MOST_INSTRUCTIONS: usize = 4096;

// Operations of classic BPF (`linux/bpf_common.h`).
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

const ALLOW: FilterInstruction = FilterInstruction { code: RETURN, jt: 0, jf: 0, k: 0x7fff_0000 };
const KILL_PROCESS: FilterInstruction = FilterInstruction { code: RETURN, jt: 0, jf: 0, k: 0x8000_0000 };

/// Kills calls whose number has the bit of x32. -1 is no call at all: a tracer writes it to skip one.
const X32: [FilterInstruction; 4] = [
    FilterInstruction { code: LOAD, jt: 0, jf: 0, k: 0 },
    FilterInstruction { code: JUMP_IF_EQUAL, jt: 2, jf: 0, k: u32::MAX },
    FilterInstruction { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: 0x4000_0000 },
    KILL_PROCESS,
];

/// In the crate's words. An argument has 64 bits, and all of them are compared.
fn condition_of(condition: &Condition) -> std::result::Result<SeccompCondition, seccompiler::BackendError> {
    let (operator, value) = match condition.comparison {
        Comparison::NotEqual => (SeccompCmpOp::Ne, condition.value),
        Comparison::Less => (SeccompCmpOp::Lt, condition.value),
        Comparison::LessOrEqual => (SeccompCmpOp::Le, condition.value),
        Comparison::Equal => (SeccompCmpOp::Eq, condition.value),
        Comparison::GreaterOrEqual => (SeccompCmpOp::Ge, condition.value),
        Comparison::Greater => (SeccompCmpOp::Gt, condition.value),
        Comparison::MaskedEqual => (SeccompCmpOp::MaskedEq(condition.value), condition.value_two),
    };
    SeccompCondition::new(condition.index, SeccompCmpArgLen::Qword, operator, value)
}

/// In the crate's words.
fn action_of(action: Action) -> SeccompAction {
    match action {
        Action::Allow => SeccompAction::Allow,
        Action::Log => SeccompAction::Log,
        Action::Trace(number) => SeccompAction::Trace(number),
        Action::Errno(errno) => SeccompAction::Errno(errno),
        Action::Trap => SeccompAction::Trap,
        Action::KillThread => SeccompAction::KillThread,
        Action::KillProcess => SeccompAction::KillProcess,
    }
}

/// What the crate says, as one of our errors.
fn wrong(error: seccompiler::BackendError) -> Error {
    Error::new(format!("make a seccomp filter: {error}"), Errno::EINVAL)
}
