//! Capabilities, no_new_privs, seccomp filters: what a process may do, and what it may never do again.

use super::{told, told_raw};
use crate::{Errno, Result};

/// Three of the five capability sets of a process, one bit a capability. The other two are the bounding set
/// ([`drop_bounding`]) and the ambient set ([`clear_ambient`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilityBits {
    /// What the kernel looks at when the process asks for something.
    pub effective: u64,
    /// What the process may make effective.
    pub permitted: u64,
    /// What may survive an `execve`, if the program's file agrees.
    pub inheritable: u64,
}

/// `struct __user_cap_header_struct` of `linux/capability.h`.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`: 32 capabilities of each set. Version 3 has two of them.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: 64 bits in two halves.
const VERSION_3: u32 = 0x2008_0522;

/// The effective, permitted and inheritable sets of this process.
///
/// Man page: `capget(2)`; through `libc`, because `nix` has no wrapper. Never fails for oneself.
pub fn capabilities() -> Result<CapabilityBits> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut halves = [Data::default(); 2];
    // SAFETY: with version 3 the kernel writes two `Data` behind the second pointer; both outlive the call.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, &raw mut halves) };
    told_raw(|| "capget".into(), answer)?;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let [low, high] = halves;
    Ok(CapabilityBits {
        effective: join(low.effective, high.effective),
        permitted: join(low.permitted, high.permitted),
        inheritable: join(low.inheritable, high.inheritable),
    })
}

/// Sets the effective, permitted and inheritable sets of this process.
///
/// Man page: `capset(2)`; through `libc`, because `nix` has no wrapper. EPERM: a new permitted set may only be
/// smaller, the effective one must lie within it, and the inheritable one within permitted or bounding.
pub fn set_capabilities(bits: CapabilityBits) -> Result<()> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let half = |shift: u32| Data {
        effective: (bits.effective >> shift) as u32,
        permitted: (bits.permitted >> shift) as u32,
        inheritable: (bits.inheritable >> shift) as u32,
    };
    let halves = [half(0), half(32)];
    // SAFETY: with version 3 the kernel reads two `Data` behind the second pointer; both outlive the call.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, &raw const halves) };
    let CapabilityBits { effective, permitted, inheritable } = bits;
    let doing =
        || format!("capset effective {effective:x}, permitted {permitted:x}, inheritable {inheritable:x}");
    told_raw(doing, answer).map(drop)
}

/// Is the capability of this number in the bounding set of this process? `None`: this kernel has no such number.
///
/// Man page: `prctl(2)`, `PR_CAPBSET_READ`.
pub fn is_in_bounding(capability: u8) -> Result<Option<bool>> {
    // SAFETY: two integers.
    let answer = unsafe { libc::prctl(libc::PR_CAPBSET_READ, libc::c_ulong::from(capability), 0, 0, 0) };
    match told_raw(|| format!("prctl: is capability {capability} in the bounding set"), answer.into()) {
        Err(error) if error.errno == Errno::EINVAL => Ok(None),
        answer => answer.map(|yes| Some(yes == 1)),
    }
}

/// Takes the capability of this number out of the bounding set, for this process and all that come from it.
///
/// Man page: `prctl(2)`, `PR_CAPBSET_DROP`. Needs CAP_SETPCAP (EPERM). EINVAL: this kernel has no such number.
pub fn drop_bounding(capability: u8) -> Result<()> {
    // SAFETY: two integers.
    let answer = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) };
    told_raw(|| format!("prctl: drop capability {capability} from the bounding set"), answer.into()).map(drop)
}

/// Empties the ambient set: the capabilities that survive the `execve` of a user who is not root.
///
/// Man page: `prctl(2)`, `PR_CAP_AMBIENT_CLEAR_ALL`. Since Linux 4.3.
pub fn clear_ambient() -> Result<()> {
    // SAFETY: integers only.
    let answer = unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0, 0, 0)
    };
    told_raw(|| "prctl: clear the ambient capabilities".into(), answer.into()).map(drop)
}

/// Shall the *permitted* set survive the change from user 0 to another? The effective one is emptied all the same.
///
/// Man page: `prctl(2)`, `PR_SET_KEEPCAPS`; `capabilities(7)`, "Effect of user ID changes". Cleared by `execve`.
pub fn keep_capabilities(keep: bool) -> Result<()> {
    // SAFETY: two integers.
    let answer = unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, libc::c_ulong::from(keep), 0, 0, 0) };
    told_raw(|| format!("prctl: keep the capabilities when the user changes: {keep}"), answer.into())
        .map(drop)
}

/// Will the permitted set survive such a change? See [`keep_capabilities`].
///
/// Man page: `prctl(2)`, `PR_GET_KEEPCAPS`.
pub fn keeps_capabilities() -> Result<bool> {
    // SAFETY: no pointer.
    let answer = unsafe { libc::prctl(libc::PR_GET_KEEPCAPS, 0, 0, 0, 0) };
    told_raw(|| "prctl: are the capabilities kept when the user changes".into(), answer.into())
        .map(|yes| yes == 1)
}

/// From now on no `execve` gives this process more than it has: setuid bits and file capabilities are ignored.
///
/// Man page: `prctl(2)`, `PR_SET_NO_NEW_PRIVS`. Nothing and nobody can take it back; children inherit it.
pub fn no_new_privileges() -> Result<()> {
    told(|| "prctl: no new privileges".into(), nix::sys::prctl::set_no_new_privs())
}

/// One instruction of classic BPF, the language of seccomp filters.
pub use libc::sock_filter as FilterInstruction;

/// Puts one more seccomp filter in force for this process and all that come from it. It can never be removed.
///
/// With several filters the kernel asks all of them, and obeys the most restrictive answer.
/// Man page: `seccomp(2)`, `SECCOMP_SET_MODE_FILTER`; through `libc`. Needs CAP_SYS_ADMIN, or no_new_privs:
/// otherwise EACCES. EINVAL: the program jumps out of itself, or has over 4096 instructions; ENOMEM: all the filters
/// of this process together have over 32768.
pub fn install_filter(program: &[FilterInstruction]) -> Result<()> {
    let doing = || format!("seccomp: a filter of {} instructions", program.len());
    let Ok(length) = u16::try_from(program.len()) else {
        return told(doing, Err(Errno::EINVAL));
    };
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel reads `len` instructions behind `filter`, which is a slice of that length, and copies them.
    let answer =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    told_raw(doing, answer).map(drop)
}
