//! `keyring`: a key of the host's session.
//!
//! The kernel keeps keys for users and sessions: Kerberos tickets, the keys of encrypted directories. Keyrings have
//! no namespace for the session: a container inherits the one of the shell that started it.
//! Source: `session-keyring(7)`; Docker's documentation of its filter, at `keyctl`; and CVE-2016-0728, a bug in the
//! kernel that is reached through this call.
//! Succeeds in: chapter 3.
//! Stopped by: the seccomp filter (chapter 6), which allows neither `keyctl` nor `add_key`. runc also gives each
//! container a new session keyring.

use crate::named;
use coracle_ground::{Errno, Error, Result, sys};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The key's name.
const NAME: &str = "coracle:escape-room";

/// Reads the key.
pub(crate) fn run(_: &[String]) -> Result<String> {
    let secret = sys::read_key(NAME)?;
    Ok(format!("the host's session keyring holds {:?}", String::from_utf8_lossy(&secret)))
}

/// `with-secret-key COMMAND…`, on the host: the command with a new session keyring and a key in it. Returns when it
/// fails.
pub(crate) fn with_secret(command: &[String]) -> Result<String> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::new("name a command", Errno::EINVAL))?;
    sys::new_session_keyring()?;
    sys::add_key(NAME, b"treasure")?;
    let error = Command::new(program).args(arguments).exec();
    Err(named(format!("execute `{program}`"), &error))
}
