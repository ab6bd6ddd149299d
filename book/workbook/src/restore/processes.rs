//! Processes that outlived the test world they were made in.
//!
//! The test kit gives each program that it starts the variable `CORACLE_WORLD`, and keeps a process on the host side of each world
//! (`--world shore …`, the world's id is in its arguments) that the kernel kills together with the test. So: the variable without
//! the shore means that something got out. The environment of a process can be read by its owner and by root, see proc_pid_environ(5).

use super::remedy::{Leftover, Remedy};
use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A process for certain: numbers are given again, a number with a start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Process {
    /// As this `/proc` numbers it.
    pub(crate) pid: i32,
    /// Clock ticks from boot to its start: field 22 of `/proc/<pid>/stat`.
    pub(crate) start: u64,
}

impl Process {
    /// The process that has this number now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold spaces and parentheses itself.
        let start = stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()?;
        Some(Self { pid, start })
    }

    /// It is still there.
    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// It is there and not a zombie, which is dead and only waits for its parent to ask.
    pub(crate) fn runs(self) -> bool {
        self.is_alive() && !is_zombie(self.pid)
    }

    /// Kills it, and waits a little until it is gone, so that its mounts and cgroups can go after it.
    pub(crate) fn kill(self) -> Result<()> {
        kill_all(&[self])
    }

    /// ``7 `sleep 100` (state D)``.
    fn name(self) -> String {
        let file = |name: &str| fs::read(format!("/proc/{}/{name}", self.pid)).unwrap_or_default();
        let stat = String::from_utf8_lossy(&file("stat")).into_owned();
        let state = stat.rsplit_once(") ").map_or("?", |(_, rest)| rest.get(..1).unwrap_or("?"));
        format!("{} `{}` (state {state})", self.pid, shorten(&words(&file("cmdline")).join(" ")))
    }
}

/// Those that were killed once, and stayed. Nobody waits for them a second time.
static GIVEN_UP: Mutex<Vec<Process>> = Mutex::new(Vec::new());

/// Kills all of them first, then waits two seconds in all until they are gone: not two for each. Names those that stay.
pub(crate) fn kill_all(processes: &[Process]) -> Result<()> {
    let mut refused = Vec::new();
    for process in processes.iter().filter(|process| process.is_alive()) {
        match kill(Pid::from_raw(process.pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => refused.push(format!("process {}: {error}", process.name())),
        }
    }
    ensure!(refused.is_empty(), "{}", refused.join(", "));
    let mut given_up = GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner);
    let mut left = processes.to_vec();
    for _ in 0..200 {
        left.retain(|process| process.runs());
        if left.iter().all(|process| given_up.contains(process)) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let names: Vec<String> = left.iter().map(|process| process.name()).collect();
    given_up.extend(left);
    ensure!(names.is_empty(), "killed, and still there: process {}", names.join(", process "));
    Ok(())
}

/// Its state in `/proc` is `Z`.
fn is_zombie(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// What the process table says about worlds.
#[derive(Debug, Default)]
pub(crate) struct Worlds {
    /// Ids of worlds that have a shore or a PID 1.
    living: BTreeSet<String>,
    /// Processes that carry a world's id.
    marked: Vec<(Process, String, String)>,
    /// An engine runs, whatever its data root.
    pub(crate) engine: bool,
}

impl Worlds {
    /// Reads `/proc` once.
    pub(crate) fn look() -> Self {
        let mut worlds = Self::default();
        // The world that we are in ourselves lives, though its shore cannot be seen from inside.
        worlds.living.extend(std::env::var("CORACLE_WORLD").ok());
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            worlds.add(pid, &entry.path());
        }
        worlds
    }

    /// One process.
    fn add(&mut self, pid: i32, folder: &Path) {
        let Some(process) = Process::of(pid).filter(|_| !is_zombie(pid)) else { return };
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        self.engine |= ["coracle", "coracle-init"].contains(&name.trim());
        let command = words(&fs::read(folder.join("cmdline")).unwrap_or_default());
        // Inside a world the shore cannot be seen, but PID 1 can.
        if let Some(id) = keeper_of(&command) {
            self.living.insert(id);
        } else if let Some(id) = world_of(&fs::read(folder.join("environ")).unwrap_or_default()) {
            self.marked.push((process, command.join(" "), id));
        }
    }

    /// A world lives while it has a shore, or while the process that is making it lives: ids are `<pid>-<count>`.
    pub(crate) fn lives(&self, id: &str) -> bool {
        let maker = id.split('-').next().and_then(|pid| pid.parse().ok());
        self.living.contains(id) || maker.is_some_and(|pid| Process::of(pid).is_some())
    }

    /// The processes whose world is gone.
    pub(crate) fn strays(&self) -> Vec<Leftover> {
        let own = std::process::id() as i32;
        let strays = self.marked.iter().filter(|(process, _, id)| process.pid != own && !self.lives(id));
        strays
            .map(|(process, command, id)| Leftover {
                what: format!("process {} ({})", process.pid, shorten(command)),
                why: format!("it carries the mark of test world {id}, which is gone"),
                remedy: Remedy::Kill(*process),
            })
            .collect()
    }
}

/// Words that end with a zero byte each.
fn words(bytes: &[u8]) -> Vec<String> {
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The world's id, when these are the arguments of its shore or of its PID 1: `… --world shore {"id":"77-1",…}`.
fn keeper_of(command: &[String]) -> Option<String> {
    let at = command.iter().position(|word| word == "--world")?;
    if !["shore", "init"].contains(&command.get(at + 1)?.as_str()) {
        return None;
    }
    let spec: serde_json::Value = serde_json::from_str(command.get(at + 2)?).ok()?;
    spec["id"].as_str().map(str::to_owned)
}

/// The value of `CORACLE_WORLD`, if it looks like an id.
fn world_of(environment: &[u8]) -> Option<String> {
    let words = words(environment);
    let id = words.iter().find_map(|word| word.strip_prefix("CORACLE_WORLD="))?;
    let (pid, count) = id.split_once('-')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(pid) && number(count)).then(|| id.to_owned())
}

/// A command line that fits into a line.
fn shorten(command: &str) -> String {
    let short: String = command.chars().take(40).collect();
    if short.len() < command.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_names_its_world() {
        let command = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            keeper_of(&command(r#"/t/world --world shore {"id":"77-1","argv":[]}"#)).as_deref(),
            Some("77-1")
        );
        assert_eq!(keeper_of(&command(r#"/t/world --world init {"id":"77-1"}"#)).as_deref(), Some("77-1"));
        assert_eq!(keeper_of(&command("/t/world --world launcher tty")), None);
        assert_eq!(keeper_of(&command("sleep 100")), None);
        assert_eq!(keeper_of(&command("world --world shore nonsense")), None);
    }

    #[test]
    fn the_mark_must_look_like_an_id() {
        assert_eq!(world_of(b"A=b\0CORACLE_WORLD=12-3\0").as_deref(), Some("12-3"));
        for other in [&b"CORACLE_WORLD=mine\0"[..], b"XCORACLE_WORLD=1-2\0", b"CORACLE_WORLD=-\0", b""] {
            assert_eq!(world_of(other), None);
        }
    }

    #[test]
    fn a_world_lives_with_its_shore_or_its_maker() {
        let worlds = Worlds { living: ["4000001-1".to_owned()].into(), ..Worlds::default() };
        assert!(worlds.lives("4000001-1"), "it has a shore");
        assert!(worlds.lives(&format!("{}-9", std::process::id())), "its maker is this process");
        assert!(!worlds.lives("4000002-1"), "no process has such a high number");
    }
}
