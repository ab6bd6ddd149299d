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
    sys::bind(root, root, MsFlags::MS_REC)?;
    sys::chdir(root)?;
    sys::pivot_root(Path::new("."), Path::new("."))?;
    sys::unmount(Path::new("."), MntFlags::MNT_DETACH)?;
    sys::chdir(Path::new("/"))
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
    let dev = sys::mount_point(root, "dev")?;
    sys::mount("tmpfs", &dev, MsFlags::MS_NOSUID | MsFlags::MS_STRICTATIME, "mode=755,size=65536k")?;
    for (name, major, minor) in DEVICES {
        make_device(&dev, name, major, minor)?;
    }
    mount_pts(&dev)?;
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    sys::mount("tmpfs", &sys::mount_point(&dev, "shm")?, harmless, "mode=1777,size=65536k")?;
    sys::mount("mqueue", &sys::mount_point(&dev, "mqueue")?, harmless, "")?;
    for (name, target) in DEV_LINKS {
        sys::symlink(target, &dev.join(name))?;
    }
    Ok(())
}

/// One device node, open to all; where making one is forbidden, the host's own, bound
/// onto an empty file.
fn make_device(dev: &Path, name: &str, major: u64, minor: u64) -> Result<()> {
    let path = dev.join(name);
    // The umask would take the write bits of group and others away, from a /dev/null of all things.
    let before = sys::umask(0);
    let made = sys::make_character_device(&path, 0o666, major, minor);
    sys::umask(before);
    match made {
        Err(error) if error.errno == Errno::EPERM => {
            sys::touch(&path)?;
            sys::bind(&Path::new("/dev").join(name), &path, MsFlags::empty())
        }
        answer => answer,
    }
}

/// Terminals of the container's own. Group 5 is `tty` by custom; a user namespace may not
/// know it (EINVAL).
fn mount_pts(dev: &Path) -> Result<()> {
    let pts = sys::mount_point(dev, "pts")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    match sys::mount("devpts", &pts, flags, "newinstance,ptmxmode=0666,mode=0620,gid=5") {
        Err(error) if error.errno == Errno::EINVAL => {
            sys::mount("devpts", &pts, flags, "newinstance,ptmxmode=0666,mode=0620")
        }
        answer => answer,
    }
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
    let target = sys::mount_point(root, "sys")?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match sys::mount("sysfs", &target, flags, "") {
        Err(error) if error.errno == Errno::EPERM => {
            sys::bind(Path::new("/sys"), &target, MsFlags::MS_REC)?;
            sys::remount(&target, flags)
        }
        answer => answer,
    }
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
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let fixed = harmless | MsFlags::MS_RDONLY;
    let target = root.join("sys/fs/cgroup");
    match hierarchies {
        [] => return Ok(()),
        [v2] if v2.name.is_empty() => return sys::mount(&v2.filesystem, &target, fixed, ""),
        _ => {}
    }
    sys::mount("tmpfs", &target, harmless, "mode=755,size=64k")?;
    for hierarchy in hierarchies {
        let place = sys::mount_point(&target, &hierarchy.name)?;
        sys::mount(&hierarchy.filesystem, &place, fixed, &hierarchy.options)?;
    }
    sys::remount(&target, fixed)
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
    for path in masked {
        let Some(file) = existing(path)? else { continue };
        match sys::is_directory(&file)? {
            true => sys::mount("tmpfs", &sys::path_of(&file), MsFlags::MS_RDONLY, "nr_blocks=1,nr_inodes=1")?,
            false => sys::bind(Path::new("/dev/null"), &sys::path_of(&file), MsFlags::empty())?,
        }
    }
    for path in read_only {
        let Some(file) = existing(path)? else { continue };
        sys::bind(&sys::path_of(&file), &sys::path_of(&file), MsFlags::MS_REC)?;
        // Opened again: the first descriptor stands for what now lies below the new mount.
        let bound = sys::open_path(Path::new(path))?;
        let flags = sys::mount_flags(&sys::path_of(&bound))?;
        sys::remount(&sys::path_of(&bound), flags | MsFlags::MS_RDONLY)?;
    }
    Ok(())
}

/// Opens `path`, or answers `None` when there is no such file: this kernel, or this
/// image, does not have it.
fn existing(path: &str) -> Result<Option<OwnedFd>> {
    match sys::open_path(Path::new(path)) {
        Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        answer => answer.map(Some),
    }
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
    let root = Path::new("/");
    sys::remount(root, sys::mount_flags(root)? | MsFlags::MS_RDONLY)
}
