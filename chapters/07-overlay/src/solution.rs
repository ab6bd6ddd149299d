//! The functions of chapter 7, task by task.

use crate::{Below, Change, Entry, Folder, Kind, Layers, NOT_FOR_UPPERS, Notes, Obstacle, SETTINGS, Way};
use coracle_ground::sys::{self, MsFlags, SFlag};
use coracle_ground::{Errno, Error, Result};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
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
/// `folder.open(name)` opens it (nothing there: [`Entry::Missing`]), `sys::fstat` says
/// what it is:
///
/// - a character device with the numbers 0:0 (`st_rdev` is 0) is a whiteout;
/// - so is an empty regular file with the note `whiteout`, where the directory has the note
///   `opaque` with the value `x` (`folder.note`, `folder.note_of`; since Linux 6.7, for
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
/// Errors: EPERM for trusted notes without the right to see them; EOPNOTSUPP: see
/// [`entry_in`]; EXDEV: something is mounted in a layer.
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
        let was = look_below(below, name)?;
        let there = !matches!(was, Below::Nothing);
        let kind = match entry_in(upper, name)? {
            // Removed between the reading of the list and now: by a container that still runs.
            Entry::Missing => None,
            Entry::Whiteout => there.then_some(Kind::Deleted),
            Entry::File => Some(if there { Kind::Changed } else { Kind::Added }),
            Entry::Folder(folder) => compare_folder(&folder, &was, hides, &path, changes)?,
        };
        changes.extend(kind.map(|kind| Change { kind, path }));
    }
    if hides {
        for name in names_below(below)?.difference(&names.into_iter().collect()) {
            if !matches!(look_below(below, name)?, Below::Nothing) {
                changes.push(Change { kind: Kind::Deleted, path: path.join(name) });
            }
        }
    }
    Ok(())
}

/// Lists what is in a directory of the upper layer, and says what has happened to the directory itself.
fn compare_folder(
    folder: &Folder,
    was: &Below,
    hides: bool,
    path: &Path,
    changes: &mut Vec<Change>,
) -> Result<Option<Kind>> {
    let before = changes.len();
    let folders = if let Below::Folders(folders) = was { &folders[..] } else { &[] };
    compare(folder, folders, hides || is_opaque(folder)?, path, changes)?;
    let same = match folders {
        [top, ..] => changes.len() == before && top.mode_and_owner()? == folder.mode_and_owner()?,
        [] => false,
    };
    Ok(match was {
        Below::Nothing => Some(Kind::Added),
        _ => (!same).then_some(Kind::Changed),
    })
}

/// Every name in any of these directories.
fn names_below(below: &[Folder]) -> Result<BTreeSet<OsString>> {
    let mut all = BTreeSet::new();
    for folder in below {
        all.extend(folder.names()?);
    }
    Ok(all)
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
/// and may not be empty after a crash or with `volatile`. Open it up first
/// (`sys::chmod_open`). That something is not there is no error. When one thing cannot be
/// removed, remove all the others, and then answer with the first error.
///
/// Man pages: `openat2(2)`, `unlink(2)`, `rename(2)`.
/// Errors: EXDEV, EBUSY: something is mounted there; EPERM: somebody else's, or immutable.
pub fn remove_layers(layers: &Layers) -> Result<()> {
    let work = remove_tree(&layers.work);
    let upper = remove_tree(&layers.upper);
    work.and(upper)
}

/// Removes one directory with all that is in it.
fn remove_tree(path: &Path) -> Result<()> {
    let (parent, Some(name)) = (path.parent().unwrap_or(path), path.file_name()) else {
        return Err(Error::new(format!("remove `{}`", path.display()), Errno::EINVAL));
    };
    let removed = match sys::open_path(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }) {
        Err(error) if error.errno == Errno::ENOENT => Ok(()),
        parent => parent.and_then(|parent| match take(&parent, name)? {
            Some(top) => empty(&top).and_then(|()| sys::rmdir_in(&parent, name)),
            None => Ok(()),
        }),
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

/// Removes `name` in `top`; what is in it and a directory itself is moved up into `top`.
fn remove_flat(top: &OwnedFd, name: &OsStr, moved: &mut u32) -> Result<()> {
    let Some(folder) = take(top, name)? else { return Ok(()) };
    for inner in sys::names_in(&folder)? {
        if take(&folder, &inner)?.is_some() {
            *moved += 1;
            sys::rename_in(&folder, &inner, top, &format!(".coracle-moved-{moved}"))?;
        }
    }
    sys::rmdir_in(top, name)
}

/// Removes `name` in `parent`; or, if that is a directory, opens it, and sees to it that its owner may empty it.
fn take(parent: &OwnedFd, name: &OsStr) -> Result<Option<OwnedFd>> {
    match sys::unlink_in(parent, name) {
        Ok(()) => return Ok(None),
        Err(error) if error.errno == Errno::ENOENT => return Ok(None),
        // Some filesystems say EPERM where Linux says EISDIR.
        Err(error) if matches!(error.errno, Errno::EISDIR | Errno::EPERM) => {}
        Err(error) => return Err(error),
    }
    let folder = sys::open_beneath(parent, Path::new(name))?;
    if sys::fstat(&folder)?.st_mode & 0o700 != 0o700 {
        sys::chmod_open(&folder, 0o700)?;
    }
    Ok(Some(folder))
}

/// Task 7.4: Say whether an overlay can have its upper directory in `directory`.
///
/// `mount(2)` does not ask all of this; without it, `rm -r` in the container ends in EIO
/// days later. `sys::filesystem_number` and [`NOT_FOR_UPPERS`] say which filesystems
/// cannot, ever. The others are tried, with a new directory in `directory`, and a file in
/// that, both removed again whatever the answer is:
///
/// - `sys::tells_kinds`: does reading a directory say what each name is?
/// - `sys::set_attribute`: can a note of this kind be written? A tmpfs keeps `user.…` only
///   since Linux 6.6. EOPNOTSUPP, EPERM and EINVAL mean that it cannot; any other errno is
///   an error of this function.
///
/// Use also `sys::mkdir`, `sys::touch`, `sys::open_path`, `sys::unlink_in`,
/// `sys::rmdir_in`. Man pages: `statfs(2)`, `readdir(3)`, `xattr(7)`.
pub fn way_here(directory: &Path, notes: Notes) -> Result<Way> {
    let number = sys::filesystem_number(directory)?;
    if let Some((_, name)) = NOT_FOR_UPPERS.iter().find(|(of, _)| *of == number) {
        return Ok(Way::Copy(Obstacle::Filesystem(name)));
    }
    let name = format!(".coracle-probe-{}", std::process::id());
    let probe = directory.join(&name);
    sys::mkdir(&probe, 0o700)?;
    let answer = try_notes(&probe, notes);
    let removed = sys::open_path(&probe)
        .and_then(|probe| sys::unlink_in(&probe, OsStr::new("file")))
        .and(sys::open_path(directory).and_then(|here| sys::rmdir_in(&here, OsStr::new(&name))));
    answer.and_then(|way| removed.map(|()| way))
}

/// The two trials, in a directory made for them.
fn try_notes(probe: &Path, notes: Notes) -> Result<Way> {
    sys::touch(&probe.join("file"))?;
    if !sys::tells_kinds(sys::open_path(probe)?)? {
        return Ok(Way::Copy(Obstacle::NoKinds));
    }
    match sys::set_attribute(probe, &notes.name("coracle"), b"y") {
        Err(error) if matches!(error.errno, Errno::EOPNOTSUPP | Errno::EPERM | Errno::EINVAL) => {
            Ok(Way::Copy(Obstacle::NoNotes(error.errno)))
        }
        answer => answer.map(|()| Way::Overlay),
    }
}
