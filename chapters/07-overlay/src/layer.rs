//! A directory of a layer, read name by name, and nothing outside of the layer ever.
//!
//! The container may still run, and exchange a directory for a link to `/etc` while we look. So a place in a layer is kept
//! as an open top directory and a path below it, and each look goes through `openat2(2)`, which follows no link and crosses
//! no mount. No descriptor is kept for the places in between: with 500 lower layers there would be too many.

use crate::Notes;
use coracle_ground::{Errno, Error, Result, sys};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What one layer says about a name.
#[derive(Debug)]
pub enum Entry {
    /// Nothing: ask the layer below.
    Missing,
    /// It was there below, and has been removed.
    Whiteout,
    /// A file, a link, a device: anything but a directory.
    File,
    /// A directory. If it is not opaque, the directories of that name below belong to it too.
    Folder(Folder),
}

/// What all the layers below say about a name, together.
#[derive(Debug)]
pub enum Below {
    /// There is no such thing.
    Nothing,
    /// Anything but a directory.
    File,
    /// A directory, made of these, the topmost first.
    Folders(Vec<Folder>),
}

/// A directory of a layer.
#[derive(Debug, Clone)]
pub struct Folder {
    layer: Rc<Layer>,
    inside: PathBuf,
}

#[derive(Debug)]
struct Layer {
    top: OwnedFd,
    path: PathBuf,
    notes: Notes,
}

impl Folder {
    /// The top of the layer at `path`.
    pub fn top(path: &Path, notes: Notes) -> Result<Folder> {
        // Without the right to see them, `trusted.…` attributes look as if there were none: everything would be misread.
        if notes == Notes::Trusted && !sees_trusted_notes()? {
            let doing = format!(
                "read the trusted notes of `{}`, which only root of the machine with CAP_SYS_ADMIN sees",
                path.display()
            );
            return Err(Error::new(doing, Errno::EPERM));
        }
        let layer = Layer { top: sys::open_path(path)?, path: path.into(), notes };
        Ok(Folder { layer: Rc::new(layer), inside: PathBuf::new() })
    }

    /// The names in it, sorted.
    pub fn names(&self) -> Result<Vec<OsString>> {
        sys::names_in(sys::open_beneath(&self.layer.top, &self.inside)?).map_err(|error| self.at(error))
    }

    /// Every name in any of these directories, once, sorted.
    pub fn names_of_all(folders: &[Folder]) -> Result<Vec<OsString>> {
        let mut all = Vec::new();
        for folder in folders {
            all.extend(folder.names()?);
        }
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Opens the thing called `name`, to look at it with `sys::fstat` or to read its notes; of a link, the link itself.
    pub fn open(&self, name: &OsStr) -> Result<Option<OwnedFd>> {
        match sys::open_beneath(&self.layer.top, &self.inside.join(name)) {
            Err(error) if error.errno == Errno::ENOENT => Ok(None),
            answer => answer.map(Some).map_err(|error| self.at(error)),
        }
    }

    /// The directory called `name`.
    pub fn enter(&self, name: &OsStr) -> Folder {
        Folder { layer: Rc::clone(&self.layer), inside: self.inside.join(name) }
    }

    /// The note called `note` of a file of this layer: `opaque`, `whiteout`, `redirect`, `metacopy`.
    pub fn note_of(&self, file: &OwnedFd, note: &str) -> Result<Option<Vec<u8>>> {
        sys::attribute(file, &self.layer.notes.name(note)).map_err(|error| self.at(error))
    }

    /// The note called `note` of this directory itself.
    pub fn note(&self, note: &str) -> Result<Option<Vec<u8>>> {
        let this = sys::open_beneath(&self.layer.top, &self.inside).map_err(|error| self.at(error))?;
        self.note_of(&this, note)
    }

    /// The mode and the owner of this directory.
    pub fn mode_and_owner(&self) -> Result<(u32, u32, u32)> {
        let this = sys::open_beneath(&self.layer.top, &self.inside).map_err(|error| self.at(error))?;
        let stat = sys::fstat(&this)?;
        Ok((stat.st_mode, stat.st_uid, stat.st_gid))
    }

    /// Where it is, for messages.
    pub fn path(&self) -> PathBuf {
        self.layer.path.join(&self.inside)
    }

    /// The same error, and where it happened.
    fn at(&self, error: Error) -> Error {
        Error::new(format!("{}, in `{}`", error.doing, self.path().display()), error.errno)
    }
}

/// Does the kernel show `trusted.…` attributes to this process?
fn sees_trusted_notes() -> Result<bool> {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    Ok(Notes::ours() == Notes::Trusted && sys::capabilities()?.effective & CAP_SYS_ADMIN != 0)
}
