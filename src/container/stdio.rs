//! What the program reads and writes: pipes to the host side.
//!
//! Why not our own standard streams? They are files of the host: a terminal into which the program could push keys
//! (`TIOCSTI`), or a file that it could open anew through `/proc/self/fd` with more rights than it was given. A pipe
//! is nothing but the bytes in it. With `-t` there is a pseudo-terminal instead, and no pipes.
//!
//! Man pages: `pipe(2)`, `pipe(7)`, `ioctl_tty(2)`.

use super::Container;
use anyhow::{Context, Result};
use coracle_ground::sys;
use coracle_users::Identity;
use nix::unistd::{Gid, Uid};
use std::os::fd::OwnedFd;

/// A pipe. The end that is given away, or closed, is `None`.
#[derive(Default)]
struct Pipe {
    read: Option<OwnedFd>,
    write: Option<OwnedFd>,
}

impl Pipe {
    fn new() -> Result<Pipe> {
        let (read, write) = sys::pipe()?;
        Ok(Pipe { read: Some(read), write: Some(write) })
    }
}

/// Both ends of all three streams. Before `clone`; afterwards each side lets go of the ends that are not its own.
#[derive(Default)]
pub(super) struct Stdio {
    input: Pipe,
    output: Pipe,
    error: Pipe,
}

/// The host side's ends.
#[derive(Default)]
pub(super) struct Outer {
    /// Where our standard input goes; `None` without `-i`.
    pub(super) input: Option<OwnedFd>,
    /// What comes out, and goes to our standard output.
    pub(super) output: Option<OwnedFd>,
    /// What goes to our standard error; `None` with a terminal, which has one screen for both.
    pub(super) error: Option<OwnedFd>,
}

impl Stdio {
    /// The pipes that `container` needs: none with `-t`; one for its input only with `-i`.
    pub(super) fn new(container: &Container) -> Result<Stdio> {
        if container.tty {
            return Ok(Stdio::default());
        }
        let input = if container.interactive { Pipe::new()? } else { Pipe::default() };
        Ok(Stdio { input, output: Pipe::new()?, error: Pipe::new()? })
    }

    /// In init: makes the inner ends its standard streams, and lets the outer ones go.
    ///
    /// The pipes are given to the program's user, so that it may open `/dev/stdout` again.
    pub(super) fn become_ours(&mut self, user: &Identity) -> coracle_ground::Result<()> {
        let null;
        let input = match &self.input.read {
            Some(pipe) => pipe,
            None => {
                null = sys::open_null()?;
                &null
            }
        };
        let (Some(output), Some(error)) = (&self.output.write, &self.error.write) else { return Ok(()) };
        if (user.uid, user.gid) != (0, 0) {
            for pipe in [self.input.read.as_ref(), Some(output), Some(error)].into_iter().flatten() {
                sys::fchown(pipe, Uid::from_raw(user.uid), Gid::from_raw(user.gid))?;
            }
        }
        sys::duplicate_onto(input, 0)?;
        sys::duplicate_onto(output, 1)?;
        sys::duplicate_onto(error, 2)?;
        *self = Stdio::default();
        Ok(())
    }

    /// On the host side: lets the inner ends go. End of file comes only when the last copy of an end is closed.
    pub(super) fn close_inner_ends(&mut self) {
        self.input.read = None;
        self.output.write = None;
        self.error.write = None;
    }

    /// What is left for the host side: the outer ends, or the terminal's.
    pub(super) fn into_outer(self, terminal: Option<OwnedFd>, interactive: bool) -> Result<Outer> {
        let Some(terminal) = terminal else {
            return Ok(Outer { input: self.input.write, output: self.output.read, error: self.error.read });
        };
        let input = match interactive {
            true => Some(terminal.try_clone().context("cannot copy the terminal's descriptor")?),
            false => None,
        };
        Ok(Outer { input, output: Some(terminal), error: None })
    }
}
