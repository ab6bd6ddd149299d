//! One container's group: a folder of the same name in each tree that it needs.

use crate::{Controller, Layout, Version};
use coracle_ground::{Errno, Error, Result, sys};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The folders of one container. A plain list: dropping it removes nothing, because the container may live longer than
/// this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name of each folder: `coracle-…`.
    pub name: String,
    /// One in each tree.
    pub folders: Vec<Folder>,
}

/// The folder in one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whose words its files speak.
    pub version: Version,
    /// For which of our controllers it is the place.
    pub controllers: Vec<Controller>,
}

/// The ways into a group, opened by the host side and used by the child: later it may have neither the right nor the
/// path to open them.
#[derive(Debug)]
pub struct Doors {
    /// The folder of v2, for `clone3`.
    pub directory: Option<OwnedFd>,
    /// Its `cgroup.procs`, for a kernel that cannot clone into a group.
    pub procs: Option<OwnedFd>,
    /// The `tasks` of each folder of v1.
    pub tasks: Vec<OwnedFd>,
}

impl Group {
    /// The folder for a controller.
    pub fn folder(&self, controller: Controller) -> Option<&Folder> {
        self.folders.iter().find(|folder| folder.controllers.contains(&controller))
    }

    /// The folder that can freeze; ENOENT when there is none.
    pub fn freezer(&self) -> Result<&Folder> {
        let missing = || Error::new(format!("freeze `{}`, which has no freezer", self.name), Errno::ENOENT);
        self.folder(Controller::Freezer).ok_or_else(missing)
    }

    /// The path of a controller's file.
    pub fn file(&self, controller: Controller, name: &str) -> Option<PathBuf> {
        self.folder(controller).map(|folder| folder.path.join(name))
    }

    /// A group of that name which exists already, with those of its folders that are there. Looks where
    /// [`make_group`](crate::make_group) would make it now.
    pub fn find(layout: &Layout, name: &str) -> Option<Group> {
        let paths: Vec<PathBuf> = layout.trees.iter().map(|tree| tree.parent.join(name)).collect();
        Group::at(layout, &paths)
    }

    /// A group whose folders were written down when it was made: whoever comes later may stand somewhere else in the
    /// trees, and would look in the wrong place. `None` when none of them is there any more.
    pub fn at(layout: &Layout, paths: &[PathBuf]) -> Option<Group> {
        let exists = |path: &&PathBuf| sys::open_path(path).is_ok();
        let folders: Vec<Folder> =
            paths.iter().filter(exists).filter_map(|path| layout.folder_at(path)).collect();
        let name = folders.first()?.path.file_name()?.to_string_lossy().into_owned();
        Some(Group { name, folders })
    }

    /// The paths of its folders, to be written down.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|folder| folder.path.as_path())
    }
}

impl Doors {
    /// Opens the ways into `group`, while this process still can.
    ///
    /// The child will perhaps be in another user namespace and see other mounts. What is open by then stays open, and
    /// whether it may write was asked when it was opened.
    pub fn open(group: &Group) -> Result<Doors> {
        let mut doors = Doors { directory: None, procs: None, tasks: Vec::new() };
        for folder in &group.folders {
            match folder.version {
                Version::V1 => doors.tasks.push(sys::open_for_writing(&folder.path.join("tasks"))?),
                Version::V2 => {
                    doors.directory = Some(sys::open_directory(&folder.path)?);
                    doors.procs = Some(sys::open_for_writing(&folder.path.join("cgroup.procs"))?);
                }
            }
        }
        Ok(doors)
    }
}

impl Folder {
    /// Gives this new v1 cpuset the processors and the memory nodes of its parent.
    ///
    /// Until `cpuset.cpus` and `cpuset.mems` have something in them, no process can enter (ENOSPC). They are filled
    /// already where somebody has set `cgroup.clone_children`. Man page: `cpuset(7)`.
    pub fn fill_cpuset(&self) -> Result<()> {
        let parent = self.path.parent().unwrap_or(&self.path);
        for name in ["cpuset.cpus", "cpuset.mems"] {
            if sys::read_cgroup_file(&self.path.join(name))?.trim().is_empty() {
                let of_parent = sys::read_cgroup_file(&parent.join(name))?;
                sys::write_cgroup_file(&self.path.join(name), of_parent.trim())?;
            }
        }
        Ok(())
    }

    /// The folders below this one, the deepest first: the order in which they can be removed.
    pub fn below(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.path, &mut found);
        found
    }
}

/// Adds what is below `folder`, deepest first. What cannot be read is not there, or not ours.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        collect(&entry.path(), found);
        found.push(entry.path());
    }
}
