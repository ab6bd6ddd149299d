//! The ground that every chapter stands on. Provided: read it, use it, do not change it.
//!
//! The kernel offers containers no call of their own. It offers a few dozen small calls, and a container is
//! what you get when the right ones are made in the right order by the right process. This crate holds what
//! every chapter needs for that, so that a chapter is only about its own idea:
//!
//! | module | what it holds |
//! |---|---|
//! | [`sys`] | one thin wrapper a system call, which can tell what it did |
//! | [`mod@spawn`] | one way to start a process: `clone3`, a check, and a child that always reports |
//! | [`link`] | the conversation between the host side and the child that becomes `init` |
//! | [`Error`] | what was being done, the errno, and the likely cause |
//! | [`trace`] | the narration behind `--explain`; when it is off, it costs nothing |
//! | [`tiny`] | a small root filesystem made from this machine's own tools |
//!
//! ```text
//!   host side                                init
//!   ─────────                                ────
//!   spawn() ── clone3 ─────────────────────▶ starts, waits
//!   … maps, cgroup, network …
//!   go ────────────────────────────────────▶ builds its own world: mounts, root, user
//!           ◀──────────────────────────────── prepared
//!   exec ──────────────────────────────────▶ execve(program)
//!           ◀──────────────────────────────── end of file: the program runs
//!                                             or: failed(what, errno)
//! ```

pub mod error;
pub mod link;
#[allow(unsafe_code)]
pub mod spawn;
#[allow(unsafe_code)]
pub mod sys;
pub mod tiny;
pub mod trace;

pub use error::{Error, Result};
pub use link::{HostEnd, InitEnd, Start};
pub use nix::errno::Errno;
pub use nix::sched::CloneFlags;
pub use spawn::{Child, End, spawn, spawn_in_cgroup};
