//! eBPF programs that decide about devices, for a group of cgroup v2. `nix` has no `bpf(2)`: through `libc`.

use super::told_raw;
use crate::Result;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

// From linux/bpf.h.
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

/// The beginning of `union bpf_attr` as `BPF_PROG_LOAD` reads it.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

/// The beginning of `union bpf_attr` as `BPF_PROG_ATTACH` reads it.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

/// Gives a program for devices to the kernel, which verifies it. Each instruction is eight bytes.
///
/// Man page: `bpf(2)`. Needs CAP_BPF or CAP_SYS_ADMIN in the initial user namespace (EPERM). EINVAL, EACCES: the
/// verifier does not accept the program; ENOSYS: a kernel without BPF.
pub fn load_device_program(instructions: &[u64]) -> Result<OwnedFd> {
    let license = c"GPL";
    let attributes = Load {
        kind: BPF_PROG_TYPE_CGROUP_DEVICE,
        count: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
    };
    // SAFETY: the kernel reads `size` bytes of attributes, and behind them `count` instructions and a C string; all
    // outlive the call.
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attributes, size_of::<Load>()) };
    let fd = told_raw(|| format!("bpf: load {} instructions about devices", instructions.len()), answer)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Lets the program decide about devices for all processes of the group whose directory is open as `group`, and of
/// the groups below. It stays as long as the group does. Where several are attached, each must agree.
///
/// Man page: `bpf(2)`. EPERM: no capability, or a group above allows no further program; EBADF: not a cgroup v2.
pub fn attach_device_program(group: impl AsFd, program: impl AsFd) -> Result<()> {
    let attributes = Attach {
        target: group.as_fd().as_raw_fd() as u32,
        program: program.as_fd().as_raw_fd() as u32,
        kind: BPF_CGROUP_DEVICE,
        flags: BPF_F_ALLOW_MULTI,
    };
    // SAFETY: the kernel reads `size` bytes of attributes, which outlive the call.
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_ATTACH, &raw const attributes, size_of::<Attach>()) };
    told_raw(|| "bpf: attach a program about devices to the group".into(), answer).map(drop)
}
