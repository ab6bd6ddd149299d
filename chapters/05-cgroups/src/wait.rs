//! Waiting for the kernel to have done what was asked: freezing, ending, letting go of a group.
//!
//! v2 tells: `cgroup.events` changes, and `poll` wakes whoever has it open. v1 tells nobody, so there we look again and
//! again, with short naps. Either way there is an end to patience.

use crate::{Folder, Version};
use coracle_ground::{Errno, Error, Result, sys};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the kernel may take. What it does here usually takes a millisecond; a process that waits for a disk that
/// does not answer can take for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two looks, where nothing tells of a change.
const NAP: Duration = Duration::from_millis(1);

/// Asks `done` again and again until it says yes: after each event of the group, where there are events. Fails with
/// ETIMEDOUT after ten seconds; `doing` is then the sentence of the error.
pub fn wait_until(folder: &Folder, doing: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    let events = match folder.version {
        Version::V2 => File::open(folder.path.join("cgroup.events")).ok(),
        Version::V1 => None,
    };
    loop {
        if let Some(events) = &events {
            // Reading is what arms the next wake-up: the kernel tells of changes since the last read of this file.
            let _ = events.read_at(&mut [0; 128], 0);
        }
        if done()? {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(Error::new(doing, Errno::ETIMEDOUT));
        }
        match &events {
            // Not everything has an event of its own: so never sleep long.
            Some(events) => drop(sys::wait_for_change(events, 20)?),
            None => sleep(NAP),
        }
    }
}

/// What `cgroup.events` of a v2 folder says of `key`: `populated` (is a process in it, or below?) or `frozen`.
pub fn events_say(folder: &Folder, key: &str) -> Result<bool> {
    let text = sys::read_cgroup_file(&folder.path.join("cgroup.events"))?;
    Ok(value_of(&text, key) == Some(1))
}

/// The number of `key` in a file that has lines such as `oom_kill 3`.
pub fn value_of(text: &str, key: &str) -> Option<u64> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|(name, _)| *name == key).and_then(|(_, value)| value.trim().parse().ok())
}
