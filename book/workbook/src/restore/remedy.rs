//! One thing to remove, and how that is done.

use super::{cgroups, network, processes};
use crate::doctor::mountinfo;
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Something that was left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// `mount /var/lib/coracle/…`.
    pub(crate) what: String,
    /// How it is known to be ours: `of container 3f0c…, whose engine is gone`.
    pub(crate) why: String,
    /// What removes it.
    pub(crate) remedy: Remedy,
}

/// The ways to remove things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// SIGKILL, if the process is still the one that was found.
    Kill(processes::Process),
    /// Unmount what lies on top there.
    Unmount(PathBuf),
    /// Remove a directory that nothing is mounted in.
    RemoveTree(PathBuf),
    /// Kill what is in a cgroup, then remove it.
    EmptyCgroup(PathBuf),
    /// Remove a cgroup that should be empty.
    RemoveCgroup(PathBuf),
    /// `ip link delete`.
    DeleteLink(String),
    /// `nft delete table`.
    DeleteTable {
        /// `inet`.
        family: String,
        /// `coracle`.
        name: String,
    },
}

impl Remedy {
    /// Does it. That something is gone already counts as done: another remedy may have taken it along.
    pub(crate) fn apply(&self) -> Result<()> {
        match self {
            Self::Kill(process) => process.kill(),
            Self::Unmount(point) => unmount(point),
            Self::RemoveTree(path) => remove_tree(path),
            Self::EmptyCgroup(path) => cgroups::empty(path).and_then(|()| remove_cgroup(path)),
            Self::RemoveCgroup(path) => remove_cgroup(path),
            Self::DeleteLink(name) => network::delete_link(name),
            Self::DeleteTable { family, name } => network::delete_table(family, name),
        }
    }
}

/// Lazily, because a dead experiment's files may still be open: the mount leaves the tree now and the kernel does the rest.
/// A symbolic link is not followed, in case somebody put one where the mount point was.
fn unmount(point: &Path) -> Result<()> {
    match umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        // EINVAL: nothing is mounted there any more.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `rm -r`, but never into a mount: what is mounted there belongs to somebody else.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("read the list of mounts")?;
    if let Some(mount) = mountinfo::parse(&mounts).iter().find(|mount| mount.point.starts_with(path)) {
        bail!("{} is still mounted", mount.point.display());
    }
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(path);
            fs::remove_dir_all(path)
        }
        other => other,
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

/// Gives the owner back the right to look into directories. `symlink_metadata`: never through a link.
fn open_up(path: &Path) {
    let is_directory = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if !is_directory || fs::set_permissions(path, Permissions::from_mode(0o700)).is_err() {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

/// rmdir(2): the kernel refuses while a process or a group is in it, so this can never hurt anyone.
fn remove_cgroup(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {
            bail!("something still lives in it")
        }
        other => Ok(other?),
    }
}

/// Runs a tool; its own words are the error.
pub(super) fn tool(program: &str, arguments: &[&str]) -> Result<String> {
    let path =
        crate::doctor::probe::find(program).with_context(|| format!("`{program}` is not installed"))?;
    let output = std::process::Command::new(path).args(arguments).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", words.lines().next().unwrap_or("failed").trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_tree_goes_without_following_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let (gone, kept) = (folder.path().join("gone"), folder.path().join("kept"));
        fs::create_dir_all(gone.join("closed/inner")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "precious").unwrap();
        symlink(&kept, gone.join("closed/link")).unwrap();
        fs::set_permissions(gone.join("closed"), Permissions::from_mode(0o000)).unwrap();
        remove_tree(&gone).unwrap();
        assert!(!gone.exists());
        assert!(kept.join("file").exists());
        remove_tree(&gone).unwrap();
    }

    #[test]
    fn nothing_is_removed_through_a_mount() {
        let refused = remove_tree(Path::new("/proc")).unwrap_err().to_string();
        assert!(refused.contains("still mounted"), "{refused}");
    }
}
