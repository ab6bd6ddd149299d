//! `abstract-socket NAME`: a service of the host, asked through a socket that is no file. CVE-2020-15257.
//!
//! An abstract Unix socket has a name and no path: no root and no mount hides it. It belongs to the *network*
//! namespace. containerd's shim listened on one; a container in the host's network (`--network host`) with user 0
//! could ask it for a new, privileged container.
//! Source: CVE-2020-15257 (containerd before 1.3.9 and 1.4.3), found by Jeff Dileo.
//! Succeeds in: chapter 1.
//! Stopped by: a network namespace (chapter 2). With `--network host` nothing stops it here.

use crate::named;
use coracle_ground::{Errno, Error, Result};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Command, ExitCode};

/// Connects, and says nothing.
pub(crate) fn run(arguments: &[String]) -> Result<String> {
    let name = arguments.first().ok_or_else(|| Error::new("name a socket", Errno::EINVAL))?;
    let doing = || format!("connect to the abstract socket `{name}`");
    let connected =
        SocketAddr::from_abstract_name(name).and_then(|address| UnixStream::connect_addr(&address));
    connected.map_err(|error| named(doing(), &error))?;
    Ok(format!("a service of the host listens on `{name}`, and has accepted"))
}

/// `listening-on NAME COMMAND…`, on the host: a service on that socket, as long as the command runs.
pub(crate) fn listen(arguments: &[String]) -> Result<ExitCode> {
    let [name, program, arguments @ ..] = arguments else {
        return Err(Error::new("name a socket and a command", Errno::EINVAL));
    };
    let bound = SocketAddr::from_abstract_name(name).and_then(|address| UnixListener::bind_addr(&address));
    let _service = bound.map_err(|error| named(format!("listen on the abstract socket `{name}`"), &error))?;
    let ended = Command::new(program).args(arguments).status();
    let ended = ended.map_err(|error| named(format!("execute `{program}`"), &error))?;
    Ok(ExitCode::from(ended.code().map_or(128, |code| code as u8)))
}
