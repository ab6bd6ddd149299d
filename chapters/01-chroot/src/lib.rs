//! Chapter 1, chroot: a directory that thinks it is a disk.
//!
//! The kernel offers `chroot`, which changes what `/` means for one process and its children. With a directory
//! that holds enough files (a *rootfs*), that is already enough to run another system's programs.
//!
//! You build: the change of the root, the search for a program in the *new* root, the exec, and the exit
//! status as Docker reports it.
//!
//! Man pages: `chroot(2)`, `chdir(2)`, `execve(2)`, `environ(7)`, `exit(3)`.
//! What we leave out: hiding processes and the network (chapter 2), and a root with no way back (chapter 3).

use coracle_ground::{End, Result};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

pub use code::{chroot_into, exec_program, exit_code, find_program, interpreter};

/// Where a program is looked up when the image says nothing else; the same value as Docker's.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code)]
struct Contract {
    chroot_into: fn(root: &Path) -> Result<()>,
    find_program: fn(name: &str, search_path: &str) -> Result<PathBuf>,
    exec_program: fn(program: &Path, argv: &[String], env: &[String]) -> Result<Infallible>,
    interpreter: fn(program: &Path) -> Result<Option<PathBuf>>,
    exit_code: fn(end: End) -> u8,
}

const _: Contract = Contract { chroot_into, find_program, exec_program, interpreter, exit_code };
