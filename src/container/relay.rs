//! Carrying bytes and signals between the two worlds while the program runs.
//!
//! One thread, one loop, one `poll`: signals for us (a `signalfd`), the end of init (its pidfd), and the streams.
//! Nothing in here knows what a container is.
//!
//! Input is the delicate direction. A program may write without reading. If we waited until it reads, it would wait
//! until we take its output, and both for ever. So its input is written without blocking, and what it does not take
//! is kept.
//!
//! Man pages: `poll(2)`, `signalfd(2)`, `pidfd_open(2)`, `pipe(7)`.

use super::stdio::Outer;
use anyhow::{Context, Result};
use coracle_ground::sys::{self, Signal};
use coracle_ground::{Child, Errno};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{read, write};
use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How many bytes are carried at once: what a pipe holds.
const AT_ONCE: usize = 64 * 1024;

/// Signals, held back and readable from a descriptor.
pub(super) struct Signals(SignalFd);

impl Signals {
    /// From now on signals wait to be read. Left alone are those of our own faults (SIGSEGV, …), and those that stop
    /// a job of the shell (Ctrl-Z), which should stop us as they stop any program.
    pub(super) fn block() -> Result<Signals> {
        use nix::sys::signal::Signal::*;
        let mut set = SigSet::all();
        for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU] {
            set.remove(signal);
        }
        set.thread_block().context("cannot hold signals back")?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
        Ok(Signals(fd.context("cannot make a descriptor for signals")?))
    }
}

/// What `poll` waits for.
#[derive(Clone, Copy)]
enum Source {
    /// A signal has come for us.
    Signals,
    /// Init has ended.
    End,
    /// The program has written to its standard output.
    Output,
    /// The program has written to its standard error.
    Error,
    /// Our standard input has something for the program.
    OurInput,
    /// The program's standard input takes more, or is closed.
    Input,
}

/// What goes on between the program and us.
pub(super) struct Relay<'a> {
    signals: Signals,
    init: &'a Child,
    outer: Outer,
    /// Bytes of our standard input that the program has not taken yet.
    pending: Vec<u8>,
    /// Room for what is on its way out.
    room: Vec<u8>,
    our_input_ended: bool,
    init_ended: bool,
    /// How often someone has asked us to stop.
    interrupts: u32,
}

impl<'a> Relay<'a> {
    pub(super) fn new(signals: Signals, init: &'a Child, outer: Outer) -> Result<Relay<'a>> {
        if let Some(input) = &outer.input {
            let flags = OFlag::from_bits_retain(fcntl(input, FcntlArg::F_GETFL)?);
            fcntl(input, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Relay {
            signals,
            init,
            outer,
            pending: Vec::new(),
            room: vec![0; AT_ONCE],
            our_input_ended: false,
            init_ended: false,
            interrupts: 0,
        })
    }

    /// Carries until init has ended and all that was written has been passed on. As soon as init has ended, `at_its_end` is
    /// called once: what else lives in the container may keep its streams open.
    pub(super) fn until_the_end(mut self, mut at_its_end: impl FnMut() -> Result<()>) -> Result<()> {
        while !self.init_ended || self.outer.output.is_some() || self.outer.error.is_some() {
            for source in self.wait()? {
                match source {
                    Source::Signals => self.pass_signals()?,
                    Source::End => {
                        self.end();
                        at_its_end()?;
                    }
                    Source::Output => pass_on(&mut self.outer.output, stdout().as_fd(), &mut self.room),
                    Source::Error => pass_on(&mut self.outer.error, stderr().as_fd(), &mut self.room),
                    Source::OurInput => self.take_input(),
                    Source::Input => self.give_input(),
                }
            }
        }
        Ok(())
    }

    /// Waits until something can be done, and says what.
    fn wait(&self) -> Result<Vec<Source>> {
        let stdin = stdin();
        let nothing_pending = self.pending.is_empty();
        let mut wanted = vec![(Source::Signals, self.signals.0.as_fd(), PollFlags::POLLIN)];
        if !self.init_ended {
            wanted.push((Source::End, self.init.pidfd(), PollFlags::POLLIN));
        }
        if let Some(output) = &self.outer.output {
            wanted.push((Source::Output, output.as_fd(), PollFlags::POLLIN));
        }
        if let Some(error) = &self.outer.error {
            wanted.push((Source::Error, error.as_fd(), PollFlags::POLLIN));
        }
        if let Some(input) = &self.outer.input {
            // Without an event `poll` still tells when the other side has closed it.
            let event = if nothing_pending { PollFlags::empty() } else { PollFlags::POLLOUT };
            wanted.push((Source::Input, input.as_fd(), event));
            if nothing_pending && !self.our_input_ended {
                wanted.push((Source::OurInput, stdin.as_fd(), PollFlags::POLLIN));
            }
        }
        let mut set: Vec<PollFd<'_>> =
            wanted.iter().map(|(_, fd, events)| PollFd::new(*fd, *events)).collect();
        match poll(&mut set, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("cannot wait for the container's output"),
        }
        let ready = wanted.iter().zip(&set).filter(|(_, fd)| fd.any() == Some(true));
        Ok(ready.map(|((source, ..), _)| *source).collect())
    }

    /// Passes signals on to the program. A new window size goes to its terminal instead.
    fn pass_signals(&mut self) -> Result<()> {
        while let Some(info) = self.signals.0.read_signal().context("cannot read a signal")? {
            match Signal::from_number(info.ssi_signo as i32) {
                // Those are about us: our child, our broken pipe, our socket.
                Signal::SIGCHLD | Signal::SIGPIPE | Signal::SIGURG => {}
                Signal::SIGWINCH => self.resize(),
                signal @ (Signal::SIGINT | Signal::SIGTERM) => self.interrupt(signal)?,
                other => self.init.kill(other)?,
            }
        }
        Ok(())
    }

    /// Passes Ctrl-C on. A program that is PID 1 may ignore it; the third time means that it must end.
    fn interrupt(&mut self, signal: Signal) -> Result<()> {
        self.interrupts += 1;
        if self.interrupts < 3 {
            return Ok(self.init.kill(signal)?);
        }
        eprintln!("coracle: got 3 SIGTERM/SIGINTs, forcefully exiting");
        Ok(self.init.kill(Signal::SIGKILL)?)
    }

    fn resize(&self) {
        let Some(terminal) = self.outer.output.as_ref().filter(|_| self.outer.error.is_none()) else {
            return;
        };
        if let Ok(size) = sys::window_size(stdin()) {
            // A terminal that is just closing has no size any more.
            let _ = sys::set_window_size(terminal, &size);
        }
    }

    /// Init has ended, so nobody reads any more. What was written before is still to be taken.
    fn end(&mut self) {
        self.init_ended = true;
        self.outer.input = None;
    }

    /// Reads what our standard input has.
    fn take_input(&mut self) {
        let mut bytes = vec![0; AT_ONCE];
        match read(stdin(), &mut bytes) {
            Ok(length) if length > 0 => {
                bytes.truncate(length);
                self.pending = bytes;
                self.give_input();
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            // End of file; and an input that cannot be read has nothing more to give either.
            _ => {
                self.our_input_ended = true;
                self.close_input_when_done();
            }
        }
    }

    /// Writes what is pending, as far as the program takes it.
    fn give_input(&mut self) {
        let Some(input) = &self.outer.input else { return };
        match write(input, &self.pending) {
            Ok(length) if length > 0 => drop(self.pending.drain(..length)),
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            // Closed on the other side.
            _ => {
                self.pending.clear();
                self.our_input_ended = true;
            }
        }
        self.close_input_when_done();
    }

    /// The program shall see the end of its input, too. A terminal has none: there, the user types Ctrl-D.
    fn close_input_when_done(&mut self) {
        if self.our_input_ended && self.pending.is_empty() {
            self.outer.input = None;
        }
    }
}

/// Passes on what there is to read, and closes `from` at its end, or when nobody takes it any more.
fn pass_on(from: &mut Option<OwnedFd>, to: BorrowedFd<'_>, room: &mut [u8]) {
    let Some(source) = from else { return };
    match read(&*source, room) {
        Ok(length) if length > 0 && write_all(to, &room[..length]).is_ok() => {}
        Err(Errno::EINTR | Errno::EAGAIN) => {}
        // The end: 0 from a pipe, EIO from a terminal whose programs are gone.
        _ => *from = None,
    }
}

/// Writes all of `bytes`, also to a descriptor that somebody else has made non-blocking.
fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                poll(&mut [PollFd::new(to, PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
