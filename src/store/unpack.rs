//! Unpacking a tar archive that we do not trust.
//!
//! An archive is a list of instructions from its author: "make a link called `a` to `/etc`, then write `a/passwd`".
//! Done with plain paths, that writes the host's file. openat2(2) with RESOLVE_IN_ROOT makes the kernel itself treat
//! the new root as `/` while it follows a path, so links and `..` end up inside, as they will for the container. The
//! last part of a name is never followed at all.
//!
//! ```text
//!   entry "lib/x.so", with lib -> /usr/lib        openat2(root, "lib", IN_ROOT) = root/usr/lib, then "x.so" in it
//!   entry "a/passwd", with a -> ../../../etc      openat2(root, "a", IN_ROOT)   = root/etc: harmless
//!   entry "../../etc/passwd"                      refused: no honest tool writes such a name
//! ```
//!
//! Kept: kinds, modes, owners (as root), times, hard links, extended attributes. An ordinary user cannot make device
//! nodes or give files away; the files are then theirs, which is root in their user namespace, and are made readable to
//! them.
//!
//! Man pages: openat2(2), tar(5), mknod(2).
//!
//! What we leave out: whiteouts, which only layers have (chapter 9).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, XattrFlags, chmodat, chownat, fsetxattr,
    linkat, makedev, mkdirat, mknodat, open, openat, openat2, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use tar::{Entry, EntryType, Header};

use super::attributes::times;
use super::because;
use super::copy::DEEPEST;
use crate::fault;

/// Unpacks `archive` into the new directory `root`, and returns a sentence for each thing that was left out.
pub(super) fn archive(archive: impl Read, root: &Path) -> Result<Vec<String>> {
    mkdirat(CWD, root, Mode::from_raw_mode(0o755)).map_err(because)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut unpacking = Unpacking {
        root: open(root, flags, Mode::empty()).map_err(because)?,
        is_root: rustix::process::geteuid().is_root(),
        folders: Vec::new(),
        nodes: 0,
    };
    let mut count = 0;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry.context("this is no tar archive, or a damaged one")?;
        let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        unpacking.entry(&mut entry).with_context(|| format!("`{shown}`"))?;
        fault::point("import-unpacking");
        count += 1;
    }
    ensure!(count > 0, "there is no file in this archive, or it is no tar archive");
    unpacking.finish()
}

/// One archive on its way.
struct Unpacking {
    root: OwnedFd,
    is_root: bool,
    /// Directories get their modes and times last: a read-only one must first be filled.
    folders: Vec<(PathBuf, Meta)>,
    /// Device nodes that could not be made.
    nodes: usize,
}

/// What is set on a file after it is made.
struct Meta {
    mode: Mode,
    owner: (Uid, Gid),
    mtime: i64,
}

impl Unpacking {
    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(()); // a comment on the whole archive; git writes one
        }
        let path = inside(Path::new(OsStr::from_bytes(&entry.path_bytes())))?;
        let meta = self.meta(entry.header())?;
        let Some(name) = path.file_name() else {
            self.folders.push((path, meta)); // `./`, the root itself
            return Ok(());
        };
        let folder = self.folder(path.parent().unwrap_or(Path::new("")))?;
        if kind == EntryType::Directory {
            make_folder(folder.as_fd(), name)?;
            self.folders.push((path, meta));
            return Ok(());
        }
        // A later entry of the same name replaces the earlier one; a directory with something in it stays.
        match unlinkat(&folder, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {
                unlinkat(&folder, name, AtFlags::REMOVEDIR).map_err(because)?
            }
            Err(Errno::NOENT) | Ok(()) => {}
            Err(error) => return Err(because(error)),
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(folder.as_fd(), name, entry, &meta)
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().context("a symbolic link without a target")?;
                symlinkat(OsStr::from_bytes(&target), &folder, name).map_err(because)?;
                self.finish_entry(folder.as_fd(), name, &meta, false)
            }
            EntryType::Link => self.link(folder.as_fd(), name, entry),
            EntryType::Char => {
                self.node(folder.as_fd(), name, FileType::CharacterDevice, entry.header(), &meta)
            }
            EntryType::Block => self.node(folder.as_fd(), name, FileType::BlockDevice, entry.header(), &meta),
            EntryType::Fifo => self.node(folder.as_fd(), name, FileType::Fifo, entry.header(), &meta),
            other => bail!("an entry of the unknown kind {:?}", other.as_byte() as char),
        }
    }

    /// The owner, mode and time that the archive wants, as far as this user can give them.
    fn meta(&self, header: &Header) -> Result<Meta> {
        let own = if header.entry_type() == EntryType::Directory { 0o700 } else { 0o600 };
        let mode = header.mode().context("its mode is no number")? & 0o7777;
        let number = |id: u64| u32::try_from(id).context("its owner is no number of 32 bits");
        Ok(Meta {
            mode: Mode::from_raw_mode(if self.is_root { mode } else { mode | own }),
            owner: (Uid::from_raw(number(header.uid()?)?), Gid::from_raw(number(header.gid()?)?)),
            mtime: i64::try_from(header.mtime()?).unwrap_or_default(),
        })
    }

    /// Opens the directory `path` inside the root, and makes what is missing of it.
    fn folder(&self, path: &Path) -> Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let shown = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        match openat2(&self.root, shown, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            Err(Errno::NOENT) => {
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    bail!("it is gone")
                };
                let parent = self.folder(parent)?;
                make_folder(parent.as_fd(), name)?;
                openat(&parent, name, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(because)
            }
            other => other.map_err(because),
        }
    }

    fn file(
        &self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        entry: &mut Entry<'_, impl Read>,
        meta: &Meta,
    ) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(folder, name, flags, Mode::from_raw_mode(0o600)).map_err(because)?;
        let mut file = File::from(file);
        io::copy(entry, &mut file).map_err(|error| match Errno::from_io_error(&error) {
            Some(errno) => because(errno),
            None => anyhow!("the archive is damaged or ends early: {error}"),
        })?;
        self.finish_entry(folder, name, meta, true)?;
        for extension in entry.pax_extensions()?.into_iter().flatten() {
            let extension = extension?;
            let Some(name) = extension.key()?.strip_prefix("SCHILY.xattr.") else { continue };
            match fsetxattr(&file, name, extension.value_bytes(), XattrFlags::empty()) {
                Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => {} // for root to set, or for other filesystems
                Err(error) => return Err(because(error)),
            }
        }
        Ok(())
    }

    /// A second name for a file that came earlier.
    fn link(&self, folder: BorrowedFd<'_>, name: &OsStr, entry: &Entry<'_, impl Read>) -> Result<()> {
        let target = entry.link_name_bytes().context("a hard link without a target")?;
        let target = inside(Path::new(OsStr::from_bytes(&target)))?;
        let first = target.file_name().context("a hard link to the root")?;
        let first_folder = self.folder(target.parent().unwrap_or(Path::new("")))?;
        let linked = linkat(&first_folder, first, folder, name, AtFlags::empty()).map_err(because);
        linked.with_context(|| format!("a hard link to `{}`", target.display()))
    }

    /// A device or a FIFO. Root of a user namespace cannot make devices either.
    fn node(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        kind: FileType,
        header: &Header,
        meta: &Meta,
    ) -> Result<()> {
        let (major, minor) = (header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0));
        let device = if kind == FileType::Fifo { 0 } else { makedev(major, minor) };
        match mknodat(folder, name, kind, Mode::from_raw_mode(0o600), device) {
            Err(Errno::PERM) => {
                self.nodes += 1;
                Ok(())
            }
            Err(error) => Err(because(error)),
            Ok(()) => self.finish_entry(folder, name, meta, true),
        }
    }

    /// Owner, mode, time, in this order: a change of owner clears set-user-ID.
    fn finish_entry(&self, folder: BorrowedFd<'_>, name: &OsStr, meta: &Meta, has_mode: bool) -> Result<()> {
        let (uid, gid) = meta.owner;
        if self.is_root {
            chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(because)?;
        }
        if has_mode {
            chmodat(folder, name, meta.mode, AtFlags::empty()).map_err(because)?;
        }
        utimensat(folder, name, &times(meta.mtime, 0), AtFlags::SYMLINK_NOFOLLOW).map_err(because)
    }

    /// The directories' own modes and times, the deepest first, and what there is to say.
    fn finish(mut self) -> Result<Vec<String>> {
        self.folders.sort_by_key(|(path, _)| std::cmp::Reverse(path.components().count()));
        for (path, meta) in &self.folders {
            // Opened, not named: it may have been replaced by a link meanwhile, and then it is left alone.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let shown = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            if let Ok(folder) = openat2(&self.root, shown, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
                self.finish_entry(folder.as_fd(), OsStr::new("."), meta, true)?;
            }
        }
        Ok(match self.nodes {
            0 => Vec::new(),
            nodes => vec![format!(
                "{nodes} device nodes were left out: only root of the host can make them, and a container gets its own /dev"
            )],
        })
    }
}

/// A directory, unless there is one. A link to one counts: archives of merged `/usr` hold `lib` as both.
fn make_folder(parent: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    match mkdirat(parent, name, Mode::RWXU) {
        Err(Errno::EXIST) => {
            let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(because)?;
            let kind = FileType::from_raw_mode(stat.st_mode);
            ensure!(
                matches!(kind, FileType::Directory | FileType::Symlink),
                "a directory and a file of one name"
            );
            Ok(())
        }
        other => other.map_err(because),
    }
}

/// The name of an entry as a path below the root: without a leading `/` or `.`, and never with `..`.
fn inside(path: &Path) -> Result<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => inside.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => bail!("the name leads out of the archive"),
        }
    }
    ensure!(inside.components().count() <= DEEPEST, "directories are nested deeper than {DEEPEST}");
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        for (name, path) in
            [("bin/sh", "bin/sh"), ("./bin//sh", "bin/sh"), ("/etc/passwd", "etc/passwd"), ("./", "")]
        {
            assert_eq!(inside(Path::new(name)).unwrap(), Path::new(path), "{name}");
        }
        for name in ["..", "../etc/passwd", "a/../../b", "/.."] {
            assert!(inside(Path::new(name)).is_err(), "{name}");
        }
    }
}
