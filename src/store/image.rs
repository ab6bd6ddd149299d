//! Images on disk: a root filesystem and what to do with it.
//!
//! `image.json` uses the names of the OCI image specification (`config.Env`, `config.Cmd`, …), so that what is read
//! here with `cat` is read the same in any other image later. The image `tiny` is special in one way only: when it is
//! asked for and not there, it is made from this machine's own tools.
//!
//! What we leave out: layers, digests and so an image's ID (chapter 9).

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use serde::{Deserialize, Serialize};

use super::{Reference, Store, copy, file, is};
use crate::time::Timestamp;

/// What `image.json` says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Image {
    /// How to run it when the command line says nothing else.
    pub(crate) config: Config,
    /// When it was made here.
    pub(crate) created: Timestamp,
    /// The bytes of all its files, each file counted once.
    pub(crate) size: u64,
    /// Where it came from.
    pub(crate) source: String,
}

/// The part of an image's configuration that chapters 1 to 3 can honour, in the spelling of the OCI image specification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Config {
    /// `uid` or `uid:gid`; empty is root.
    pub(crate) user: String,
    /// `NAME=value` each.
    pub(crate) env: Vec<String>,
    /// Comes before any command.
    pub(crate) entrypoint: Vec<String>,
    /// The command, or the entrypoint's arguments, unless the command line gives others.
    pub(crate) cmd: Vec<String>,
    /// An absolute path; empty is `/`.
    pub(crate) working_dir: String,
}

/// Docker's, for images that name none.
pub(crate) const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The root of an image, open, and locked against its removal.
pub(crate) struct ImageRoot {
    folder: PathBuf,
    lock: File,
    root: OwnedFd,
}

impl Drop for ImageRoot {
    fn drop(&mut self) {
        // A lock lasts until the last copy of its descriptor is closed, and init may have one. So it is given back.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

impl ImageRoot {
    /// Makes the empty directory `to` a copy of it.
    pub(crate) fn copy_into(&self, to: &Path) -> Result<(), coracle_ground::Error> {
        copy::tree(self.root.as_fd(), to)
    }

    /// Where it lies, unless it [has been replaced](Self::has_been_replaced).
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("rootfs")
    }

    /// Has an import put another image in its place? This one stays open and whole, but has that path no more.
    pub(crate) fn has_been_replaced(&self) -> bool {
        !is_at(&self.lock, &self.folder)
    }
}

impl Store {
    /// The image that `reference` names.
    pub(crate) fn find_image(&self, reference: &Reference) -> Result<Image> {
        let path = self.image_folder(reference).join("image.json");
        match file::read(&path) {
            Ok(image) => Ok(image),
            Err(error) if is_tiny(reference) => self.make_tiny(!is(&error, io::ErrorKind::NotFound)),
            Err(error) if is(&error, io::ErrorKind::NotFound) => Err(self.no_such_image(reference)),
            Err(error) => Err(error.context(format!("the image `{reference}` has to be imported again"))),
        }
    }

    /// All images, by name, `tiny` among them; an image that cannot be read is there with its error.
    pub(crate) fn images_by_name(&self) -> Result<Vec<(Reference, Result<Image>)>> {
        let tiny = Reference { repository: "tiny".to_owned(), tag: "latest".to_owned() };
        let tiny = (tiny.clone(), self.find_image(&tiny));
        let mut images = self.references()?;
        images.retain(|reference| !is_tiny(reference));
        let read = |reference: Reference| (reference.clone(), self.find_image(&reference));
        let mut all: Vec<_> = images.into_iter().map(read).chain([tiny]).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }

    /// The root of an image, open.
    ///
    /// The image's directory is locked for as long as this lives, so that an import of the same name does not remove
    /// it; it may take its place.
    pub(crate) fn image_root(&self, reference: &Reference) -> Result<ImageRoot> {
        let folder = self.image_folder(reference);
        let image = loop {
            let image = File::open(&folder).map_err(|_| self.no_such_image(reference))?;
            flock(&image, FlockOperation::LockShared)?;
            // An import that was faster has put another image in its place, and removes this one.
            if is_at(&image, &folder) {
                break image;
            }
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            openat(&image, "rootfs", flags, Mode::empty()).with_context(|| match is_tiny(reference) {
                true => format!(
                    "the image `tiny` has lost its `rootfs`: remove `{}`, and it is made anew",
                    folder.display()
                ),
                false => format!("the image `{reference}` has lost its `rootfs`: import it again"),
            })?;
        Ok(ImageRoot { folder, lock: image, root })
    }

    /// The directory of an image, whether it exists or not.
    pub(super) fn image_folder(&self, reference: &Reference) -> PathBuf {
        self.images().join(reference.folder()).join(&reference.tag)
    }

    /// The root of an image's files.
    pub(crate) fn rootfs_of(&self, reference: &Reference) -> PathBuf {
        self.image_folder(reference).join("rootfs")
    }

    /// `tiny`, freshly made, instead of one that cannot be read if `replace`. It runs a shell unless told otherwise.
    fn make_tiny(&self, replace: bool) -> Result<Image> {
        let reference = Reference { repository: "tiny".to_owned(), tag: "latest".to_owned() };
        let image = Image {
            config: Config {
                env: vec![DEFAULT_PATH.to_owned()],
                cmd: vec!["sh".to_owned()],
                ..Config::default()
            },
            source: "this machine's own tools".to_owned(),
            ..Image::default()
        };
        self.install(&reference, image, replace, |rootfs| {
            coracle_ground::tiny::make(rootfs).context("make the image `tiny`")
        })
    }

    /// The names of all images on disk.
    fn references(&self) -> Result<Vec<Reference>> {
        let mut references = Vec::new();
        for repository in names_in(&self.images())? {
            for tag in names_in(&self.images().join(&repository))? {
                let reference = Reference::from_folders(&repository, &tag);
                references.extend(reference.filter(|one| self.image_folder(one).join("image.json").exists()));
            }
        }
        references.sort();
        Ok(references)
    }

    /// One sentence: what is missing, what there is, and how to get more.
    fn no_such_image(&self, reference: &Reference) -> anyhow::Error {
        let mut there: Vec<_> =
            self.references().unwrap_or_default().iter().map(Reference::to_string).collect();
        if !there.iter().any(|name| name == "tiny:latest") {
            there.push("tiny:latest".to_owned());
        }
        anyhow!(
            "unable to find image `{reference}` here; there is {}, and `coracle import ARCHIVE {reference}` makes another",
            there.join(", ")
        )
    }
}

/// Is the open directory `open` what is found at `path`?
fn is_at(open: &File, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| {
        open.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    })
}

/// Is this the image that can be made here?
fn is_tiny(reference: &Reference) -> bool {
    reference.repository == "tiny" && reference.tag == "latest"
}

/// The names in a directory that can be part of a reference; none if there is no such directory.
fn names_in(folder: &std::path::Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        other => other.with_context(|| format!("read `{}`", folder.display()))?,
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| !name.starts_with('.')).collect())
}
