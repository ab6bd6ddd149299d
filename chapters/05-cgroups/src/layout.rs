//! Which trees of groups this machine has, and where in each of them groups for containers can be made.
//!
//! Nothing is guessed: `/proc/self/mountinfo` says what is mounted (v1, v2 or both), `/proc/self/cgroup` in which group
//! this process is, and in v2 `cgroup.controllers` says what was handed down to us.
//!
//! | | where the groups go | why |
//! |---|---|---|
//! | v1 | below our own group | our own limits then hold for our containers too |
//! | v2, root | below the top that we see | a group that holds processes, as our own does, cannot hand controllers down |
//! | v2, a user | below the highest group that is ours | what systemd delegates begins at `user@1000.service` |
//!
//! Man pages: `cgroups(7)`, "Delegation" and "The no internal processes rule"; `proc_pid_cgroup(5)`.

use crate::{Controller, Folder, Version, own_group};
use coracle_ground::{Errno, Result, sys};
use coracle_mounts::{Hierarchy as Mounted, cgroup_hierarchies};
use std::path::{Path, PathBuf};

/// All trees of this machine, as far as this process sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// In the order in which they were mounted.
    pub trees: Vec<Tree>,
}

/// One tree, and what can be done in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Whose words its files speak.
    pub version: Version,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The folder in which a container's group is made.
    pub parent: PathBuf,
    /// What a group below `parent` can have.
    pub controllers: Vec<Controller>,
    /// Why there can be none, or none with controllers.
    pub obstacle: Option<Obstacle>,
}

/// What stands against a group in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is mounted read-only.
    ReadOnly,
    /// It belongs to somebody else: nothing was delegated.
    NotOurs,
    /// v2: the only folder that we may write holds processes, so it cannot hand more controllers down.
    HoldsProcesses,
}

impl Layout {
    /// Looks at this machine.
    ///
    /// Errors: `/proc` is not there to be read. A machine without any cgroup is none: then `trees` is empty.
    pub fn read() -> Result<Layout> {
        let own = sys::read_cgroup_file(Path::new("/proc/self/cgroup"))?;
        let trees = cgroup_hierarchies()?.iter().filter_map(|mounted| Tree::look(mounted, &own)).collect();
        Ok(Layout { trees })
    }

    /// The tree in which `controller` works: of v1 where it is mounted there, because then v2 does not have it.
    pub fn tree(&self, controller: Controller) -> Option<&Tree> {
        let has = |tree: &&Tree| tree.controllers.contains(&controller);
        let v1 = self.trees.iter().find(|tree| tree.version == Version::V1 && has(tree));
        v1.or_else(|| self.trees.iter().find(has))
    }

    /// The trees in which a group with these controllers needs a folder, each once, and for which of them. Controllers
    /// that this machine does not have are left out: [`Limits::check`](crate::Limits::check) has told about those.
    pub fn trees_for(&self, controllers: &[Controller]) -> Vec<(&Tree, Vec<Controller>)> {
        let mut found: Vec<(&Tree, Vec<Controller>)> = Vec::new();
        for controller in controllers {
            let Some(tree) = self.tree(*controller).filter(|tree| tree.can_have_groups()) else { continue };
            match found.iter_mut().find(|(known, _)| *known == tree) {
                Some((_, of_tree)) => of_tree.push(*controller),
                None => found.push((tree, vec![*controller])),
            }
        }
        found
    }

    /// The folder at `path`, when that lies in one of the trees.
    pub fn folder_at(&self, path: &Path) -> Option<Folder> {
        let inside = self.trees.iter().filter(|tree| path.starts_with(&tree.mount));
        let tree = inside.max_by_key(|tree| tree.mount.as_os_str().len())?;
        Some(Folder {
            path: path.to_path_buf(),
            version: tree.version,
            controllers: tree.controllers.iter().copied().filter(|c| self.tree(*c) == Some(tree)).collect(),
        })
    }

    /// Why `controller` cannot be used here, in a sentence; `None` when it can.
    pub fn refusal(&self, controller: Controller) -> Option<String> {
        let name = controller.v1_name();
        let usable = self.tree(controller);
        let v2 = self.trees.iter().find(|tree| tree.version == Version::V2);
        match usable.or(v2) {
            None if self.trees.is_empty() => {
                Some("no cgroup filesystem is mounted below /sys/fs/cgroup".into())
            }
            None => Some(format!("this machine has no cgroup controller `{name}`")),
            Some(tree) => tree.refusal(usable.is_none().then_some(name)),
        }
    }
}

impl Tree {
    /// Can a group be made here at all?
    pub fn can_have_groups(&self) -> bool {
        !matches!(self.obstacle, Some(Obstacle::ReadOnly | Obstacle::NotOurs))
    }

    /// What is known of a mount; `None` for a v1 tree without controllers (systemd's own) or with none that we use.
    fn look(mounted: &Mounted, own: &str) -> Option<Tree> {
        let mount = mounted.path();
        // When our own group lies outside of what is mounted here, the top is all that we know. A path such as `/../a` is
        // what the kernel says of a group outside of our cgroup namespace.
        let visible = |own: &PathBuf| !own.iter().any(|name| name == "..");
        let own = own_group(mounted, own).filter(visible).unwrap_or_else(|| mount.clone());
        let own: PathBuf = own.components().collect(); // without a slash at its end
        if mounted.filesystem == "cgroup2" {
            return Some(Tree::look_v2(mount, &own));
        }
        let has = |c: &Controller| mounted.options.split(',').any(|option| option == c.v1_name());
        let controllers: Vec<Controller> = Controller::ALL.into_iter().filter(has).collect();
        if controllers.is_empty() {
            return None;
        }
        let obstacle = obstacle(&own);
        Some(Tree { version: Version::V1, mount, parent: own, controllers, obstacle })
    }

    /// In v2: the highest folder on the way to our own that is ours to write and may hand controllers down.
    fn look_v2(mount: PathBuf, own: &Path) -> Tree {
        let mut way: Vec<&Path> = own.ancestors().take_while(|folder| folder.starts_with(&mount)).collect();
        way.reverse();
        let ours: Vec<&Path> = way.into_iter().filter(|folder| obstacle(folder).is_none()).collect();
        let free = ours.iter().find(|folder| may_hand_down(folder));
        let (parent, obstacle) = match (free, ours.first()) {
            (Some(folder), _) => (folder.to_path_buf(), None),
            (None, Some(folder)) => (folder.to_path_buf(), Some(Obstacle::HoldsProcesses)),
            (None, None) => (own.to_path_buf(), obstacle(own)),
        };
        let list = match obstacle {
            Some(Obstacle::HoldsProcesses) => "cgroup.subtree_control",
            _ => "cgroup.controllers",
        };
        let text = sys::read_cgroup_file(&parent.join(list)).unwrap_or_default();
        // What has no name in v2 is part of every group.
        let has = |c: &Controller| c.v2_name().is_none_or(|name| text.split_whitespace().any(|w| w == name));
        let controllers = Controller::ALL.into_iter().filter(has).collect();
        Tree { version: Version::V2, mount, parent, controllers, obstacle }
    }

    /// Why a group cannot be made here; or, when `lacks` names a controller, why that one is not to be had.
    fn refusal(&self, lacks: Option<&str>) -> Option<String> {
        let (mount, parent) = (self.mount.display(), self.parent.display());
        match (self.obstacle, lacks) {
            (Some(Obstacle::ReadOnly), _) => Some(format!("the cgroup tree `{mount}` is mounted read-only")),
            (Some(Obstacle::NotOurs), _) if self.version == Version::V1 => {
                Some(format!("the cgroup `{parent}` belongs to another user: on cgroup v1, limits need root"))
            }
            (Some(Obstacle::NotOurs), _) => Some(format!(
                "the cgroup `{parent}` belongs to another user, and no group is delegated to you: \
                 try again below `systemd-run --user --scope --property=Delegate=yes`"
            )),
            (Some(Obstacle::HoldsProcesses), Some(name)) => Some(format!(
                "the cgroup `{parent}` holds processes, so it cannot hand the controller `{name}` down to others"
            )),
            (None, Some(name)) => {
                Some(format!("the cgroup controller `{name}` is not delegated to `{parent}`"))
            }
            (_, None) => None,
        }
    }
}

/// May we make a folder in `folder`, and move processes from and to it?
fn obstacle(folder: &Path) -> Option<Obstacle> {
    let both = sys::may_write(folder).and_then(|()| sys::may_write(&folder.join("cgroup.procs")));
    match both {
        Ok(()) => None,
        Err(error) if error.errno == Errno::EROFS => Some(Obstacle::ReadOnly),
        Err(_) => Some(Obstacle::NotOurs),
    }
}

/// The no-internal-process rule: a group that hands controllers down holds no processes. Only the real top of the tree,
/// which has no `cgroup.type`, may do both.
fn may_hand_down(folder: &Path) -> bool {
    let is_top = sys::open_path(&folder.join("cgroup.type")).is_err();
    let processes = || sys::read_cgroup_file(&folder.join("cgroup.procs")).unwrap_or_default();
    is_top || processes().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(version: Version, controllers: &[Controller], obstacle: Option<Obstacle>) -> Tree {
        let mount = PathBuf::from("/sys/fs/cgroup");
        Tree { version, parent: mount.join("own"), mount, controllers: controllers.to_vec(), obstacle }
    }

    #[test]
    fn v1_has_a_controller_before_v2_has_it() {
        let v1 = tree(Version::V1, &[Controller::Memory], None);
        let v2 = tree(Version::V2, &[Controller::Memory, Controller::Freezer], None);
        let layout = Layout { trees: vec![v2.clone(), v1.clone()] };
        assert_eq!(layout.tree(Controller::Memory), Some(&v1));
        assert_eq!(layout.tree(Controller::Freezer), Some(&v2));
        let found = layout.trees_for(&[Controller::Memory, Controller::Freezer, Controller::Pids]);
        assert_eq!(found, [(&v1, vec![Controller::Memory]), (&v2, vec![Controller::Freezer])]);
    }

    #[test]
    fn a_refusal_names_the_reason() {
        let cases = [
            (None, "no cgroup filesystem is mounted"),
            (Some(tree(Version::V1, &[Controller::Pids], None)), "has no cgroup controller `memory`"),
            (
                Some(tree(Version::V2, &[Controller::Pids], None)),
                "`memory` is not delegated to `/sys/fs/cgroup/own`",
            ),
            (
                Some(tree(Version::V1, &[Controller::Memory], Some(Obstacle::ReadOnly))),
                "is mounted read-only",
            ),
            (
                Some(tree(Version::V1, &[Controller::Memory], Some(Obstacle::NotOurs))),
                "on cgroup v1, limits need root",
            ),
            (
                Some(tree(Version::V2, &[Controller::Memory], Some(Obstacle::NotOurs))),
                "no group is delegated to you",
            ),
            (Some(tree(Version::V2, &[], Some(Obstacle::HoldsProcesses))), "holds processes"),
        ];
        for (tree, words) in cases {
            let layout = Layout { trees: tree.into_iter().collect() };
            let why = layout.refusal(Controller::Memory).unwrap_or_default();
            assert!(why.contains(words), "{words}: {why}");
        }
        let fine = Layout { trees: vec![tree(Version::V2, &[Controller::Memory], None)] };
        assert_eq!(fine.refusal(Controller::Memory), None);
    }
}
