//! Cleaning up after engines that died.
//!
//! Every command begins here. An engine that was killed (a closed terminal, the OOM killer, a power cut) could not undo
//! what it had begun, so the next one does. What tells its leftovers from the work of a living engine is a lock: the
//! kernel drops a dead process's flock(2) locks, and nobody can forge that.
//!
//! Usually there is nothing to do, and finding that out must cost nothing: two directories are read, and one call is
//! made for each container. Only when something looks abandoned is the global lock taken, and looked again.
//!
//! ```text
//!   what a dead engine left                what becomes of it
//!   a container without `state.json`       removed: it was half made or half removed
//!   … whose program never started          removed: nothing of the user's is in it
//!   … with --rm                            removed, as promised
//!   … that was running                     its processes are killed; `exited` with 137, and a note says why
//!   an image half imported                 removed
//! ```
//!
//! Man pages: flock(2), pidfd_open(2).
//!
//! What we leave out: supervisors that outlive a command, restart policies (chapter 12).

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{ContainerDir, Store, file, is, remove, try_lock};
use crate::container::{Container, ContainerId, Process, Status, remove_group};
use crate::time::Timestamp;

impl Store {
    /// Cleans up. An error of kind `NotFound` means that there is no data root yet.
    pub(super) fn reconcile(&self) -> Result<()> {
        for container in fs::read_dir(self.containers()).map_err(|error| self.unless_missing(error))? {
            let container = container?;
            // Whatever else somebody keeps there is not ours to judge.
            if ContainerId::is_one(&container.file_name()) && looks_abandoned(&container.path()) {
                self.settle(&container.path())?;
            }
        }
        for image in fs::read_dir(self.images()).map_err(|error| self.unless_missing(error))? {
            let image = image?;
            if image.file_name().as_encoded_bytes().starts_with(b".importing-") {
                self.settle_import(&image.path())?;
            }
        }
        Ok(())
    }

    /// A missing data root stays what it is; any other trouble becomes the sentence that says what to do.
    fn unless_missing(&self, error: io::Error) -> anyhow::Error {
        if error.kind() == io::ErrorKind::NotFound { error.into() } else { self.unusable(error) }
    }

    /// Looks again, with the global lock, and does what is to be done with one container.
    fn settle(&self, path: &Path) -> Result<()> {
        let global = self.lock()?;
        let lock = match File::options().write(true).open(path.join("lock")) {
            Ok(lock) if try_lock(&lock)? => lock,
            Ok(_) => return Ok(()), // its engine had only just made the directory when we looked
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok(()), // not for us to open
            Err(_) if path.join("state.json").exists() => return Ok(()), // it has ended meanwhile
            Err(_) => {
                drop(global);
                return Ok(remove::tree(path)?);
            }
        };
        let dir = ContainerDir::adopt(path.to_owned(), lock);
        let mut container = match file::read::<Container>(&path.join("state.json")) {
            Ok(container) => container,
            Err(error) if is(&error, io::ErrorKind::NotFound) => {
                drop(global);
                return dir.remove();
            }
            Err(_) => return Ok(()), // `ps` and `rm` say what is wrong with it
        };
        drop(global);
        if let Some(init) = container.state.init {
            kill_and_wait(init);
        }
        remove_group(&container);
        match container.state.status {
            Status::Created => dir.remove(),
            _ if container.rm => dir.remove(),
            Status::Running => {
                container.state.status = Status::Exited;
                container.state.exit_code = 137;
                container.state.finished = Some(Timestamp::now());
                container.state.note = Some("the engine that looked after it was killed".to_owned());
                container.state.init = None;
                container.state.engine = None;
                dir.keep(&container)
            }
            Status::Exited => dir.keep(&container),
        }
    }

    /// Removes an image that nobody is making any more.
    fn settle_import(&self, path: &Path) -> Result<()> {
        let Ok(folder) = File::open(path) else { return Ok(()) };
        if !try_lock(&folder)? {
            return Ok(());
        }
        // Its maker locks it while it holds the global lock: now it cannot be between the two.
        drop(folder);
        let _global = self.lock()?;
        let Ok(folder) = File::open(path) else { return Ok(()) };
        if try_lock(&folder)? { Ok(remove::tree(path)?) } else { Ok(()) }
    }
}

/// A first look, without the global lock: can this directory be a dead engine's?
fn looks_abandoned(path: &Path) -> bool {
    match File::options().write(true).open(path.join("lock")) {
        Ok(lock) => try_lock(&lock).unwrap_or(false) || (engine_is_dead(path) && becomes_free(&lock)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => !path.join("state.json").exists(),
        Err(_) => false,
    }
}

/// Did the engine die that the state names?
fn engine_is_dead(path: &Path) -> bool {
    let container = file::read::<Container>(&path.join("state.json"));
    container.is_ok_and(|container| container.state.engine.is_some_and(|engine| !engine.is_at_work()))
}

/// The engine is dead, and its lock is held: by init, which was cloned with a copy of the descriptor, and which dies
/// with its parent, but a moment later. Waits for that moment.
fn becomes_free(lock: &File) -> bool {
    let patience = Instant::now() + Duration::from_secs(2);
    while Instant::now() < patience {
        match try_lock(lock) {
            Ok(false) => thread::sleep(Duration::from_millis(1)),
            free => return free.is_ok(),
        }
    }
    false
}

/// Kills a container's PID 1, and with it all of the container, and waits until they are gone: until then they could
/// still write what we are about to remove.
///
/// A pid can be given to another process at any time. A pidfd cannot: it is opened first, then the start time is
/// compared, and what follows goes to the process that was compared.
pub(crate) fn kill_and_wait(process: Process) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if !process.is_alive() {
        return;
    }
    if pidfd_send_signal(&pidfd, Signal::KILL).is_ok() {
        let ten_seconds = Timespec { tv_sec: 10, tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&ten_seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::new_id;
    use std::path::PathBuf;

    /// A data root of its own for a test.
    fn store(name: &str) -> (Store, PathBuf) {
        let root = std::env::temp_dir().join(format!("coracle-store-{}-{name}", std::process::id()));
        let store = Store { root: root.clone() };
        store.make().unwrap();
        (store, root)
    }

    /// A container as an engine leaves it that dies at this moment: its lock is free, and still has its name.
    fn left_behind(store: &Store, status: Status, rm: bool) -> ContainerId {
        let mut container = Container { id: new_id().unwrap(), rm, ..Container::default() };
        let dir = store.create(&mut container).unwrap();
        container.state.status = status;
        dir.save(&container).unwrap();
        fs::create_dir(&container.rootfs).unwrap();
        fs::write(container.rootfs.join("file"), "").unwrap();
        dir.die();
        container.id
    }

    #[test]
    fn what_dead_engines_leave_is_settled() {
        let (store, root) = store("dead");
        for (status, rm, left) in [
            (Status::Created, false, None),
            (Status::Created, true, None),
            (Status::Running, true, None),
            (Status::Exited, true, None),
            (Status::Running, false, Some(137)),
            (Status::Exited, false, Some(0)),
        ] {
            let id = left_behind(&store, status, rm);
            store.reconcile().unwrap();
            let found = store.find(&id.0).ok().map(|known| known.container.unwrap());
            assert_eq!(
                found.map(|left| (left.state.status, left.state.exit_code)),
                left.map(|code| (Status::Exited, code))
            );
            let folder = store.containers().join(&id.0);
            assert_eq!(folder.exists(), left.is_some(), "{status:?} {rm}");
            assert!(!folder.join("lock").exists());
        }
        remove::tree(&root).unwrap();
    }

    #[test]
    fn half_made_containers_go_and_strangers_stay() {
        let (store, root) = store("half");
        let half = store.containers().join("ab".repeat(32));
        fs::create_dir_all(half.join("rootfs/bin")).unwrap();
        fs::create_dir_all(store.containers().join("storage/overlay")).unwrap();
        fs::create_dir_all(store.images().join(".importing-1/rootfs")).unwrap();
        store.reconcile().unwrap();
        assert!(!half.exists() && !store.images().join(".importing-1").exists());
        assert!(store.containers().join("storage/overlay").exists());
        remove::tree(&root).unwrap();
    }

    #[test]
    fn what_a_living_engine_holds_is_left_alone() {
        let (store, root) = store("living");
        let mut container = Container { id: new_id().unwrap(), rm: true, ..Container::default() };
        let dir = store.create(&mut container).unwrap();
        store.reconcile().unwrap();
        assert!(store.find(&container.name).is_ok());
        let other =
            &mut Container { id: new_id().unwrap(), name: container.name.clone(), ..Container::default() };
        let error = store.create(other).err().unwrap().to_string();
        assert!(error.contains("already in use"), "{error}");
        drop(dir);
        assert!(store.find(&container.name).is_err() && store.create(other).is_ok());
        remove::tree(&root).unwrap();
    }

    #[test]
    fn damaged_states_are_named_and_survived() {
        let (store, root) = store("damaged");
        let id = left_behind(&store, Status::Exited, false);
        fs::write(store.state_file(&id), "{\"version\": 1, \"na").unwrap();
        store.reconcile().unwrap();
        let error = store.find(id.short()).unwrap().container.unwrap_err().to_string();
        assert!(error.contains("is damaged"), "{error}");
        store.remove_container(&id).unwrap();
        assert!(store.find(id.short()).is_err());
        remove::tree(&root).unwrap();
    }
}
