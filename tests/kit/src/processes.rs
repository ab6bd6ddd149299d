//! The processes that `/proc` shows.

use std::fs;
use std::path::PathBuf;

/// One process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its number in the PID namespace of this `/proc`.
    pub(crate) pid: u32,
    /// Its directory.
    folder: PathBuf,
}

/// All that can be seen, by number.
pub(crate) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let entries = entries.filter_map(Result::ok);
    let number = |name: std::ffi::OsString| name.to_str().and_then(|name| name.parse().ok());
    let mut all: Vec<Process> = entries
        .filter_map(|entry| Some(Process { pid: number(entry.file_name())?, folder: entry.path() }))
        .collect();
    all.sort_by_key(|process| process.pid);
    all
}

/// A name for each process but this one.
pub(crate) fn others() -> Vec<String> {
    all().into_iter().filter(|process| process.pid != std::process::id()).map(|p| p.name()).collect()
}

impl Process {
    /// What a person would call it: ``process 7 `sleep 100` ``.
    pub(crate) fn name(&self) -> String {
        let command = fs::read(self.folder.join("cmdline")).unwrap_or_default();
        let words: Vec<_> = command.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let mut command = words.join(" ").trim().to_string();
        if command.is_empty() {
            // A zombie, or a thread of the kernel: no arguments any more.
            let name = fs::read_to_string(self.folder.join("comm")).unwrap_or_default();
            command = format!("({})", name.trim());
        }
        match self.state() {
            Some('Z') => format!("process {} `{command}`, a zombie", self.pid),
            _ => format!("process {} `{command}`", self.pid),
        }
    }

    /// `R`, `S`, `D`, `Z`, `T`; see proc(5).
    fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(self.folder.join("stat")).ok()?;
        // The name in parentheses may hold spaces and parentheses itself.
        stat.rsplit_once(')')?.1.trim().chars().next()
    }

    /// The value of a variable in its environment, as it was when the program started.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let environment = fs::read(self.folder.join("environ")).ok()?;
        let start = format!("{name}=");
        let mut entries = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        entries.find_map(|entry| entry.strip_prefix(&start).map(String::from))
    }
}
