//! Making an image, in one step as seen from outside.
//!
//! Unpacking takes a while and can be interrupted; an image must be there whole or not at all. So it grows in
//! `images/.importing-<digits>/`, locked by the engine that makes it, and one rename(2) puts it in its place. Where an
//! image of that name exists, renameat2(2) with RENAME_EXCHANGE swaps the two: at no instant is there none.
//!
//! ```text
//! images/.importing-5f3a…/{rootfs/, image.json}  ── rename ──▶  images/alpine/3.20/{rootfs/, image.json}
//! ```
//!
//! What we leave out: layers and digests (chapter 9); compressions other than gzip.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::MultiGzDecoder;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{Image, Reference, Store, copy, file, names, remove, try_lock, unpack};
use crate::fault;
use crate::time::Timestamp;

/// Where an image's files come from.
pub(crate) enum Source {
    /// `-`
    Stdin,
    /// An archive, or a directory that is a root filesystem.
    Path(PathBuf),
}

impl Store {
    /// Makes an image from an archive or a directory, and returns what could not be taken over.
    pub(crate) fn import(
        &self,
        source: &Source,
        reference: &Reference,
        mut image: Image,
    ) -> Result<Vec<String>> {
        let mut remarks = Vec::new();
        image.source = match source {
            Source::Stdin => "an archive from standard input".to_owned(),
            Source::Path(path) => path.display().to_string(),
        };
        self.install(reference, image, true, |rootfs| {
            remarks = match source {
                Source::Stdin => unpack_archive(io::stdin().lock(), "standard input", rootfs)?,
                Source::Path(path) => self.unpack_path(path, rootfs)?,
            };
            Ok(())
        })?;
        Ok(remarks)
    }

    /// Lets `fill` make the root filesystem of a new image, and puts the image in its place.
    /// With `replace`, an image of that name makes room; without it, that one stays and is as good.
    pub(super) fn install(
        &self,
        reference: &Reference,
        mut image: Image,
        replace: bool,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Image> {
        let making = self.begin_image()?;
        let rootfs = making.path.join("rootfs");
        fill(&rootfs)?;
        fault::point("import-unpacked");
        image.size = size_of(&rootfs)?;
        image.created = Timestamp::now();
        file::write(&making.path, "image.json", &image, true)?;
        fault::point("import-described");
        let in_use = self.place(&making, reference, replace)?;
        fault::point("import-renamed");
        match in_use {
            // Containers run on the image that made room. The first command after their end removes it.
            true => making.leave(),
            // What is left below the temporary name is that image, or ours that was not needed.
            false => remove::tree(&making.path)?,
        }
        Ok(image)
    }

    /// A new directory for an image that is being made, locked.
    fn begin_image(&self) -> Result<Making> {
        let _lock = self.lock()?;
        let path = self.images().join(format!(".importing-{}", names::short()?));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|error| self.unusable(error))?;
        let lock = File::open(&path)?;
        ensure!(try_lock(&lock)?, "`{}` is new and locked by somebody else", path.display());
        fault::point("import-begun");
        Ok(Making { path, _lock: lock })
    }

    /// Moves a finished image to where it is found. The answer: is the one that made room still in use?
    fn place(&self, making: &Making, reference: &Reference, replace: bool) -> Result<bool> {
        let _lock = self.lock()?;
        let folder = self.image_folder(reference);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.parent().unwrap_or(&folder))?;
        match renameat_with(CWD, &making.path, CWD, &folder, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(false),
            Err(Errno::EXIST | Errno::NOTEMPTY) if replace => exchange(making, &folder),
            Err(Errno::EXIST | Errno::NOTEMPTY) => Ok(false),
            Err(error) => Err(super::because(error)).with_context(|| format!("make `{}`", folder.display())),
        }
    }

    /// Fills `rootfs` from a directory or an archive.
    fn unpack_path(&self, path: &Path, rootfs: &Path) -> Result<Vec<String>> {
        let shown = path.display().to_string();
        let source = File::open(path).with_context(|| format!("open `{shown}`"))?;
        if !source.metadata()?.is_dir() {
            return unpack_archive(source, &shown, rootfs);
        }
        let whole = fs::canonicalize(path)?;
        ensure!(
            !fs::canonicalize(&self.root)?.starts_with(&whole),
            "`{shown}` holds the data root `{}` itself: an image of it would hold a copy of itself",
            self.root.display()
        );
        fs::create_dir(rootfs)?;
        copy::tree(source.as_fd(), rootfs)?;
        Ok(Vec::new())
    }
}

/// Swaps the new image and the old one. The answer: is the old one still in use?
fn exchange(making: &Making, folder: &Path) -> Result<bool> {
    let old = File::open(folder)?;
    renameat_with(CWD, &making.path, CWD, folder, RenameFlags::EXCHANGE)
        .with_context(|| format!("replace `{}`", folder.display()))?;
    Ok(!try_lock(&old)?)
}

/// An image on its way. When this is dropped early, nothing is left of it.
struct Making {
    path: PathBuf,
    /// The lock goes with the descriptor.
    _lock: File,
}

impl Making {
    /// Leaves what is below the temporary name to the commands that follow.
    fn leave(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        // What cannot be removed now is unlocked from here on, and the next command's to try.
        let _ = remove::tree(&self.path);
    }
}

/// Fills the new directory `rootfs` from a tar archive, gzipped or not.
fn unpack_archive(archive: impl Read, shown: &str, rootfs: &Path) -> Result<Vec<String>> {
    let mut archive = BufReader::with_capacity(128 * 1024, archive);
    let mut magic = [0; 6];
    let length = peek(&mut archive, &mut magic).with_context(|| format!("read `{shown}`"))?;
    let remarks = match &magic[..length] {
        [] => bail!("`{shown}` is empty: a tar archive of a root filesystem is wanted"),
        [0x1f, 0x8b, ..] => unpack::archive(MultiGzDecoder::new(archive), rootfs),
        [b'B', b'Z', b'h', ..] => {
            bail!("`{shown}` is compressed with bzip2: unpack it with `bzip2 -dc` first")
        }
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            bail!("`{shown}` is compressed with xz: unpack it with `xz -dc` first")
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            bail!("`{shown}` is compressed with zstd: unpack it with `zstd -dc` first")
        }
        _ => unpack::archive(archive, rootfs),
    };
    let remarks = remarks.with_context(|| format!("import `{shown}`"))?;
    let saved = ["manifest.json", "index.json"].iter().any(|name| rootfs.join(name).exists());
    ensure!(
        !saved || rootfs.join("bin").exists() || rootfs.join("usr").exists(),
        "`{shown}` holds an image's layers (`docker save`), not a root filesystem; `docker export` of a container writes one"
    );
    Ok(remarks)
}

/// Looks at the first bytes without taking them.
fn peek<R: Read>(reader: &mut BufReader<R>, into: &mut [u8]) -> io::Result<usize> {
    use std::io::BufRead;
    let buffer = reader.fill_buf()?;
    let length = buffer.len().min(into.len());
    into[..length].copy_from_slice(&buffer[..length]);
    Ok(length)
}

/// The bytes of all regular files below `folder`, each counted once however many names it has.
fn size_of(folder: &Path) -> Result<u64> {
    let (mut size, mut folders) = (0, vec![folder.to_owned()]);
    let mut seen = std::collections::HashSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("read `{}`", folder.display()))? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.is_file() && (meta.nlink() == 1 || seen.insert(meta.ino())) {
                size += meta.len();
            }
        }
    }
    Ok(size)
}
