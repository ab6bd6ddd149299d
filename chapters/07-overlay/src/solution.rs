//! The functions of chapter 7, task by task.

use crate::{Below, Change, Entry, Folder, Kind, Layers, Notes, SETTINGS};
use coracle_ground::sys::{self, MsFlags, SFlag};
use coracle_ground::{Errno, Error, Result};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Task 7.1: Mount the layers as one filesystem on `target`.
///
/// Where the kernel's overlay does not take its lower layers one by one
/// (`sys::overlay_takes_lowers_one_by_one`), do it with [`mount_in_one_string`]. Else:
/// `sys::fsopen` gives a context, and each option is a call. The key `source` is what
/// `df` and mountinfo show: `overlay`. Then each pair of [`SETTINGS`]; then `lowerdir+`
/// once for each lower layer, the topmost first; `upperdir`; `workdir`; and the flags
/// `userxattr` (for [`Notes::User`]) and `volatile`, when they are wanted. At last create
/// the filesystem, make a mount of it, and move that to `target`.
///
/// Use `sys::fsconfig`, `sys::fsconfig_path` (no byte of a path has a meaning to it),
/// `sys::fsconfig_flag`, `sys::fsconfig_create`, `sys::fsmount`, `sys::move_mount`.
/// Man pages: `fsopen(2)`, `fsconfig(2)`; "Multiple lower layers" in the kernel's
/// documentation of overlay.
/// Errors: EINVAL with the kernel's own words: more than 500 lower layers, `work` inside
/// `upper` or on another filesystem, an upper directory that was mounted `volatile` before;
/// EPERM: trusted notes in a user namespace.
pub fn mount_layers(layers: &Layers, target: &Path) -> Result<()> {
    if !sys::overlay_takes_lowers_one_by_one()? {
        return mount_in_one_string(layers, target);
    }
    let overlay = sys::fsopen("overlay")?;
    sys::fsconfig(&overlay, "source", "overlay")?;
    for (key, value) in SETTINGS {
        sys::fsconfig(&overlay, key, value)?;
    }
    for lower in &layers.lowers {
        sys::fsconfig_path(&overlay, "lowerdir+", lower)?;
    }
    sys::fsconfig_path(&overlay, "upperdir", &layers.upper)?;
    sys::fsconfig_path(&overlay, "workdir", &layers.work)?;
    if layers.notes == Notes::User {
        sys::fsconfig_flag(&overlay, "userxattr")?;
    }
    if layers.volatile {
        sys::fsconfig_flag(&overlay, "volatile")?;
    }
    sys::fsconfig_create(&overlay)?;
    sys::move_mount(sys::fsmount(&overlay)?, target)
}

/// Task 7.1: Mount the layers with the one string of options that `mount(2)` takes.
///
/// Kernels before 6.7 know nothing else. The string:
/// `lowerdir=TOP:MIDDLE:BOTTOM,upperdir=…,workdir=…`, then each pair of [`SETTINGS`] as
/// `key=value`, then `userxattr` and `volatile` when they are wanted. In a path, `:`, `,`
/// and `\` have a meaning, and get a `\` before them.
///
/// The kernel copies one page of the string (`sys::page_size`), the zero at its end
/// included, and forgets the rest without a word. So a longer one is refused here, with
/// E2BIG and an error that says how long it is, what the limit is, and that Linux 6.7 has
/// none. A path that is not UTF-8: EILSEQ.
///
/// Use `sys::mount`. Man page: `mount(2)`, at "data".
pub fn mount_in_one_string(layers: &Layers, target: &Path) -> Result<()> {
    let lowers: Result<Vec<String>> = layers.lowers.iter().map(|lower| escaped(lower)).collect();
    let (lowers, upper, work) = (lowers?.join(":"), escaped(&layers.upper)?, escaped(&layers.work)?);
    let mut options = format!("lowerdir={lowers},upperdir={upper},workdir={work}");
    for (key, value) in SETTINGS {
        options += &format!(",{key}={value}");
    }
    if layers.notes == Notes::User {
        options += ",userxattr";
    }
    if layers.volatile {
        options += ",volatile";
    }
    let (length, limit) = (options.len(), sys::page_size() - 1);
    if length > limit {
        let doing = format!(
            "mount overlay with {} lower layers: their names make {length} bytes of options, mount(2) takes \
             {limit}; Linux 6.7 and later have no such limit",
            layers.lowers.len()
        );
        return Err(Error::new(doing, Errno::E2BIG));
    }
    sys::mount("overlay", target, MsFlags::empty(), &options)
}

/// A path as the old string wants it.
fn escaped(path: &Path) -> Result<String> {
    let doing = || format!("say the path `{}` in the options of mount(2)", path.display());
    let text = path.to_str().ok_or_else(|| Error::new(doing(), Errno::EILSEQ))?;
    Ok(text.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,"))
}

/// Task 7.2: Say what one layer says about a name.
///
/// `folder.open(name)` opens it (nothing there: [`Entry::Missing`]), `sys::fstat` and
/// `sys::kind_of` say what it is:
///
/// - a character device with the numbers 0:0 (`st_rdev` is 0) is a whiteout;
/// - so is an empty regular file with the note `whiteout`, where the directory has the note
///   `opaque` with the value `x` (`folder.note`, `folder.note_of`; since Linux 6.8, for
///   layers that are made without the right to make devices);
/// - a directory is [`Entry::Folder`], `folder.enter(name)`; one with the note `redirect`
///   has been renamed, and its content is elsewhere: refuse it with EOPNOTSUPP;
/// - all else is [`Entry::File`], also a file whose content is still below (`metacopy`).
///
/// Man pages: `inode(7)`, `xattr(7)`; "whiteouts and opaque directories" in the kernel's
/// documentation.
pub fn entry_in(folder: &Folder, name: &OsStr) -> Result<Entry> {
    let Some(file) = folder.open(name)? else { return Ok(Entry::Missing) };
    let stat = sys::fstat(&file)?;
    match sys::kind_of(&stat) {
        SFlag::S_IFCHR if stat.st_rdev == 0 => Ok(Entry::Whiteout),
        SFlag::S_IFREG if stat.st_size == 0 && folder.note("opaque")?.as_deref() == Some(b"x") => {
            let marked = folder.note_of(&file, "whiteout")?.is_some();
            Ok(if marked { Entry::Whiteout } else { Entry::File })
        }
        SFlag::S_IFDIR => {
            let inner = folder.enter(name);
            if folder.note_of(&file, "redirect")?.is_some() {
                let path = inner.path();
                let doing =
                    format!("read `{}`: redirect_dir renamed it, its content is elsewhere", path.display());
                return Err(Error::new(doing, Errno::EOPNOTSUPP));
            }
            Ok(Entry::Folder(inner))
        }
        _ => Ok(Entry::File),
    }
}

/// Task 7.2: Say what all the lower layers together say about a name.
///
/// `below` are the directories, the topmost first, that make up the one in which `name`
/// is looked for. It is what the kernel does at each step of a path: ask them in turn. A
/// whiteout ends the search. So does a file; it counts only if no directory of that name
/// was found above it. A directory is added to those that are found, and ends the search
/// if it is opaque: its note `opaque` is `y`.
///
/// Use [`entry_in`].
pub fn look_below(below: &[Folder], name: &OsStr) -> Result<Below> {
    let mut folders = Vec::new();
    for layer in below {
        match entry_in(layer, name)? {
            Entry::Missing => {}
            Entry::Whiteout => break,
            Entry::File if folders.is_empty() => return Ok(Below::File),
            Entry::File => break,
            Entry::Folder(folder) => {
                let opaque = is_opaque(&folder)?;
                folders.push(folder);
                if opaque {
                    break;
                }
            }
        }
    }
    Ok(if folders.is_empty() { Below::Nothing } else { Below::Folders(folders) })
}

/// Does this directory hide those of its name below it? `x` only says that there are whiteouts in it.
fn is_opaque(folder: &Folder) -> Result<bool> {
    Ok(folder.note("opaque")?.as_deref() == Some(b"y"))
}

/// Task 7.2: List what the upper layer changes, as `docker diff` does.
///
/// Each name in `upper` is compared with what is below (`Folder::top` begins a layer):
///
/// - a whiteout: deleted, if there was something;
/// - a file: added, or changed if there was anything. It is in the upper layer because it
///   was opened for writing; whether a byte differs is not asked;
/// - a directory: added if there was nothing; changed if it was no directory, if its mode
///   or owner (`Folder::mode_and_owner`) is another, or if anything in it is listed. So
///   each change lists the directories above it, but never `/`.
///
/// Below an opaque directory everything that was there is deleted, unless it is in
/// `upper` anew: then it is changed. That holds for the directories in it, too, although
/// they have no note of their own. Of a directory that was removed, only itself is listed.
/// The list is sorted by the bytes of the paths.
///
/// Use [`look_below`], [`entry_in`], `folder.names()`, `Folder::names_of_all`.
/// Errors: EPERM for trusted notes without the right to see them; EOPNOTSUPP: see
/// [`entry_in`]; EXDEV: something is mounted in a layer; ENOENT: a container that runs has
/// just removed a directory, so ask again.
pub fn read_changes(layers: &Layers) -> Result<Vec<Change>> {
    let upper = Folder::top(&layers.upper, layers.notes)?;
    let tops = layers.lowers.iter().map(|lower| Folder::top(lower, layers.notes));
    let below = tops.collect::<Result<Vec<Folder>>>()?;
    let mut changes = Vec::new();
    compare(&upper, &below, false, Path::new("/"), &mut changes)?;
    changes.sort_by(|one, other| one.path.as_os_str().cmp(other.path.as_os_str()));
    Ok(changes)
}

/// Compares one directory of the upper layer, at `path` in the container, with those below. `hides`: it, or one above
/// it, is opaque.
fn compare(
    upper: &Folder,
    below: &[Folder],
    hides: bool,
    path: &Path,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let names = upper.names()?;
    for name in &names {
        let path = path.join(name);
        let (there, folders) = match look_below(below, name)? {
            Below::Nothing => (false, Vec::new()),
            Below::File => (true, Vec::new()),
            Below::Folders(folders) => (true, folders),
        };
        let touched = if there { Kind::Changed } else { Kind::Added };
        let kind = match entry_in(upper, name)? {
            // Removed since the names were read, by a container that still runs; or a mark for what was never there.
            Entry::Missing => continue,
            Entry::Whiteout if !there => continue,
            Entry::Whiteout => Kind::Deleted,
            Entry::Folder(folder) => {
                let before = changes.len();
                compare(&folder, &folders, hides || is_opaque(&folder)?, &path, changes)?;
                let same = match folders.first() {
                    Some(top) => top.mode_and_owner()? == folder.mode_and_owner()?,
                    None => false,
                };
                if same && changes.len() == before {
                    continue;
                }
                touched
            }
            Entry::File => touched,
        };
        changes.push(Change { kind, path });
    }
    for name in if hides { Folder::names_of_all(below)? } else { Vec::new() } {
        let again = names.binary_search(&name).is_ok();
        if !again && !matches!(look_below(below, &name)?, Below::Nothing) {
            changes.push(Change { kind: Kind::Deleted, path: path.join(name) });
        }
    }
    Ok(())
}

/// Task 7.3: Remove the upper and the work directory, and all that is in them.
///
/// Nothing else: lower layers belong to images. The names in `upper` were chosen by the
/// container. So no link is followed and no mount is crossed: `sys::open_beneath`,
/// `sys::unlink_in`, `sys::rmdir_in` and `sys::rename_in` keep to that, each with an open
/// directory and one name in it. The container may also have made a tree so deep that a
/// function which calls itself runs out of descriptors or stack.
///
/// A directory may be closed to its own owner: the kernel's own `work/work` has mode 000,
/// and is not empty when a whiteout was made or with `volatile`. Open each one up first
/// (`sys::chmod_open`). That something is not there is no error. When one thing cannot be
/// removed, remove all the others, and then answer with the first error.
///
/// Use also `sys::open_path` (the top; of a link, the link itself), `sys::names_in`,
/// `sys::rmdir`. Man pages: `openat2(2)`, `unlink(2)`, `rename(2)`.
/// Errors: EXDEV, EBUSY: something is mounted there; EPERM: somebody else's, or immutable.
pub fn remove_layers(layers: &Layers) -> Result<()> {
    let work = remove_tree(&layers.work);
    let upper = remove_tree(&layers.upper);
    work.and(upper)
}

/// Removes one directory with all that is in it.
fn remove_tree(path: &Path) -> Result<()> {
    let removed = match sys::open_path(path) {
        Err(error) if error.errno == Errno::ENOENT => Ok(()),
        top => top.and_then(|top| empty(&opened_up(top))).and_then(|()| sys::rmdir(path)),
    };
    removed.map_err(|error| Error::new(format!("remove `{}`: {}", path.display(), error.doing), error.errno))
}

/// Removes everything in `top`. Directories in directories are first moved up into it, so that nothing here is ever deep.
fn empty(top: &OwnedFd) -> Result<()> {
    let mut moved = 0;
    loop {
        let names = sys::names_in(top)?;
        if names.is_empty() {
            return Ok(());
        }
        // All of them are tried, and the first failure is kept.
        let mut removed = Ok(());
        for name in &names {
            let now = remove_flat(top, name, &mut moved);
            removed = removed.and(now);
        }
        if removed.is_err() && sys::names_in(top)? == names {
            return removed;
        }
    }
}

/// Removes `name` in `top`. If it is a directory, the directories in it are moved up into `top`.
fn remove_flat(top: &OwnedFd, name: &OsStr, moved: &mut u32) -> Result<()> {
    let Some(folder) = unlink_or_open(top, name)? else { return Ok(()) };
    for inner in sys::names_in(&folder)? {
        if unlink_or_open(&folder, &inner)?.is_some() {
            *moved += 1;
            sys::rename_in(&folder, &inner, top, &format!(".coracle-moved-{moved}"))?;
        }
    }
    sys::rmdir_in(top, name)
}

/// Removes `name` in `parent`; a directory is opened instead.
fn unlink_or_open(parent: &OwnedFd, name: &OsStr) -> Result<Option<OwnedFd>> {
    match sys::unlink_in(parent, name) {
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        Err(error) if error.errno == Errno::EISDIR => {
            sys::open_beneath(parent, Path::new(name)).map(|folder| Some(opened_up(folder)))
        }
        answer => answer.map(|()| None),
    }
}
/// The directory, with all rights for its owner. Where they cannot be had, the next call says so.
fn opened_up(folder: OwnedFd) -> OwnedFd {
    let _ = sys::chmod_open(&folder, 0o700);
    folder
}
