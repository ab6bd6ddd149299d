//! The inside of a world, before the subject starts: the host's tree read-only, one writable directory, its own
//! `/proc`. Runs as PID 1 in a new mount namespace.
//!
//! ```text
//!   /                       the host's tree, every mount of it read-only
//!   /proc                   new: the processes of this world
//!   /sys/fs/cgroup/…        the groups below the world's fence, where there is one: these can be written
//!   …/target/tmp/world      a tmpfs; the subject's working directory
//!   ├── rootfs/             a copy of the tiny root filesystem
//!   └── tmp/                TMPDIR
//! ```
//!
//! At the end all mounts are made *shared*, as systemd does on a real machine. A runtime that forgets to make
//! its mounts private then changes the world, and the photograph shows it, just as it would change the host.
//!
//! Man pages: mount_namespaces(7), mount(2).

use crate::inside::told;
use crate::message::Spec;
use crate::mountinfo::{self, Mount};
use crate::proc::Proc;
use coracle_ground::Errno;
use coracle_ground::sys::{self, MsFlags};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// How much a world may write. Memory, so not too much.
const SCRATCH: &str = "size=768m,mode=755";

/// All of it, in order.
pub(crate) fn everything(spec: &Spec) -> io::Result<()> {
    let root = Path::new("/");
    sys::set_propagation(root, MsFlags::MS_REC | MsFlags::MS_PRIVATE).map_err(told)?;
    for mount in mountinfo::read(&Proc::open()?)? {
        make_read_only(&mount)?;
    }
    for (folder, place) in &spec.trees {
        show_own_cgroups(folder, place)?;
    }
    sys::mount("tmpfs", &spec.scratch, MsFlags::empty(), SCRATCH).map_err(told)?;
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    sys::mount("proc", Path::new("/proc"), plain, "").map_err(told)?;
    sys::set_propagation(root, MsFlags::MS_REC | MsFlags::MS_SHARED).map_err(told)?;
    sys::loopback_up().map_err(told)?;

    let tmp = spec.scratch.join("tmp");
    fs::create_dir(&tmp)?;
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o1777))?;
    if let Some(rootfs) = &spec.rootfs {
        copy_tree(rootfs, &spec.scratch.join("rootfs"), &mut Copied::new())?;
    }
    Ok(())
}

/// Devices, pipes and sockets still work on a read-only mount; only the files and directories are fixed.
fn make_read_only(mount: &Mount) -> io::Result<()> {
    if mount.has("ro") {
        return Ok(());
    }
    // Flags that are not named again would be taken away, which a user namespace is not allowed to do.
    let kept = [
        ("nosuid", MsFlags::MS_NOSUID),
        ("nodev", MsFlags::MS_NODEV),
        ("noexec", MsFlags::MS_NOEXEC),
        ("noatime", MsFlags::MS_NOATIME),
        ("nodiratime", MsFlags::MS_NODIRATIME),
        ("relatime", MsFlags::MS_RELATIME),
    ];
    let kept = kept.iter().filter(|(name, _)| mount.has(name)).map(|(_, flag)| *flag);
    let flags = kept.fold(MsFlags::MS_RDONLY, MsFlags::union);
    match sys::remount(&mount.path, flags) {
        Ok(()) => Ok(()),
        // A place that this user cannot reach (nor can the subject), or that is covered by another mount.
        Err(error) if matches!(error.errno, Errno::EACCES | Errno::ENOENT | Errno::EINVAL) => Ok(()),
        Err(error) => Err(told(error)),
    }
}

/// Over the host's tree of cgroups goes the part of it that is the world's own, and can be written.
fn show_own_cgroups(folder: &Path, place: &Path) -> io::Result<()> {
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    sys::bind(folder, place, MsFlags::empty()).map_err(told)?;
    sys::remount(place, plain).map_err(told)
}

/// The first copy of each file that has several names, by device and inode.
type Copied = HashMap<(u64, u64), PathBuf>;

/// Copies directories, files, symbolic and hard links with their permissions. Hard links matter: busybox is one file
/// with ninety names.
fn copy_tree(from: &Path, to: &Path, copied: &mut Copied) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let meta = entry.metadata()?;
        let identity = (meta.dev(), meta.ino());
        if meta.is_dir() {
            copy_tree(&entry.path(), &target, copied)?;
        } else if meta.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else if let Some(first) = copied.get(&identity) {
            fs::hard_link(first, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            if meta.nlink() > 1 {
                copied.insert(identity, target);
            }
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}
