//! What engines left in the data root.
//!
//! An engine holds a lock (flock(2)) on each container that it looks after, and the kernel drops it when the engine dies. The next
//! `coracle` command cleans up too; this does the same where there is no engine that runs, and says what it does.
//!
//! ```text
//!   state.json   lock    what it is                      what happens
//!   any          held    an engine looks after it        kept
//!   yes          none    a container that has ended      kept: it is the user's
//!   yes          free    its engine died                 its processes end; removed if it never ran or was --rm
//!   no           free    half made or half removed       removed
//! ```

use super::processes::Process;
use super::remedy::{Leftover, Remedy};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The part of `state.json` that matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    rm: bool,
    state: Inner,
}

/// The part that changes in a container's life.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inner {
    status: String,
    init: Option<Process>,
    engine: Option<Process>,
}

/// What was found below `containers/` and `images/`.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Things to remove, in order: processes before directories.
    pub(crate) leftovers: Vec<Leftover>,
    /// Ids of containers that an engine looks after.
    pub(crate) in_use: Vec<String>,
    /// Directories that could not be looked at.
    pub(crate) failures: Vec<(String, String)>,
    /// The data root's own lock: no engine begins anything while this is held.
    _lock: Option<Flock<File>>,
}

impl Found {
    /// Does the container with this id, or this beginning of an id, live?
    pub(crate) fn lives(&self, id: &str) -> bool {
        self.in_use.iter().any(|living| living.starts_with(id))
    }
}

/// Looks through the data root; there may be none.
pub(crate) fn look(root: &Path) -> Found {
    let mut found = Found::default();
    if let Ok(file) = File::options().write(true).open(root.join("lock")) {
        // Engines hold it for moments only, so waiting is fine.
        found._lock = Flock::lock(file, FlockArg::LockExclusive).ok();
    }
    for path in entries(&root.join("containers"), &mut found.failures) {
        container(&path, &mut found);
    }
    for path in entries(&root.join("images"), &mut found.failures) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(".importing-") && matches!(lock(&path, false), Lock::Free) {
            found.leftovers.push(Leftover {
                what: format!("directory {}", path.display()),
                why: "an import was broken off".into(),
                remedy: Remedy::RemoveTree(path),
            });
        }
    }
    found
}

/// The entries of a directory; that it does not exist is no failure.
fn entries(folder: &Path, failures: &mut Vec<(String, String)>) -> Vec<PathBuf> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            failures.push((format!("look into {}", folder.display()), error.to_string()));
            Vec::new()
        }
    }
}

/// What a lock file tells.
enum Lock {
    None,
    Held,
    Free,
    Unreadable,
}

/// Tries to take the lock and gives it back at once.
fn lock(path: &Path, write: bool) -> Lock {
    match File::options().read(!write).write(write).open(path) {
        Ok(file) => match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_) => Lock::Free,
            Err((_, Errno::EWOULDBLOCK)) => Lock::Held,
            Err(_) => Lock::Unreadable,
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Lock::None,
        Err(_) => Lock::Unreadable,
    }
}

/// A child that the engine had just made holds the lock too, and dies a moment after it. So a lock without a living engine gets
/// half a second.
fn patient_lock(path: &Path, engine_lives: bool) -> Lock {
    for _ in 0..10 {
        match lock(path, true) {
            Lock::Held if !engine_lives => thread::sleep(Duration::from_millis(50)),
            other => return other,
        }
    }
    Lock::Held
}

/// Decides about one directory of `containers/`.
fn container(path: &Path, found: &mut Found) {
    let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !is_id(&id) {
        return; // not the engine's
    }
    let short = &id[..12];
    let text = fs::read_to_string(path.join("state.json"));
    let exists = !matches!(&text, Err(error) if error.kind() == ErrorKind::NotFound);
    let state = text.ok().and_then(|text| serde_json::from_str::<State>(&text).ok());
    let engine_lives = state.as_ref().and_then(|state| state.state.engine).is_some_and(Process::is_alive);
    let remove = |why: String| Leftover {
        what: format!("container {short}"),
        why,
        remedy: Remedy::RemoveTree(path.to_owned()),
    };
    match (patient_lock(&path.join("lock"), engine_lives), exists) {
        (Lock::Held, _) => found.in_use.push(id),
        (Lock::None, true) => {}
        (Lock::None | Lock::Free, false) => {
            found.leftovers.push(remove("it was half made or half removed".into()))
        }
        (Lock::Unreadable, _) => {
            found.failures.push((format!("look at container {short}"), "its lock cannot be read".into()))
        }
        (Lock::Free, true) => {
            // A file that cannot be understood says nothing about who may be killed, so it is left to `coracle rm`.
            let Some(state) = state else { return };
            if let Some(init) = state.state.init.filter(|init| init.is_alive()) {
                found.leftovers.push(Leftover {
                    what: format!("process {} (PID 1 of container {short})", init.pid),
                    why: "the engine that looked after it is gone".into(),
                    remedy: Remedy::Kill(init),
                });
            }
            if state.rm || state.state.status == "created" {
                found.leftovers.push(remove("its engine is gone, and it was not to be kept".into()));
            }
        }
    }
}

/// 64 lower-case hex digits.
fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data root with one container, whose files are given.
    fn root_with(id: &str, state: Option<&str>, lock: bool) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("containers").join(id);
        fs::create_dir_all(folder.join("rootfs")).unwrap();
        if let Some(state) = state {
            fs::write(folder.join("state.json"), state).unwrap();
        }
        if lock {
            fs::write(folder.join("lock"), "").unwrap();
        }
        root
    }

    /// What is found, in words.
    fn told(root: &tempfile::TempDir) -> Vec<String> {
        look(root.path()).leftovers.into_iter().map(|leftover| leftover.what).collect()
    }

    const ID: &str = "3f0c0000000000000000000000000000000000000000000000000000000000aa";

    #[test]
    fn each_line_of_the_table() {
        let running = r#"{"state":{"status":"running"}}"#;
        let gone = r#"{"rm":true,"state":{"status":"running","init":{"pid":4000003,"start":1}}}"#;
        for (state, lock, expected) in [
            (Some(running), false, vec![]),
            (Some(running), true, vec![]),
            (Some(gone), true, vec!["container 3f0c00000000"]),
            (Some(r#"{"state":{"status":"created"}}"#), true, vec!["container 3f0c00000000"]),
            (Some("{ half a fi"), true, vec![]),
            (None, true, vec!["container 3f0c00000000"]),
            (None, false, vec!["container 3f0c00000000"]),
        ] {
            assert_eq!(told(&root_with(ID, state, lock)), expected, "{state:?} {lock}");
        }
    }

    #[test]
    fn a_held_lock_keeps_everything() {
        let root = root_with(ID, None, true);
        let file = File::open(root.path().join("containers").join(ID).join("lock")).unwrap();
        let _held = Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap();
        let found = look(root.path());
        assert_eq!(found.leftovers, []);
        assert!(found.lives("3f0c0000") && !found.lives("aaaa"));
    }

    #[test]
    fn a_stranger_in_the_data_root_is_left_alone() {
        let root = root_with("my-notes", None, false);
        assert!(told(&root).is_empty());
    }

    #[test]
    fn a_broken_import_goes_and_no_data_root_is_no_failure() {
        let root = tempfile::tempdir().unwrap();
        assert!(look(root.path()).failures.is_empty());
        fs::create_dir_all(root.path().join("images/.importing-7")).unwrap();
        fs::create_dir_all(root.path().join("images/tiny/latest")).unwrap();
        assert_eq!(told(&root).len(), 1);
    }
}
