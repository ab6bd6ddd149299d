//! One thin wrapper a system call. Each names its man page, the capability it needs, and the errnos people meet.
//!
//! A wrapper does three things: it makes the call (through `nix`, or through `libc` where `nix` has none), it can
//! tell about it (`--explain`), and it turns a failure into an [`Error`] that says what was being done.
//! No wrapper decides anything. What to call, and in which order, is what the chapters are about.
//!
//! This module and [`spawn`](crate::spawn()) are the only places of the project with `unsafe`.

mod attribute;
mod bpf;
mod cgroup;
mod device;
mod filesystem;
mod forbidden;
mod fs;
mod ids;
mod limit;
mod mount;
mod namespace;
mod privilege;
mod process;
mod signal;
pub(crate) mod socket;
mod terminal;
mod tree;
mod users;
mod walk;

pub use attribute::*;
pub use bpf::*;
pub use cgroup::*;
pub use device::*;
pub use filesystem::*;
pub use forbidden::*;
pub use fs::*;
pub use ids::*;
pub use limit::*;
pub use mount::*;
pub use namespace::*;
pub use privilege::*;
pub use process::*;
pub use signal::*;
pub use terminal::*;
pub use tree::*;
pub use users::*;
pub use walk::*;

use crate::{Error, Result, trace};

/// Tells the call (when someone listens) and names its failure.
fn told<T>(doing: impl Fn() -> String, answer: nix::Result<T>) -> Result<T> {
    trace::call(&doing, &answer);
    answer.map_err(|errno| Error::new(doing(), errno))
}

/// The same for a raw `libc` call, which answers -1 and leaves the reason in `errno`.
fn told_raw(doing: impl Fn() -> String, answer: libc::c_long) -> Result<libc::c_long> {
    told(doing, nix::errno::Errno::result(answer))
}
