//! The conversation between the host side and the child that becomes `init`.
//!
//! The kernel offers: a socket pair that keeps messages apart, and tells when the other end is closed.
//! We build: two small enums, and for each end a type for each moment. A method consumes its moment and returns
//! the next one, so that a wrong order does not compile.
//!
//! ```text
//!   host:  HostEnd ── go() ──▶ Preparing ── prepared() ──▶ Prepared ── exec() ──▶ Start
//!   init:  InitEnd ── wait_for_go() ──▶ Building ── prepared() ──▶ Armed ── wait_for_exec() ──▶ execve
//! ```
//!
//! Whatever fails in init before `prepared` is the engine's failure; whatever fails after `exec` is the
//! program's (not found, not executable). After a successful `execve` the kernel closes init's end, and the host
//! reads end of file: that is how it knows.
//!
//! Man pages: `unix(7)`, `socketpair(2)`, `execve(2)` at "close-on-exec".

use crate::sys::socket::{pair, receive, send};
use crate::{Errno, Error, Result};
use std::os::fd::OwnedFd;

/// What the host says to init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ToInit {
    Go = b'g' as isize,
    Exec = b'x' as isize,
}

/// What init says to the host.
#[derive(Debug, PartialEq, Eq)]
enum ToHost {
    Prepared,
    /// Init stays as it is and does not exec: its program runs below it.
    Running,
    Failed(Error),
    /// A panic, with its text. Usually a task that is still `todo!`.
    Panicked(String),
}

/// Did the program start?
#[derive(Debug)]
#[must_use]
pub enum Start {
    /// It runs.
    Running,
    /// It could not be started, and this is why. Init has ended.
    Failed(Error),
}

/// The host's end, when init has just been cloned and waits.
#[derive(Debug)]
#[must_use]
pub struct HostEnd(OwnedFd);
/// The host's end, while init builds its world.
#[derive(Debug)]
#[must_use]
pub struct Preparing(OwnedFd);
/// The host's end, when init is ready to become the program.
#[derive(Debug)]
#[must_use]
pub struct Prepared(OwnedFd);

/// Init's end, before the host has said `go`.
#[derive(Debug)]
#[must_use]
pub struct InitEnd(OwnedFd);
/// Init's end, while it builds its world.
#[derive(Debug)]
#[must_use]
pub struct Building(OwnedFd);
/// Init's end, when all is built.
#[derive(Debug)]
#[must_use]
pub struct Armed(OwnedFd);

/// Makes both ends, and a third for [`spawn`](crate::spawn()) to report with when init fails or panics.
pub(crate) fn new() -> Result<(HostEnd, InitEnd, Reporter)> {
    let (host, init) = pair()?;
    let doing = "copy the descriptor of init's end";
    let copy = init
        .try_clone()
        .map_err(|e| Error::new(doing, Errno::from_raw(e.raw_os_error().unwrap_or(Errno::EIO as i32))))?;
    Ok((HostEnd(host), InitEnd(init), Reporter(copy)))
}

impl HostEnd {
    /// Lets init begin: whatever the host has to do to it from outside is done.
    pub fn go(self) -> Result<Preparing> {
        say(&self.0, ToInit::Go, &[])?;
        Ok(Preparing(self.0))
    }
}

impl Preparing {
    /// Waits until init has built its world. With the terminal's end for people, if init made one.
    pub fn prepared(self) -> Result<(Prepared, Option<OwnedFd>)> {
        match hear(&self.0, "wait for init to be prepared")? {
            (Some(ToHost::Failed(error)), _) => Err(error),
            (Some(_), terminal) => Ok((Prepared(self.0), terminal)),
            (None, _) => Err(Error::new("wait for init, which ended before it was prepared", Errno::EPIPE)),
        }
    }
}

impl Prepared {
    /// Lets init become the program, and waits until it has.
    pub fn exec(self) -> Result<Start> {
        self.exec_with(&[])
    }

    /// The same, with something for init that was made while init was building: at most 32 KiB.
    pub fn exec_with(self, luggage: &[u8]) -> Result<Start> {
        say(&self.0, ToInit::Exec, luggage)?;
        match hear(&self.0, "wait for init to become the program")? {
            (Some(ToHost::Failed(error)), _) => Ok(Start::Failed(error)),
            _ => Ok(Start::Running),
        }
    }
}

impl InitEnd {
    /// Waits for the host's `go`. An error also when the host is gone: then there is no reason to live.
    pub fn wait_for_go(self) -> Result<Building> {
        wait(&self.0, ToInit::Go)?;
        Ok(Building(self.0))
    }
}

impl Building {
    /// Says that all is built.
    pub fn prepared(self) -> Result<Armed> {
        answer(&self.0, &ToHost::Prepared, None)?;
        Ok(Armed(self.0))
    }

    /// Says that all is built, and hands the host its end of the terminal.
    pub fn prepared_with(self, terminal: &OwnedFd) -> Result<Armed> {
        answer(&self.0, &ToHost::Prepared, Some(terminal))?;
        Ok(Armed(self.0))
    }
}

impl Armed {
    /// Waits for the host's `exec`, and returns what came with it: mostly nothing. What follows is the program's affair.
    pub fn wait_for_exec(&self) -> Result<Vec<u8>> {
        wait(&self.0, ToInit::Exec)
    }

    /// For an init that stays and runs the program below it: tells the host that it runs.
    pub fn running(self) -> Result<()> {
        answer(&self.0, &ToHost::Running, None)
    }
}

/// The way by which a child that fails says so, whatever it was doing.
pub(crate) struct Reporter(OwnedFd);

impl Reporter {
    /// Reports an error. Best effort: if the host is gone, there is nobody to tell.
    pub(crate) fn failed(&self, error: Error) {
        let _ = answer(&self.0, &ToHost::Failed(error), None);
    }

    /// Reports a panic.
    pub(crate) fn panicked(&self, text: &str) {
        let _ = answer(&self.0, &ToHost::Panicked(text.to_string()), None);
    }
}

/// Host to init: a letter, then the luggage.
fn say(socket: &OwnedFd, message: ToInit, luggage: &[u8]) -> Result<()> {
    // An init that has failed has closed its end; what it said before that is still to be read.
    match send(socket, &[&[message as u8], luggage].concat(), None) {
        Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
        Err(errno) => Err(Error::new(format!("tell init `{message:?}`"), errno)),
    }
}

/// Init to host.
fn answer(socket: &OwnedFd, message: &ToHost, file: Option<&OwnedFd>) -> Result<()> {
    send(socket, &message.to_bytes(), file).map_err(|errno| Error::new("answer the host", errno))
}

/// Init waits for one certain word, and returns its luggage.
fn wait(socket: &OwnedFd, expected: ToInit) -> Result<Vec<u8>> {
    let doing = || format!("wait for the host's `{expected:?}`");
    let (bytes, _) = receive(socket).map_err(|errno| Error::new(doing(), errno))?;
    match bytes.split_first() {
        Some((byte, luggage)) if *byte == expected as u8 => Ok(luggage.to_vec()),
        Some(_) => Err(Error::new(doing(), Errno::EPROTO)),
        None => Err(Error::new(doing(), Errno::EPIPE)),
    }
}

/// The host waits for a word of init. A panic over there goes on over here.
fn hear(socket: &OwnedFd, doing: &str) -> Result<(Option<ToHost>, Option<OwnedFd>)> {
    let (bytes, file) = receive(socket).map_err(|errno| Error::new(doing, errno))?;
    match ToHost::from_bytes(&bytes) {
        Some(ToHost::Panicked(text)) => panic!("{text}"),
        message => Ok((message, file)),
    }
}

impl ToHost {
    /// A letter, then for an error its number and its words.
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            ToHost::Prepared => b"p".to_vec(),
            ToHost::Running => b"r".to_vec(),
            ToHost::Failed(error) => {
                let errno = (error.errno as i32).to_le_bytes();
                [b"f", &errno[..], error.doing.as_bytes()].concat()
            }
            ToHost::Panicked(text) => [b"!", text.as_bytes()].concat(),
        }
    }

    /// The reverse; `None` for an empty message, which is end of file.
    fn from_bytes(bytes: &[u8]) -> Option<ToHost> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match bytes {
            [b'p'] => Some(ToHost::Prepared),
            [b'r'] => Some(ToHost::Running),
            [b'!', rest @ ..] => Some(ToHost::Panicked(text(rest))),
            [b'f', a, b, c, d, doing @ ..] => {
                let errno = Errno::from_raw(i32::from_le_bytes([*a, *b, *c, *d]));
                Some(ToHost::Failed(Error::new(text(doing), errno)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_survives_the_way() {
        let messages = [
            ToHost::Prepared,
            ToHost::Running,
            ToHost::Failed(Error::new("mount proc on `/prüfung`", Errno::EPERM)),
            ToHost::Panicked("not yet implemented: task 1.1: change the root".into()),
        ];
        for message in messages {
            assert_eq!(ToHost::from_bytes(&message.to_bytes()), Some(message));
        }
        assert_eq!(ToHost::from_bytes(b""), None, "an empty message is end of file");
    }

    #[test]
    fn a_host_that_is_gone_is_an_error_for_init() {
        let (host, init, _reporter) = new().expect("a socket pair");
        drop(host);
        let error = init.wait_for_go().expect_err("nobody can say go");
        assert_eq!(error.errno, Errno::EPIPE);
    }

    #[test]
    fn an_init_that_failed_tells_why() {
        let (host, init, reporter) = new().expect("a socket pair");
        reporter.failed(Error::new("pivot_root to `/r`", Errno::EINVAL));
        drop((init, reporter));
        let error = host.go().and_then(Preparing::prepared).map(drop).expect_err("init failed");
        assert_eq!((error.doing.as_str(), error.errno), ("pivot_root to `/r`", Errno::EINVAL));
    }

    #[test]
    #[should_panic(expected = "task 1.1")]
    fn a_panic_over_there_goes_on_over_here() {
        let (host, _init, reporter) = new().expect("a socket pair");
        reporter.panicked("not yet implemented: task 1.1");
        let _ = host.go().and_then(Preparing::prepared);
    }
}
