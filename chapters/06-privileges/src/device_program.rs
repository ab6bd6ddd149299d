//! The program that decides about devices on cgroup v2, assembled by hand.
//!
//! Version 1 has a file for each group, into which rules are written. Version 2 has none: a group gets a small eBPF
//! program instead. The kernel runs it at each `open` and `mknod` of a device, and 0 means no. What it is asked about
//! lies in memory, and register 1 points there (`struct bpf_cgroup_dev_ctx` in `linux/bpf.h`):
//!
//! ```text
//!   r1 ──▶ +0  the kind (low half: 1 block, 2 character) and the access (high half: 1 mknod, 2 read, 4 write)
//!          +4  the major number
//!          +8  the minor number
//! ```
//!
//! An eBPF instruction is eight bytes: operation, two registers, a jump distance, a number. Registers 1 to 5 hold
//! arguments, register 0 the answer.
//! Source: `instruction-set.rst` of the kernel's documentation of BPF. What we leave out: everything but these eight.

use crate::{Access, DeviceRule};
use coracle_ground::sys::DeviceKind;

/// A register, by its number.
type Register = u8;

/// Where what is asked for lies.
const QUESTION: Register = 1;
/// What the program keeps of it.
const KIND: Register = 2;
const ACCESS: Register = 3;
const MAJOR: Register = 4;
const MINOR: Register = 5;
/// The answer; before it is given, room to calculate.
const ANSWER: Register = 0;

/// The eight instructions that are needed.
#[derive(Debug, Clone, Copy)]
enum Instruction {
    /// `to = *(u32 *)(from + offset)`
    Load(Register, Register, i16),
    /// `to = from`
    Copy(Register, Register),
    /// `to = number`
    Set(Register, i32),
    /// `register &= number`
    And(Register, i32),
    /// `register >>= number`
    ShiftRight(Register, i32),
    /// `if register != number: skip that many`
    SkipUnless(Register, i32, i16),
    /// `if one != other: skip that many`
    SkipUnlessSame(Register, Register, i16),
    /// Gives the answer.
    Exit,
}

impl Instruction {
    /// The same, with that distance if it is a jump.
    fn skipping(self, distance: i16) -> Instruction {
        use Instruction::*;
        match self {
            SkipUnless(register, number, _) => SkipUnless(register, number, distance),
            SkipUnlessSame(one, other, _) => SkipUnlessSame(one, other, distance),
            other => other,
        }
    }

    /// Its eight bytes. A comparison of the low 32 bits (`JMP32`), because a number there is signed and would be
    /// widened with its sign.
    fn encode(self) -> u64 {
        use Instruction::*;
        let (operation, to, from, offset, number) = match self {
            Load(to, from, offset) => (0x61, to, from, offset, 0),
            Copy(to, from) => (0xbf, to, from, 0, 0),
            Set(to, number) => (0xb7, to, 0, 0, number),
            And(to, number) => (0x57, to, 0, 0, number),
            ShiftRight(to, number) => (0x77, to, 0, 0, number),
            SkipUnless(to, number, distance) => (0x56, to, 0, distance, number),
            SkipUnlessSame(to, from, distance) => (0x5e, to, from, distance, 0),
            Exit => (0x95, 0, 0, 0, 0),
        };
        let [low, high] = offset.to_ne_bytes();
        let [a, b, c, d] = number.to_ne_bytes();
        let registers = if cfg!(target_endian = "little") { to | from << 4 } else { to << 4 | from };
        u64::from_ne_bytes([operation, registers, low, high, a, b, c, d])
    }
}

/// The program that says yes to what one of the rules allows, and no to everything else.
pub fn device_program(rules: &[DeviceRule]) -> Vec<u64> {
    use Instruction::*;
    let mut program = vec![
        Load(KIND, QUESTION, 0),
        Copy(ACCESS, KIND),
        And(KIND, 0xffff),
        ShiftRight(ACCESS, 16),
        Load(MAJOR, QUESTION, 4),
        Load(MINOR, QUESTION, 8),
    ];
    program.extend(rules.iter().flat_map(block));
    program.extend([Set(ANSWER, 0), Exit]);
    program.into_iter().map(Instruction::encode).collect()
}

/// One rule: each comparison that fails skips what is left of the block.
fn block(rule: &DeviceRule) -> Vec<Instruction> {
    use Instruction::*;
    let numbers = [(MAJOR, rule.major), (MINOR, rule.minor)];
    let mut tests = vec![SkipUnless(KIND, kind_number(rule.kind), 0)];
    tests.extend(numbers.iter().filter_map(|(register, n)| n.map(|n| SkipUnless(*register, n as i32, 0))));
    // All that is asked for must be allowed: what the mask leaves is the whole of it.
    tests.push(Copy(ANSWER, ACCESS));
    tests.push(And(ANSWER, access_bits(rule.access)));
    tests.push(SkipUnlessSame(ANSWER, ACCESS, 0));
    let yes = [Set(ANSWER, 1), Exit];
    // A jump counts from the instruction after it.
    let end = tests.len() + yes.len();
    let placed = tests.into_iter().enumerate().map(|(at, test)| test.skipping((end - at - 1) as i16));
    placed.chain(yes).collect()
}

/// As `linux/bpf.h` numbers them: `BPF_DEVCG_DEV_…`.
fn kind_number(kind: DeviceKind) -> i32 {
    match kind {
        DeviceKind::Block => 1,
        DeviceKind::Character => 2,
    }
}

/// `BPF_DEVCG_ACC_…`.
fn access_bits(access: Access) -> i32 {
    i32::from(access.mknod) | i32::from(access.read) << 1 | i32::from(access.write) << 2
}
