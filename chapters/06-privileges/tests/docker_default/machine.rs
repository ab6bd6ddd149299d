//! The machine that runs filters: as much of classic BPF as they use.
//! Source: `networking/filter.rst` of the kernel's documentation, "BPF engine and instruction set".

use coracle_privileges::Filter;
use coracle_privileges::seccomp::Action;

pub(crate) const X86_64: u32 = 0xc000_003e;
pub(crate) const AARCH64: u32 = 0xc000_00b7;
pub(crate) const I386: u32 = 0x4000_0003;

/// Values of argument 0 that the default profile tells apart, and their neighbours.
pub(crate) const ARGUMENTS: [u64; 16] = [
    0,
    1,
    8,
    11,
    12,
    16,
    19,
    38,
    40,
    46,
    131_072,
    131_080,
    0xffff_ffff,
    0x1000_0000,
    0x0200_0000,
    0x1_0000_0001,
];

/// What a filter is asked: `struct seccomp_data`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    number: u32,
    arch: u32,
    arguments: [u64; 6],
}

impl Asked {
    pub(crate) fn call(arch: u32, number: i64) -> Asked {
        Asked { number: number as u32, arch, arguments: [0; 6] }
    }

    pub(crate) fn with(mut self, index: usize, value: u64) -> Asked {
        self.arguments[index] = value;
        self
    }

    /// Four bytes of it, on a little-endian machine.
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.arch,
            16.. => {
                let argument = self.arguments[(offset as usize - 16) / 8];
                if offset % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 }
            }
            other => panic!("nobody reads the address of the caller: {other}"),
        }
    }
}

/// Runs the filter.
pub(crate) fn answer(filter: &Filter, asked: &Asked) -> Action {
    let mut register = 0_u32;
    let mut at = 0;
    loop {
        let instruction = &filter[at];
        let k = instruction.k;
        at += 1;
        let mut jump = |condition: bool| {
            at += usize::from(if condition { instruction.jt } else { instruction.jf });
        };
        match instruction.code {
            0x20 => register = asked.word(k),
            0x54 => register &= k,
            0x05 => at += k as usize,
            0x15 => jump(register == k),
            0x25 => jump(register > k),
            0x35 => jump(register >= k),
            0x06 => return meaning(k),
            other => panic!("an operation that filters do not use: {other:#x}"),
        }
    }
}

/// `SECCOMP_RET_…`.
fn meaning(word: u32) -> Action {
    match word & 0xffff_0000 {
        0x7fff_0000 => Action::Allow,
        0x7ffc_0000 => Action::Log,
        0x7ff0_0000 => Action::Trace(word & 0xffff),
        0x0005_0000 => Action::Errno(word & 0xffff),
        0x0003_0000 => Action::Trap,
        0x0000_0000 => Action::KillThread,
        0x8000_0000 => Action::KillProcess,
        other => panic!("no answer of a filter: {other:#x}"),
    }
}
