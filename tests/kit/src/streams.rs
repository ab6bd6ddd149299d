//! The subject's three standard streams: pipes, a terminal, or the caller's own.

use crate::captured::Captured;
use crate::world::Input;
use coracle_ground::sys;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::thread;

/// Both ends of everything.
pub(crate) struct Streams {
    /// Standard input, output and error of the subject.
    pub(crate) of_the_subject: [OwnedFd; 3],
    /// What comes out.
    pub(crate) captured: Arc<Captured>,
    /// Where more input can be written.
    pub(crate) input: Option<File>,
    /// Our end of the terminal.
    pub(crate) terminal: Option<File>,
}

/// Opens what `input` asks for, and starts to read what will come out.
pub(crate) fn open(input: &Input) -> io::Result<Streams> {
    match input {
        Input::Bytes(bytes) => with_pipes(Some(bytes.clone())),
        Input::Open => with_pipes(None),
        Input::Terminal => with_terminal(),
        Input::Inherited => inherited(),
    }
}

/// Three pipes. Bytes that are known are written by a thread: a pipe holds only 64 KiB.
fn with_pipes(bytes: Option<Vec<u8>>) -> io::Result<Streams> {
    let (stdin, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let (out, stdout) = pipe2(OFlag::O_CLOEXEC)?;
    let (err, stderr) = pipe2(OFlag::O_CLOEXEC)?;
    let captured = Arc::new(Captured::default());
    captured.read(0, File::from(out));
    captured.read(1, File::from(err));
    let mut writer = File::from(writer);
    let input = match bytes {
        None => Some(writer),
        Some(bytes) => {
            // A subject that does not read its input is no error.
            thread::spawn(move || writer.write_all(&bytes));
            None
        }
    };
    Ok(Streams { of_the_subject: [stdin, stdout, stderr], captured, input, terminal: None })
}

/// One terminal for all three. It is one of the host's, so that `tty` in the world finds it by name.
fn with_terminal() -> io::Result<Streams> {
    let (ours, name) = sys::open_pty().map_err(crate::inside::told)?;
    let size = sys::Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    sys::set_window_size(&ours, &size).map_err(crate::inside::told)?;
    let flags = OFlag::O_NOCTTY.bits();
    let theirs = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name)?;
    let ours = File::from(ours);
    let captured = Arc::new(Captured::default());
    captured.read(0, ours.try_clone()?);
    let of_the_subject = [theirs.try_clone()?.into(), theirs.try_clone()?.into(), theirs.into()];
    Ok(Streams { of_the_subject, captured, input: None, terminal: Some(ours) })
}

/// The streams of this process.
fn inherited() -> io::Result<Streams> {
    let of_the_subject = [
        io::stdin().as_fd().try_clone_to_owned()?,
        io::stdout().as_fd().try_clone_to_owned()?,
        io::stderr().as_fd().try_clone_to_owned()?,
    ];
    Ok(Streams { of_the_subject, captured: Arc::default(), input: None, terminal: None })
}
