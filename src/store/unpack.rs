//! Unpacking a tar archive that we do not trust.
//!
//! An archive is a list of instructions from its author: "make a link called `a` to `/etc`, then write `a/passwd`".
//! Done with plain paths, that writes the host's file. So every path is followed inside the new root (see [`inside`]),
//! and the last part of a name is never followed at all.
//!
//! Kept: kinds, modes, owners (as root), times, hard links, extended attributes. An ordinary user cannot make device
//! nodes or give files away; the files are then theirs, which is root in their user namespace, and are made readable to
//! them.
//!
//! Man pages: tar(5), mknod(2).
//!
//! What we leave out: whiteouts, which only layers have (chapter 9).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, XattrFlags, chmodat, chownat, fsetxattr, linkat, makedev,
    mkdirat, mknodat, openat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use tar::{Entry, EntryType, Header};

use super::attributes::{NoUmask, times};
use super::because;
use super::inside::{self, Inside};
use crate::fault;

/// Unpacks `archive` into the new directory `root`, and returns a sentence for each thing that was left out.
pub(super) fn archive(archive: impl Read, root: &Path) -> Result<Vec<String>> {
    let _umask = NoUmask::begin();
    mkdirat(CWD, root, Mode::from_raw_mode(0o755)).map_err(because)?;
    let mut unpacking = Unpacking {
        root: Inside::of(root)?,
        is_root: rustix::process::geteuid().is_root(),
        folders: Vec::new(),
        nodes: 0,
    };
    let mut count = 0;
    for entry in tar::Archive::new(archive).entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let shown: String = String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect();
        unpacking.entry(&mut entry).with_context(|| format!("`{shown}`"))?;
        fault::point("import-unpacking");
        count += 1;
    }
    ensure!(count > 0, "there is no file in this archive, or it is no tar archive");
    unpacking.finish()
}

/// One archive on its way.
struct Unpacking {
    root: Inside,
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
        let path = inside::clean(Path::new(OsStr::from_bytes(&entry.path_bytes())))?;
        let meta = self.meta(entry.header())?;
        let Some(name) = path.file_name() else {
            self.folders.push((path, meta)); // `./`, the root itself
            return Ok(());
        };
        let folder = self.root.folder(path.parent().unwrap_or(Path::new("")))?;
        if kind == EntryType::Directory {
            inside::make_folder(folder.as_fd(), name)?;
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
        io::copy(entry, &mut file).map_err(damaged)?;
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
        let target = inside::clean(Path::new(OsStr::from_bytes(&target)))?;
        let first = target.file_name().context("a hard link to the root")?;
        let first_folder = self.root.folder(target.parent().unwrap_or(Path::new("")))?;
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
        let device = match kind {
            FileType::Fifo => 0, // some writers leave the numbers' fields empty
            _ => makedev(header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0)),
        };
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
            // It may have been replaced by a link meanwhile, and then it is left alone.
            if let Ok(folder) = self.root.existing(path) {
                self.finish_entry(folder.as_fd(), OsStr::new("."), meta, true)?;
            }
        }
        let left_out = match self.nodes {
            0 => return Ok(Vec::new()),
            1 => "1 device node was left out".to_owned(),
            nodes => format!("{nodes} device nodes were left out"),
        };
        Ok(vec![format!(
            "{left_out}: only root of the host can make them, and a container gets its own /dev"
        )])
    }
}

/// What reading an archive failed with: the disk's trouble, or its own.
fn damaged(error: io::Error) -> anyhow::Error {
    match Errno::from_io_error(&error) {
        Some(errno) => because(errno),
        None if error.kind() == io::ErrorKind::UnexpectedEof => anyhow!("the archive ends early"),
        None => anyhow!("this is no tar archive, or a damaged one"),
    }
}
