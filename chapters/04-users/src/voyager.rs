//! `voyager COMMAND…`: runs a command as an ordinary user, number 2000, group 2001, also a member of group 4242.
//!
//! Chapter 4 is about people without privileges, and a throwaway world makes you root. Where the world belongs to the
//! real root, this program gives that up. Where you are only called root, in a user namespace, there is no user 2000 to
//! become; then it makes one more user namespace, in which your own number is called 2000.
//!
//! ```text
//!   world of real root:        root ── setgroups, setresgid, setresuid ──▶ 2000
//!   world of a user:    you ─▶ root ── unshare, map "2000 0 1" ──────────▶ 2000, and still you outside
//! ```
//!
//! The workspace may lie where user 2000 cannot go, below `/root` for instance. So root opens the program first, and user
//! 2000 starts what is open already: `execveat(2)`.

use coracle_ground::{CloneFlags, Errno, Result, sys};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Pid, Uid, fexecve, getegid, geteuid};
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::{ffi::OsStringExt, process::CommandExt};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Not 1000, which is a real person on most machines, with ranges of users granted.
const UID: u32 = 2000;
const GID: u32 = 2001;
const GROUP: u32 = 4242;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, arguments)) = words.split_first() else {
        eprintln!("usage: voyager COMMAND…");
        return ExitCode::from(125);
    };
    let program = open_program(command);
    if let Err(error) = become_ordinary() {
        eprintln!("voyager: {error}");
        return ExitCode::from(125);
    }
    let error = match (Command::new(command).args(arguments).exec(), program) {
        (error, Some(program)) if error.kind() == io::ErrorKind::PermissionDenied => start(&program, &words),
        (error, _) => error,
    };
    eprintln!("voyager: cannot run `{command}`: {error}");
    ExitCode::from(127)
}

/// The program that `command` names, as a place in the file system: what it is may be asked when it is started.
fn open_program(command: &str) -> Option<OwnedFd> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = match command.contains('/') {
        true => vec![command.into()],
        false => std::env::split_paths(&path).map(|folder| folder.join(command)).collect(),
    };
    let file = places.iter().find(|place| place.is_file())?;
    open(file, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

/// Starts a program that is open. Returns only when that fails.
fn start(program: &OwnedFd, words: &[String]) -> io::Error {
    let text = |bytes: Vec<u8>| CString::new(bytes).expect("the kernel gave it to us as a C string");
    let argv: Vec<CString> = words.iter().map(|word| text(word.clone().into_bytes())).collect();
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        text([name.into_vec(), value.into_vec()].join(&b'='))
    };
    let env: Vec<CString> = std::env::vars_os().map(variable).collect();
    match fexecve(program, &argv, &env) {
        Ok(never) => match never {},
        Err(errno) => errno.into(),
    }
}

/// User 2000, one way or the other.
fn become_ordinary() -> Result<()> {
    match sys::set_groups(&[Gid::from_raw(GID), Gid::from_raw(GROUP)]) {
        Ok(()) => {
            sys::set_group(Gid::from_raw(GID))?;
            sys::set_user(Uid::from_raw(UID))
        }
        // EPERM: denied in this user namespace; EINVAL: it has no such numbers.
        Err(error) if matches!(error.errno, Errno::EPERM | Errno::EINVAL) => {
            let (uid, gid, this) = (geteuid(), getegid(), Pid::this());
            sys::unshare(CloneFlags::CLONE_NEWUSER)?;
            sys::write_proc(this, "setgroups", "deny")?;
            sys::write_proc(this, "uid_map", &format!("{UID} {uid} 1"))?;
            sys::write_proc(this, "gid_map", &format!("{GID} {gid} 1"))
        }
        Err(error) => Err(error),
    }
}
