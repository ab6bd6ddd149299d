//! Mounts: what a path means, decided for each mount namespace.

use super::told;
use crate::Result;
pub use nix::mount::{MntFlags, MsFlags};
use std::path::Path;

/// Mounts a filesystem of kind `filesystem` on `target`. `options` are the filesystem's own (`size=64m,mode=1777`).
///
/// Man page: `mount(2)`. Needs CAP_SYS_ADMIN in the user namespace that owns this mount namespace.
/// EINVAL: an unknown option; ENODEV: an unknown filesystem; EPERM: no capability, or one not allowed to users.
pub fn mount(filesystem: &str, target: &Path, flags: MsFlags, options: &str) -> Result<()> {
    let data = (!options.is_empty()).then_some(options);
    told(
        || format!("mount {filesystem} on `{}`{}", target.display(), note(options)),
        nix::mount::mount(Some(filesystem), target, Some(filesystem), flags, data),
    )
}

/// Makes the file or directory `source` appear at `target` as well. With `MS_REC`, what is mounted below it too.
///
/// All other flags are ignored by the kernel here: a read-only bind takes a [`remount`] afterwards.
/// Man page: `mount(2)`, "Creating a bind mount". ENOENT, ENOTDIR (a file onto a directory or the reverse).
pub fn bind(source: &Path, target: &Path, flags: MsFlags) -> Result<()> {
    told(
        || format!("mount `{}` on `{}` (bind)", source.display(), target.display()),
        nix::mount::mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | flags, None::<&str>),
    )
}

/// Changes the flags of the mount at `target` (`MS_RDONLY`, `MS_NOSUID`, …), here and in no other place.
///
/// All flags that shall hold must be named: those left out are taken away, and in a user namespace that is
/// refused with EPERM when they came from outside. Man page: `mount(2)`, "Remounting an existing mount".
pub fn remount(target: &Path, flags: MsFlags) -> Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags;
    told(
        || format!("mount `{}` again with {}", target.display(), names(flags)),
        nix::mount::mount(None::<&str>, target, None::<&str>, flags, None::<&str>),
    )
}

/// Sets how mount events travel through `target`: `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`; with `MS_REC` everything below.
///
/// Man page: `mount_namespaces(7)`, "SHARED SUBTREES". EINVAL: `target` is not a mount point.
pub fn set_propagation(target: &Path, flags: MsFlags) -> Result<()> {
    told(
        || format!("mount `{}` with {}", target.display(), names(flags)),
        nix::mount::mount(None::<&str>, target, None::<&str>, flags, None::<&str>),
    )
}

/// Takes the topmost mount off `target`. With `MNT_DETACH` at once, even if something still stands in it.
///
/// Man page: `umount(2)`. EBUSY: in use; EINVAL: not a mount point.
pub fn unmount(target: &Path, flags: MntFlags) -> Result<()> {
    told(|| format!("umount `{}`", target.display()), nix::mount::umount2(target, flags))
}

/// Makes the mount `new_root` the root of this mount namespace, and puts the old root's mount on `put_old`.
///
/// `pivot_root(".", ".")` is allowed: the old root then lies on top of the new one, ready to be unmounted.
/// Man page: `pivot_root(2)`. Needs CAP_SYS_ADMIN. EINVAL: `new_root` is no mount point, or its parent is shared;
/// EBUSY: `new_root` is on the current root's mount.
pub fn pivot_root(new_root: &Path, put_old: &Path) -> Result<()> {
    told(
        || format!("pivot_root to `{}`, the old root on `{}`", new_root.display(), put_old.display()),
        nix::unistd::pivot_root(new_root, put_old),
    )
}

/// Which flags does the mount have on which `path` lies? In the form that [`remount`] takes.
///
/// Man page: `statvfs(3)`.
pub fn mount_flags(path: &Path) -> Result<MsFlags> {
    use nix::sys::statvfs::FsFlags;
    let answer = nix::sys::statvfs::statvfs(path);
    let has = told(|| format!("statvfs `{}`", path.display()), answer)?.flags();
    let pairs = [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let flags = pairs.iter().filter(|(st, _)| has.contains(*st)).map(|(_, ms)| *ms);
    Ok(flags.fold(MsFlags::empty(), MsFlags::union))
}

/// ` (size=64m)`, or nothing.
fn note(options: &str) -> String {
    match options {
        "" => String::new(),
        _ => format!(" ({options})"),
    }
}

/// `MS_REC|MS_PRIVATE`, for people.
fn names(flags: MsFlags) -> String {
    let names: Vec<&str> = flags.iter_names().map(|(name, _)| name).collect();
    names.join("|")
}
