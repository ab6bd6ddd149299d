//! Containers on disk: made, found, written down, removed.
//!
//! A container exists when its directory holds a `state.json`. While an engine looks after it there is a `lock` beside
//! it, held with flock(2); the kernel lets go of it when that engine dies. So anybody can tell the four cases apart:
//!
//! ```text
//!   state.json   lock            what it is
//!   yes          none            a container that has ended, or whose engine said goodbye
//!   yes          held            a container that an engine looks after
//!   yes          free            its engine died: see `reconcile`
//!   no           free or none    rubbish: half made, or half removed
//! ```
//!
//! Removing goes from the first line to the last: `state.json` goes first.
//!
//! What we leave out: more than one engine for one container (`exec`, `attach`: chapter 12).

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{Store, file, is, lock_file, names, remove};
use crate::container::{Container, ContainerId, Process, Status};
use crate::fault;
use crate::time::Timestamp;

/// The directory of a container that this engine looks after. When this is dropped before [`Self::keep`] or
/// [`Self::remove`], the container is removed: whatever went wrong, nothing half made stays.
pub(crate) struct ContainerDir {
    path: PathBuf,
    /// Write so that a power cut cannot undo it. A container that goes with its end needs no such promise.
    durable: bool,
    kept: bool,
    /// The lock goes with the descriptor.
    _lock: File,
}

/// A container as the store knows it: its state may be unreadable.
pub(crate) struct Known {
    /// The name of its directory.
    pub(crate) id: ContainerId,
    /// What its `state.json` says.
    pub(crate) container: Result<Container>,
}

/// No container has this name or id.
#[derive(Debug)]
pub(crate) struct NoSuchContainer(String);

impl fmt::Display for NoSuchContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no such container: {}", self.0)
    }
}

impl std::error::Error for NoSuchContainer {}

impl Store {
    /// Gives `container` a place, and a name if it has none. Its id must be new. It is locked from its first instant.
    pub(crate) fn create(&self, container: &mut Container) -> Result<ContainerDir> {
        let _lock = self.lock()?;
        self.name(container)?;
        let path = self.containers().join(&container.id.0);
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| self.unusable(error))?;
        fault::point("container-folder-made");
        let lock = lock_file(&path.join("lock")).map_err(|error| self.unusable(error))?;
        let dir = ContainerDir { path, durable: !container.rm, kept: false, _lock: lock };
        fault::point("container-locked");
        container.rootfs = dir.path.join("rootfs");
        container.created = Timestamp::now();
        container.state.engine = Process::of(std::process::id() as i32);
        dir.save(container)?;
        fault::point("container-created");
        Ok(dir)
    }

    /// All containers, the youngest first, and those that cannot be read at the end.
    pub(crate) fn all(&self) -> Result<Vec<Known>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.containers())? {
            let name = entry?.file_name();
            if !ContainerId::is_one(&name) {
                continue;
            }
            let id = ContainerId(name.to_string_lossy().into_owned());
            match file::read::<Container>(&self.state_file(&id)) {
                Err(error) if is(&error, io::ErrorKind::NotFound) => {} // being made, or being removed
                container => all.push(Known { id, container }),
            }
        }
        all.sort_by_key(|known| std::cmp::Reverse(known.container.as_ref().map(|c| c.created).ok()));
        Ok(all)
    }

    /// The container of this name, id, or beginning of an id that no other has.
    pub(crate) fn find(&self, text: &str) -> Result<Known> {
        let all = self.all()?;
        let by_name = |known: &Known| known.container.as_ref().is_ok_and(|container| container.name == text);
        let starts = |known: &&Known| !text.is_empty() && known.id.0.starts_with(text);
        if all.iter().any(by_name) || all.iter().filter(starts).count() == 1 {
            let one = all.iter().position(by_name).or(all.iter().position(|known| starts(&known)));
            return all.into_iter().nth(one.unwrap_or_default()).context("it was there");
        }
        match all.iter().filter(starts).count() {
            0 => Err(NoSuchContainer(text.to_owned()).into()),
            several => {
                bail!("{several} containers have an id that begins with {text}; give more digits of it")
            }
        }
    }

    /// Removes a container that no engine looks after.
    pub(crate) fn remove_container(&self, id: &ContainerId) -> Result<()> {
        let lock = self.lock()?;
        let path = self.containers().join(&id.0);
        let held = lock_file(&path.join("lock")).with_context(|| format!("lock `{}`", path.display()))?;
        let dir = ContainerDir { path, durable: false, kept: true, _lock: held };
        dir.forget()?;
        drop(lock); // the rest takes long, and is nobody else's any more
        dir.remove()
    }

    /// Where a container's state is written.
    pub(super) fn state_file(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(&id.0).join("state.json")
    }

    /// Checks the container's name, or finds one that is free. The caller holds the global lock.
    fn name(&self, container: &mut Container) -> Result<()> {
        let all = self.all()?;
        let holder = |name: &str| {
            let named = |known: &&Known| known.container.as_ref().is_ok_and(|other| other.name == name);
            all.iter().find(named).map(|known| known.id.short().to_owned())
        };
        if container.name.is_empty() {
            for _ in 0..100 {
                container.name = names::name()?;
                if holder(&container.name).is_none() {
                    return Ok(());
                }
            }
            // Some 4,000 names, most of them taken: then one that nobody can have.
            container.name = format!("{}_{}", container.name, container.id.short());
        }
        match holder(&container.name) {
            None => Ok(()),
            Some(id) => Err(anyhow!(
                "the container name `{}` is already in use by container {id}; remove that one (`coracle rm {id}`) or choose another name",
                container.name
            )),
        }
    }
}

impl ContainerDir {
    /// Writes `state.json` anew, in one step: a reader sees the old state or the new one, never half of one.
    pub(crate) fn save(&self, container: &Container) -> Result<()> {
        file::write(&self.path, "state.json", container, self.durable)
    }

    /// Its engine is done with it, and it stays.
    pub(crate) fn keep(mut self, container: &Container) -> Result<()> {
        ensure!(container.state.status != Status::Running, "a running container cannot be left alone");
        // Also when its end cannot be written down: what its program wrote must not go for that.
        self.kept = true;
        self.save(container)?;
        fault::point("exit-saved");
        self.unlock()
    }

    /// Removes it with all its files.
    pub(crate) fn remove(mut self) -> Result<()> {
        self.kept = true;
        self.erase()
    }

    /// From here on it does not exist, whatever happens to its files.
    fn forget(&self) -> Result<()> {
        gone_or(fs::remove_file(self.path.join("state.json")))
            .with_context(|| format!("remove `{}`", self.path.join("state.json").display()))
    }

    fn erase(&self) -> Result<()> {
        fault::point("container-removing");
        self.forget()?;
        remove::tree(&self.path.join("rootfs"))?;
        fault::point("rootfs-removed");
        self.unlock()?;
        fault::point("container-unlocked");
        Ok(remove::tree(&self.path)?)
    }

    /// Takes the name of the lock away. The lock itself lasts until `self` is dropped.
    fn unlock(&self) -> Result<()> {
        gone_or(fs::remove_file(self.path.join("lock"))).context("remove the container's lock")
    }

    /// Drops the lock and nothing else, as the kernel does for an engine that was killed.
    #[cfg(test)]
    pub(super) fn die(mut self) {
        self.kept = true;
    }

    /// Looks after a container whose engine died: `lock` is its lock, which we hold now.
    pub(super) fn adopt(path: PathBuf, lock: File) -> Self {
        Self { path, durable: true, kept: true, _lock: lock }
    }
}

impl Drop for ContainerDir {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is unlocked in a moment, and the next command's to try.
            let _ = self.erase();
        }
    }
}

/// That somebody else removed it first is as good.
fn gone_or(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
