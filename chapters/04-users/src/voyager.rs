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

use coracle_ground::{CloneFlags, Errno, Result, sys};
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid};
use std::os::unix::process::CommandExt;
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
    if let Err(error) = become_ordinary() {
        eprintln!("voyager: {error}");
        return ExitCode::from(125);
    }
    let error = Command::new(command).args(arguments).exec();
    eprintln!("voyager: cannot run `{command}`: {error}");
    ExitCode::from(127)
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
