// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.
#![allow(dead_code, unused_imports, unused_variables)]

//! The functions of chapter 3, task by task.

use crate::{DEV_LINKS, DEVICES, Hierarchy};
use coracle_ground::sys::{self, MntFlags, MsFlags};
use coracle_ground::{Errno, Result};
use std::path::Path;

/// Task 3.1: Make `root` the root mount of this mount namespace, and let go of the old one.
///
/// `pivot_root` wants a mount point, so first bind `root` onto itself, with what is mounted below it. Step into it
/// and call `pivot_root(".", ".")`: the old root then lies on top of the new one, and is the one to unmount.
/// Afterwards no mount of the host is left in this namespace, and the working directory is `/`.
///
/// The mounts must be private already (task 2.2). Use `sys::bind`, `sys::chdir`, `sys::pivot_root`, `sys::unmount`.
/// Man page: `pivot_root(2)`. Errors: EINVAL when `root` is no mount point, or its parent mount is shared.
pub fn pivot_into(root: &Path) -> Result<()> {
    todo!("task 3.1: make `root` the root mount of this mount namespace, and let go of the old one")
}

/// Task 3.2: Give the container a `/dev` of its own, at `root`: six devices, terminals, shared memory, queues, links.
///
/// A tmpfs (`mode=755`), and in it the nodes of [`DEVICES`], each with mode 0666 whatever the umask is; `pts`, a
/// devpts instance of its own; `shm`, a tmpfs of 64 MiB with mode 1777; `mqueue`; and the links of [`DEV_LINKS`].
/// Where the kernel forbids `mknod` (EPERM: root in a user namespace), bind the host's own node instead.
///
/// Called before the root is changed, so that the host's `/dev` can still be reached.
/// Use `sys::mount_point`, `sys::mount`, `sys::make_character_device`, `sys::umask`, `sys::touch`, `sys::bind`, `sys::symlink`.
/// Man pages: `mknod(2)`, `pts(4)`, `shm_overview(7)`, `mq_overview(7)`.
pub fn make_dev(root: &Path) -> Result<()> {
    todo!(
        "task 3.2: give the container a `/dev` of its own, at `root`: six devices, terminals, shared memory, queues, links"
    )
}

/// Task 3.3: Mount `/sys` at `root`, read-only, and nothing in it to execute, no devices, no raised privileges.
///
/// A new sysfs shows the network devices of the network namespace of its mounter. In a user namespace that does
/// not own the network (`--network host`) the kernel says EPERM: then bind the host's `/sys` with all below it, and make the
/// bind read-only with a remount.
///
/// Called before the root is changed. Use `sys::mount_point`, `sys::mount`, `sys::bind`, `sys::remount`.
/// Man page: `sysfs(5)`.
pub fn mount_sys(root: &Path) -> Result<()> {
    todo!(
        "task 3.3: mount `/sys` at `root`, read-only, and nothing in it to execute, no devices, no raised privileges"
    )
}

/// Task 3.3: Mount the cgroup tree below `root/sys/fs/cgroup`, read-only, as the host has it.
///
/// `hierarchies` says what the host has mounted below `/sys/fs/cgroup` (`cgroup_hierarchies()` reads it from
/// `/proc/self/mountinfo`). One hierarchy with an empty name is cgroup v2: mount it on the directory itself. Otherwise
/// that directory gets a small tmpfs with one directory and one mount for each; make the tmpfs read-only in the end.
/// A new mount shows the tree from the root of this process's cgroup namespace, and nothing above it.
///
/// Use `sys::mount`, `sys::mount_point`, `sys::remount`. Man pages: `cgroups(7)`, `cgroup_namespaces(7)`.
pub fn mount_cgroups(root: &Path, hierarchies: &[Hierarchy]) -> Result<()> {
    todo!("task 3.3: mount the cgroup tree below `root/sys/fs/cgroup`, read-only, as the host has it")
}

/// Task 3.3: Hide the paths `masked`, and make the paths `read_only` read-only. Called inside the new root.
///
/// Over a masked file goes `/dev/null`; over a masked directory an empty read-only tmpfs. A read-only path is bound
/// onto itself and mounted again with `MS_RDONLY`: the first mount ignores that flag. Keep the flags that the
/// path's mount has (`sys::mount_flags`). A path that does not exist is no error: kernels differ.
///
/// A mount follows symbolic links. If an image could make `/proc` a link, the mask would land somewhere else. So open each path
/// with `sys::open_path`, which does not follow one, and mount on `sys::path_of` what was opened.
///
/// Man pages: `mount(2)`, `proc(5)`; `MaskedPaths` and `ReadonlyPaths` in the OCI runtime specification.
pub fn protect(masked: &[&str], read_only: &[&str]) -> Result<()> {
    todo!(
        "task 3.3: hide the paths `masked`, and make the paths `read_only` read-only. Called inside the new root"
    )
}

/// Task 3.4: Make the root read-only, for this container alone. Called inside the new root, last of all.
///
/// Mount `/` again with `MS_RDONLY` and the flags that it has (`sys::mount_flags`): in a user namespace, taking one of those
/// away is refused. What is mounted below (`/dev`, a tmpfs) has flags of its own and stays writable.
///
/// Use `sys::remount`, not a change of the filesystem itself, which the host shares.
/// Man page: `mount(2)`, "Remounting an existing mount".
pub fn make_root_read_only() -> Result<()> {
    todo!(
        "task 3.4: make the root read-only, for this container alone. Called inside the new root, last of all"
    )
}
