// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.
#![allow(dead_code, unused_imports, unused_variables)]

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
    todo!("task 7.1: mount the layers as one filesystem on `target`")
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
    todo!("task 7.1: mount the layers with the one string of options that `mount(2)` takes")
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
    todo!("task 7.2: say what one layer says about a name")
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
    todo!("task 7.2: say what all the lower layers together say about a name")
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
    todo!("task 7.2: list what the upper layer changes, as `docker diff` does")
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
    todo!("task 7.3: remove the upper and the work directory, and all that is in them")
}
