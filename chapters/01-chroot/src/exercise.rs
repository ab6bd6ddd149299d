// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.
#![allow(dead_code, unused_imports, unused_variables)]

//! The functions of chapter 1, task by task.

use coracle_ground::{End, Errno, Error, Result, sys};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

/// Task 1.1: Make `root` the process's root directory, and step into it.
///
/// Afterwards `/` means `root`, and the working directory lies inside of it. Both matter: `chroot` changes what
/// `/` means, and does not move the process. One that still stands outside can walk out with `..`.
///
/// Use `sys::chroot` and `sys::chdir`. Man pages: `chroot(2)`, `chdir(2)`.
/// Errors: ENOENT or ENOTDIR when there is no such directory; EPERM without CAP_SYS_CHROOT.
pub fn chroot_into(root: &Path) -> Result<()> {
    todo!("task 1.1: make `root` the process's root directory, and step into it")
}

/// Task 1.2: Find the program `name` as a shell would, in the directories of `search_path`.
///
/// A name with a `/` in it is a path already: answer with it as it is. Any other name is looked for in each
/// directory of `search_path` (they stand between colons) in turn; the first file that can be executed is the answer.
/// Call this *after* the change of the root: the new root's programs count, not the host's.
///
/// Use `sys::can_execute`. Man page: `execvp(3)`.
/// Errors: EACCES when there was a file of that name, but none that can be executed; else ENOENT.
pub fn find_program(name: &str, search_path: &str) -> Result<PathBuf> {
    todo!("task 1.2: find the program `name` as a shell would, in the directories of `search_path`")
}

/// Task 1.3: Become the program, with these arguments, this environment, and nothing else of the host.
///
/// `argv` holds the program's own name first. `env` holds `NAME=value` pairs, and they are all that the program
/// gets. Descriptors above standard error must not survive: one open directory of the host is a way out of the root.
///
/// Use `sys::close_on_exec_from` and `sys::execve`. Man pages: `execve(2)`, `close_range(2)`.
/// Returns only when it fails: ENOENT (also when the program's loader is missing), EACCES, ENOEXEC.
pub fn exec_program(program: &Path, argv: &[String], env: &[String]) -> Result<Infallible> {
    todo!(
        "task 1.3: become the program, with these arguments, this environment, and nothing else of the host"
    )
}

/// Task 1.4: Say how the program ended, as the one number that a shell sees.
///
/// A program that ended by itself: its own status. One that a signal ended: 128 and the signal's number. One that
/// could not be started: 127 when there is no such file, 126 when there is one that cannot be executed.
///
/// Man pages: `exit(3)`, `signal(7)`; `bash(1)` at "EXIT STATUS" has the same rule.
pub fn exit_code(end: End) -> u8 {
    todo!("task 1.4: say how the program ended, as the one number that a shell sees")
}
