//! Terminals: the container's pseudo-terminal, and our own while keys pass through it.
//!
//! The kernel offers pseudo-terminals: pairs of ends. Programs use the inner end as they would a real terminal;
//! people's keys come in, and the screen goes out, at the outer end. Between them sits the line discipline, which
//! turns Ctrl-C into a SIGINT for the programs inside. So our own terminal must stop doing that: raw mode.
//!
//! Man pages: `pty(7)`, `termios(3)`, `ioctl_tty(2)`, `credentials(7)` at "Sessions and process groups".

use anyhow::{Context, Result};
use coracle_ground::sys::{self, MsFlags};
use coracle_users::Identity;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Gid, Uid};
use std::io::{IsTerminal, stdin};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Opens a pseudo-terminal in the container's own `/dev/pts`, and makes it this session's terminal and `/dev/console`.
/// Both ends come back, the host's first.
pub(super) fn open(user: &Identity) -> coracle_ground::Result<(OwnedFd, OwnedFd)> {
    let (host_end, path) = sys::open_pty()?;
    let inner_end = sys::open_terminal(&path)?;
    sys::control_terminal(&inner_end)?;
    if (user.uid, user.gid) != (0, 0) {
        sys::chown(&path, Uid::from_raw(user.uid), Gid::from_raw(user.gid))?;
    }
    let console = Path::new("/dev/console");
    sys::touch(console)?;
    sys::bind(&path, console, MsFlags::empty())?;
    Ok((host_end, inner_end))
}

/// Our terminal in raw mode; dropping it gives the terminal back as it was.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// Switches standard input to raw mode. `None` when it is not a terminal.
    pub(super) fn enter() -> Result<Option<Raw>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin()).context("cannot read the settings of your terminal")?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw).context("cannot switch your terminal to raw mode")?;
        Ok(Some(Raw { before }))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing to be done if the terminal is gone.
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &self.before);
    }
}
