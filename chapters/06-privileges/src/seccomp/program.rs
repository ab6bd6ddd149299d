//! From decisions to a program of the kernel's.
//!
//! A filter is a program in classic BPF: one register, jumps forward only, at most 4096 instructions. It sees this
//! (`struct seccomp_data`), and ends with `RET` and an answer:
//!
//! ```text
//!   +0 number of the call   +4 architecture   +8 address of the caller   +16 … +63 six arguments, 8 bytes each
//! ```
//!
//! The crate `seccompiler` compiles the conditions on arguments, which is the fiddly part: an argument has 64 bits and
//! the register 32. It could compile the whole filter, too, and we do not let it, for two reasons. Its filters have *one*
//! action for what matches, and Docker's profile needs several (`clone3` gets ENOSYS, what is unknown gets EPERM). And
//! it compares the number of a call with one known number after the other: for Docker's profile 1,787 instructions,
//! which the kernel takes 1 ms to accept. We search, as in a sorted list, and put neighbours with the same answer
//! together: half of the instructions, accepted in a quarter of the time, and each call is found after eight comparisons.
//!
//! ```text
//!                          number ≥ 172 ?
//!                   no ┌───────┴───────┐ yes
//!              number ≥ 86 ?       number ≥ 294 ?
//!              …       …           …       …       ▶ allow · errno 1 · conditions
//! ```
//!
//! Man page: `seccomp(2)`; "Seccomp BPF" in the kernel's documentation.

use super::{Action, Arch, Comparison, Condition};
use crate::Filter;
use coracle_ground::sys::FilterInstruction;
use coracle_ground::{Errno, Error, Result};
use seccompiler::{BpfProgram, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use std::collections::BTreeMap;

/// `BPF_MAXINSNS` of `linux/bpf_common.h`.
const MOST_INSTRUCTIONS: usize = 4096;

// Operations of classic BPF (`linux/bpf_common.h`).
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Where the number of the call and the architecture lie in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;

/// On x86_64, calls of x32 programs (64 bits, with pointers of 32) come with the right architecture, and with numbers
/// from here on.
const X32: u32 = 0x4000_0000;

/// An instruction without jump distances.
fn plain(code: u16, k: u32) -> FilterInstruction {
    FilterInstruction { code, jt: 0, jf: 0, k }
}

/// The instruction that ends the program with this answer.
pub fn answer(action: Action) -> FilterInstruction {
    // `SECCOMP_RET_…` of linux/seccomp.h: the action in the upper half, a number in the lower.
    let word = match action {
        Action::Allow => 0x7fff_0000,
        Action::Log => 0x7ffc_0000,
        Action::Trace(number) => 0x7ff0_0000 | number & 0xffff,
        Action::Errno(errno) => 0x0005_0000 | errno & 0xffff,
        Action::Trap => 0x0003_0000,
        Action::KillThread => 0x0000_0000,
        Action::KillProcess => 0x8000_0000,
    };
    plain(RETURN, word)
}

/// Instructions that look at the arguments: when all `conditions` hold, the program goes on with the next instruction
/// after these; else it skips that one.
///
/// # Errors
/// EINVAL: there are no conditions.
pub fn test_of(conditions: &[Condition]) -> Result<Filter> {
    let wrong = |error| Error::new(format!("make a seccomp filter: {error}"), Errno::EINVAL);
    let conditions: std::result::Result<_, _> = conditions.iter().map(condition_of).collect();
    let program: BpfProgram = conditions.and_then(SeccompRule::new).map_err(wrong)?.into();
    Ok(program.into_iter().map(|i| FilterInstruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect())
}

/// In the crate's words. All 64 bits of an argument are compared.
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

/// The whole program: for each number in `calls` its instructions, which must end with an [`answer`]; for every other
/// call the `default`. First of all it kills what was made for another architecture than `arch`: there the same numbers
/// mean other calls.
///
/// # Errors
/// EINVAL: it has more than 4096 instructions.
pub fn program(arch: Arch, calls: &BTreeMap<i64, Filter>, default: Action) -> Result<Filter> {
    let kill = answer(Action::KillProcess);
    let mut program = Vec::with_capacity(1024);
    program.extend([
        plain(LOAD, ARCH),
        FilterInstruction { code: JUMP_IF_EQUAL, jt: 1, jf: 0, k: arch.audit_number() },
        kill,
        plain(LOAD, NUMBER),
    ]);
    let (otherwise, kill) = ([answer(default)], [kill]);
    let mut ranges = ranges(calls, &otherwise);
    if arch == Arch::X86_64 {
        // -1 is no call at all: a tracer writes it to skip one.
        ranges.extend([(X32, &kill[..]), (u32::MAX, &otherwise[..])]);
    }
    search(&ranges, &mut program);
    match program.len() {
        0..=MOST_INSTRUCTIONS => Ok(program),
        length => Err(Error::new(
            format!("make a seccomp filter of {length} instructions: it may have {MOST_INSTRUCTIONS}"),
            Errno::EINVAL,
        )),
    }
}

/// From this number on, up to the next range, the instructions are these.
type Range<'a> = (u32, &'a [FilterInstruction]);

/// All numbers, from 0 on, as ranges of neighbours with the same instructions.
fn ranges<'a>(calls: &'a BTreeMap<i64, Filter>, otherwise: &'a [FilterInstruction]) -> Vec<Range<'a>> {
    let mut ranges: Vec<Range<'a>> = vec![(0, otherwise)];
    let mut add = |from: u32, code: &'a [FilterInstruction]| {
        if ranges.last().is_some_and(|(start, _)| *start == from) {
            ranges.pop(); // nothing lies between: the last range is empty
        }
        if ranges.last().is_none_or(|(_, last)| *last != code) {
            ranges.push((from, code));
        }
    };
    for (number, code) in calls {
        let Ok(number) = u32::try_from(*number) else { continue };
        add(number, code);
        add(number + 1, otherwise);
    }
    ranges
}

/// Appends instructions that find the range of the number in the register, by halving the list.
fn search(ranges: &[Range<'_>], program: &mut Filter) {
    if let [(_, code)] = ranges {
        program.extend_from_slice(code);
        return;
    }
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let at = program.len();
    program.push(plain(JUMP_IF_AT_LEAST, above[0].0));
    search(below, program);
    let distance = program.len() - at - 1;
    // A conditional jump reaches 255 instructions far; further on it takes a plain one to help.
    match u8::try_from(distance) {
        Ok(distance) => program[at].jt = distance,
        Err(_) => {
            program[at].jf = 1;
            program.insert(at + 1, plain(JUMP, distance as u32));
        }
    }
    search(above, program);
}
