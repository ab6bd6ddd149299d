//! `/proc`, held open.
//!
//! A subject may unmount `/proc`, or mount another one over it. The path then leads elsewhere: below the world's
//! own `/proc` lies the host's, and init would take the host's processes for its own. A directory that was opened
//! in time stays what it was.
//!
//! Man page: proc(5).

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

/// The processes of one PID namespace, and the mounts, links and hostname of the reader.
#[derive(Debug)]
pub(crate) struct Proc {
    root: OwnedFd,
}

impl Proc {
    /// What is mounted on `/proc` now.
    pub(crate) fn open() -> io::Result<Proc> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Proc { root: openat(CWD, "/proc", flags, Mode::empty())? })
    }

    /// One file, such as `self/mountinfo`.
    pub(crate) fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = openat(&self.root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut bytes = Vec::new();
        File::from(file).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The same as text without the last line end; empty when there is no such file (a process may end at any time).
    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.bytes(path).unwrap_or_default()).trim_end().to_string()
    }

    /// The numbers of all processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let Ok(entries) = Dir::read_from(&self.root) else { return Vec::new() };
        let name = |entry: rustix::fs::DirEntry| entry.file_name().to_str().ok()?.parse().ok();
        let mut pids: Vec<u32> = entries.filter_map(Result::ok).filter_map(name).collect();
        pids.sort();
        pids
    }

    /// What a person would call a process: ``process 7 `sleep 100` ``, with its state where that says why it is still there.
    pub(crate) fn name(&self, pid: u32) -> String {
        let mut command = self.text(&format!("{pid}/cmdline")).replace('\0', " ").trim().to_string();
        if command.is_empty() {
            // A zombie, or a thread of the kernel: no arguments any more.
            command = format!("({})", self.text(&format!("{pid}/comm")));
        }
        match self.state(pid) {
            Some('Z') => format!("process {pid} `{command}`, a zombie"),
            Some('D') => format!("process {pid} `{command}` (state D: frozen, or waiting for a disk)"),
            _ => format!("process {pid} `{command}`"),
        }
    }

    /// The same with every state: for [`Proc::others`] of a world whose time is over.
    pub(crate) fn name_and_state(&self, pid: u32) -> String {
        let word = match self.state(pid) {
            Some('R') => " (state R: it runs)",
            Some('S') => " (state S: it waits)",
            Some('T') => " (state T: stopped)",
            _ => "",
        };
        self.name(pid) + word
    }

    /// A name for each process but this one; when they are many, for the first of them and the count of the others.
    pub(crate) fn others(&self, name: fn(&Proc, u32) -> String) -> Vec<String> {
        const MANY: usize = 10;
        let mut others = self.pids();
        others.retain(|pid| *pid != std::process::id());
        let mut names: Vec<String> = others.iter().take(MANY).map(|pid| name(self, *pid)).collect();
        if others.len() > MANY {
            names.push(format!("and {} more processes", others.len() - MANY));
        }
        names
    }

    /// A variable in the environment of a process, as it was when its program started.
    pub(crate) fn variable(&self, pid: u32, name: &str) -> Option<String> {
        let environment = self.text(&format!("{pid}/environ"));
        let mut entries = environment.split('\0');
        entries.find_map(|entry| Some(entry.strip_prefix(name)?.strip_prefix('=')?.to_string()))
    }

    /// `R`, `S`, `D`, `Z`, `T`.
    fn state(&self, pid: u32) -> Option<char> {
        let stat = self.text(&format!("{pid}/stat"));
        // The name in parentheses may hold spaces and parentheses itself.
        stat.rsplit_once(')')?.1.trim().chars().next()
    }
}
