//! What the engine keeps on disk: the data root.
//!
//! There is no daemon that remembers things. All that the engine knows is in files that can be read with `cat`, and
//! each `coracle` command is a process of its own that may die at any instant. Three rules make that safe:
//!
//! - A file is written under another name, then renamed: readers see the old one or the new one, never half of one.
//! - What a living engine works on is locked with flock(2); the kernel drops the lock when the process dies, however
//!   it dies. So "unlocked but unfinished" means "left behind", and the next command cleans it up (see [`reconcile`]).
//! - Nothing is found through memory: a directory with a `state.json` is a container, one with an `image.json` an image.
//!
//! ```text
//! /var/lib/coracle/                      or $XDG_DATA_HOME/coracle, or $CORACLE_ROOT
//! ├── lock                               held while a name is taken or something is moved into place
//! ├── images/<repository>/<tag>/         a "/" in the repository is written "+"
//! │   ├── image.json
//! │   └── rootfs/
//! └── containers/<64 digits>/
//!     ├── lock                           there, and held, while an engine looks after the container
//!     ├── state.json
//!     ├── rootfs/                        a copy of the image's; with `--rm` an overlay is mounted here,
//!     └── upper/, work/                  and these two are its own
//! ```
//!
//! Man pages: flock(2), rename(2), fsync(2).
//!
//! What we leave out: layers and content addresses (chapters 7 and 9), volumes (8), networks (10).

mod attributes;
mod containers;
mod copy;
mod file;
mod folder;
mod image;
mod import;
mod inside;
mod names;
mod reconcile;
mod reference;
mod remove;
mod unpack;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::unistd::{Uid, geteuid};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

pub(crate) use containers::{ContainerDir, NoSuchContainer};
pub(crate) use image::{Config, DEFAULT_PATH, Image, ImageRoot};
pub(crate) use import::Source;
pub(crate) use names::id as new_id;
pub(crate) use reconcile::kill_and_wait;
pub(crate) use reference::Reference;

/// The data root of this user, with nothing left in it that belongs to a dead engine.
pub(crate) struct Store {
    root: PathBuf,
}

impl Store {
    /// Finds the data root, makes it if this is the first time, and cleans up after engines that died.
    pub(crate) fn open() -> Result<Self> {
        let store = Self { root: data_root()? };
        match store.reconcile() {
            Err(error) if is(&error, io::ErrorKind::NotFound) => store.make()?,
            other => other?,
        }
        Ok(store)
    }

    /// Where the directories of containers are.
    fn containers(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// Where the directories of images are.
    fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Makes the data root's own directories. Only their owner may look in: an image can hold set-user-ID programs
    /// with old holes, and no other user of this machine should be able to start them.
    fn make(&self) -> Result<()> {
        for path in [self.images(), self.containers()] {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|error| self.unusable(error))?;
        }
        Ok(())
    }

    /// Waits for the global lock and takes it; dropping the file gives it back.
    fn lock(&self) -> Result<File> {
        let path = self.root.join("lock");
        let file = lock_file(&path).map_err(|error| self.unusable(error))?;
        Ok(file)
    }

    /// One sentence for a data root that cannot be used, with the way out.
    fn unusable(&self, error: io::Error) -> anyhow::Error {
        let root = self.root.display();
        let why = Errno::from_io_error(&error).map_or(error.into(), because);
        anyhow!(
            "cannot use `{root}` as the data root: {why}; set CORACLE_ROOT to a directory that you can write to"
        )
    }
}

/// Opens (or makes) the file at `path` and waits until nobody else holds its lock.
fn lock_file(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Takes the lock of an open file or directory if nobody else holds it.
fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The kernel's answer, for the end of a sentence, with its usual cause.
fn because(errno: Errno) -> anyhow::Error {
    let errno = nix_errno(errno);
    match coracle_ground::Error::new("", errno).likely_cause() {
        Some(cause) => anyhow!("{errno:?} (likely: {cause})"),
        None => anyhow!("{errno:?} ({})", errno.desc()),
    }
}

/// The same number in the chapters' type.
fn nix_errno(errno: Errno) -> nix::errno::Errno {
    nix::errno::Errno::from_raw(errno.raw_os_error())
}

/// Is this error, at its root, of that kind?
fn is(error: &anyhow::Error, kind: io::ErrorKind) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == kind)
}

/// `$CORACLE_ROOT`; else `/var/lib/coracle` for root; else `$XDG_DATA_HOME/coracle` or `~/.local/share/coracle`.
fn data_root() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = if let Some(root) = variable("CORACLE_ROOT") {
        std::path::absolute(&root).context("the current directory, to which CORACLE_ROOT is relative")?
    } else if geteuid() == Uid::from_raw(0) {
        PathBuf::from("/var/lib/coracle")
    } else if let Some(data) = variable("XDG_DATA_HOME").filter(|data| data.is_absolute()) {
        data.join("coracle")
    } else if let Some(home) = variable("HOME") {
        home.join(".local/share/coracle")
    } else {
        bail!("there is no place for the data root: set CORACLE_ROOT to a directory, or HOME");
    };
    ensure!(
        root.to_str().is_some(),
        "the data root `{}` is not UTF-8; set CORACLE_ROOT to another",
        root.display()
    );
    Ok(root)
}
