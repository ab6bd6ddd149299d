// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.
#![allow(dead_code, unused_imports, unused_variables)]

//! The functions of chapter 3, task by task.

use crate::{DEV_LINKS, DEVICES, Hierarchy};
use coracle_ground::sys::{self, MntFlags, MsFlags};
use coracle_ground::{Errno, Result};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Task 3.1: Make `root` the root mount of this namespace, and let go of the old one.
///
/// `pivot_root` wants a mount point, so first bind `root` onto itself, with what is
/// mounted below it (`MS_REC`). Step into it and call `pivot_root(".", ".")`: the old
/// root then lies on top of the new one, and is the one to unmount, at once and with all
/// below it (`MNT_DETACH`). Afterwards no mount of the host is left in this namespace,
/// and the working directory is `/`.
///
/// The mounts must be private already (task 2.2). Use `sys::bind`, `sys::chdir`,
/// `sys::pivot_root`, `sys::unmount`.
/// Man page: `pivot_root(2)`, at "pivot_root(".", ".")".
/// Errors of `pivot_root`: EBUSY when `root` is no mount point and lies on the same mount
/// as `/` (checked first), EINVAL when it is no mount point and lies on another, or when
/// its parent mount is shared. Of `umount`: EBUSY when anything still uses the old root.
pub fn pivot_into(root: &Path) -> Result<()> {
    todo!("task 3.1: make `root` the root mount of this namespace, and let go of the old one")
}

/// Task 3.2: Give the container a `/dev` of its own, below `root`.
///
/// A tmpfs (`mode=755,size=65536k`; `MS_NOSUID`, `MS_STRICTATIME`), and in it:
///
/// - the nodes of [`DEVICES`], each with mode 0666 whatever the umask is: set the umask
///   to 0 for `mknod`, and put it back, because the program gets what you leave. Where
///   the kernel forbids `mknod` (EPERM: root in a user namespace), bind the host's own
///   node onto an empty file instead;
/// - `pts`, a devpts of its own (`newinstance,ptmxmode=0666,mode=0620,gid=5`; a user
///   namespace that has no group 5 answers EINVAL: then the same without `gid`), with
///   `MS_NOSUID` and `MS_NOEXEC`;
/// - `shm`, a tmpfs of 64 MiB that everybody may write to and where nobody may delete
///   another's file (`mode=1777,size=65536k`), with `MS_NOSUID`, `MS_NODEV`, `MS_NOEXEC`;
/// - `mqueue`, the filesystem of the same name, with the flags of `shm`;
/// - the links of [`DEV_LINKS`]: a name in `/dev`, and what the link reads.
///
/// Called before the root is changed, so that the host's `/dev` can still be reached. An
/// image could make its `dev` a link to a directory of the host: `sys::mount_point`
/// refuses that, and makes the directory when it is missing.
///
/// Use `sys::mount_point`, `sys::mount`, `sys::make_character_device`, `sys::umask`,
/// `sys::touch`, `sys::bind`, `sys::symlink`.
/// Man pages: `mknod(2)`, `umask(2)`, `pts(4)`, `shm_overview(7)`, `mq_overview(7)`.
pub fn make_dev(root: &Path) -> Result<()> {
    todo!("task 3.2: give the container a `/dev` of its own, below `root`")
}

/// Task 3.3: Mount a read-only `/sys` below `root`.
///
/// Nothing in it may be written, executed, be a device, or raise privileges: the flags
/// are `MS_RDONLY`, `MS_NOEXEC`, `MS_NODEV`, `MS_NOSUID`. A new sysfs shows the network
/// devices of the network namespace of its mounter. In a user namespace that does not own
/// the network (`--network host`) the kernel says EPERM, and also where the new one would
/// show or allow more than the host's, which may be read-only or partly covered. Then bind
/// the host's `/sys` with all below it, and remount the bind with the same four flags.
///
/// Called before the root is changed. Use `sys::mount_point`, `sys::mount`, `sys::bind`,
/// `sys::remount`.
/// Man page: `sysfs(5)`.
pub fn mount_sys(root: &Path) -> Result<()> {
    todo!("task 3.3: mount a read-only `/sys` below `root`")
}

/// Task 3.3: Mount the cgroups below `root/sys/fs/cgroup` as the host has them, read-only.
///
/// `hierarchies` says what the host has mounted below `/sys/fs/cgroup`
/// (`cgroup_hierarchies()` reads it from `/proc/self/mountinfo`). None: nothing to do.
/// One with an empty name is cgroup v2: mount it on the directory itself. Otherwise that
/// directory gets a small tmpfs, with one directory and one mount for each (its
/// `filesystem`, with its `options`); make the tmpfs read-only in the end, with a remount
/// that names all its flags again. All with the flags of `/sys`. A new mount shows the tree from the root of this process's cgroup
/// namespace, and nothing above it.
///
/// Use `sys::mount`, `sys::mount_point`, `sys::remount`. Man pages: `cgroups(7)`,
/// `cgroup_namespaces(7)`.
pub fn mount_cgroups(root: &Path, hierarchies: &[Hierarchy]) -> Result<()> {
    todo!("task 3.3: mount the cgroups below `root/sys/fs/cgroup` as the host has them, read-only")
}

/// Task 3.3: Hide the paths `masked`, and make the paths `read_only` read-only.
///
/// Called inside the new root. Over a masked file goes `/dev/null`; over a masked
/// directory an empty read-only tmpfs. A read-only path is bound onto itself and mounted
/// again with `MS_RDONLY`: the first mount ignores that flag. Keep the flags that the
/// path's mount has (`sys::mount_flags`). A path that does not exist is no error (ENOENT,
/// or ENOTDIR when something above it is a file): kernels differ.
///
/// A mount follows a symbolic link, and then covers what the link points at, not the name
/// that was to be hidden. So open each path with `sys::open_path`, which does not follow
/// one, and mount on `sys::path_of` what was opened. That descriptor stays with what is
/// now below the new mount: open the path again before you remount it.
///
/// Man pages: `mount(2)`, `proc(5)`; `maskedPaths` and `readonlyPaths` in the OCI runtime
/// specification.
/// Errors: ENOTDIR when a file is mounted on a directory, or the reverse.
pub fn protect(masked: &[&str], read_only: &[&str]) -> Result<()> {
    todo!("task 3.3: hide the paths `masked`, and make the paths `read_only` read-only")
}

/// Task 3.4: Make the root read-only, for this container alone.
///
/// Called inside the new root, last of all. Mount `/` again with `MS_RDONLY` and the
/// flags that it has (`sys::mount_flags`): a flag that is not named again is taken away,
/// and in a user namespace even that is refused. What is mounted below (`/dev`, a tmpfs)
/// has flags of its own and stays writable.
///
/// Use `sys::remount`. It changes this mount (`MS_BIND`), not the filesystem, which the
/// host has mounted too.
/// Man page: `mount(2)`, "Remounting an existing mount".
pub fn make_root_read_only() -> Result<()> {
    todo!("task 3.4: make the root read-only, for this container alone")
}
