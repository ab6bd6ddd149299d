//! The container's control group: made before its first process, removed after its last.
//!
//! The kernel offers groups of processes, whose use of memory, processors and disks it counts and limits (chapter 5).
//! Every container gets one, with limits or without: it is also how the container is found, stopped and counted.
//!
//! Where its folders are is written down before they are made. So whoever finds a container whose engine has died knows
//! what to remove, even if it stands somewhere else in the trees of groups.
//!
//! Man page: `cgroups(7)`.

use super::{Container, Shared};
use anyhow::{Context, Result, ensure};
use coracle_cgroups::{
    Controller, Folder, Group, Layout, Version, kill_all, make_group, oom_kills, remove, set_limits,
};
use coracle_ground::trace;
use coracle_privileges::{DeviceGroup, DeviceRule, allow_devices};
use std::path::PathBuf;

/// The controllers of every container: those that count, the one that freezes, and the one that guards devices.
const ALWAYS: [Controller; 6] = [
    Controller::Freezer,
    Controller::Memory,
    Controller::Cpu,
    Controller::Cpuacct,
    Controller::Pids,
    Controller::Devices,
];

/// The trees of groups on this machine, as far as a container of ours gets a folder in them.
pub(crate) struct Groups(Layout);

impl Groups {
    /// Looks at this machine, and says whether it can keep the container's limits: before anything is made.
    pub(crate) fn for_container(container: &mut Container) -> Result<Groups> {
        let layout = Layout::read()?;
        container.limits.check(&layout)?;
        let trees = layout.trees_for(&controllers(container));
        let folder = |parent: &PathBuf| parent.join(name(container));
        container.cgroups = trees.iter().map(|(tree, _)| folder(&tree.parent)).collect();
        ensure!(
            !(container.shared.contains(&Shared::Pid) && container.cgroups.is_empty()),
            "--pid host cannot be had here: without a PID namespace only a control group can end all processes of a \
             container, and {}",
            layout.refusal(Controller::Pids).unwrap_or_else(|| "none can be made".to_owned())
        );
        Ok(Groups(layout))
    }

    /// Makes the container's group, with its limits. Dropping it kills what is in it, and removes it.
    pub(super) fn make(&self, container: &Container, devices: Option<&[DeviceRule]>) -> Result<ControlGroup> {
        trace::step(
            5,
            "A control group: what the container uses is counted and limited from its first instant",
        );
        let group = make_group(&self.0, &name(container), &controllers(container))?;
        let group = ControlGroup { group, removed: false };
        set_limits(&group.group, &container.limits).context("set the container's limits")?;
        if let (Some(rules), Some(folder)) = (devices, group.group.folder(Controller::Devices)) {
            trace::step(6, "Which devices may be opened: the harmless ones, and those that were asked for");
            allow_devices(&device_group(folder), rules)?;
        }
        Ok(group)
    }
}

/// The group of a container that this engine looks after.
pub(super) struct ControlGroup {
    group: Group,
    removed: bool,
}

impl ControlGroup {
    /// What the chapter's functions take.
    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Ends whatever is still in the container.
    pub(super) fn kill_all(&self) -> Result<()> {
        Ok(kill_all(&self.group)?)
    }

    /// The container has ended: how many of its processes has the kernel killed for want of memory? The group goes.
    pub(super) fn end(mut self) -> Result<u64> {
        let killed = oom_kills(&self.group).unwrap_or(0);
        self.removed = true;
        remove(&self.group)?;
        Ok(killed)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        if !self.removed {
            // Already on an error path: the first error is the one to tell, and reconcile comes by later.
            let _ = kill_all(&self.group);
            let _ = remove(&self.group);
        }
    }
}

/// Removes what a dead engine has left of its container's group, and whatever is still in it.
pub(crate) fn remove_group(container: &Container) {
    let found = Layout::read().ok().and_then(|layout| Group::at(&layout, &container.cgroups));
    if let Some(group) = found {
        // What cannot be removed now is empty or somebody else's: no reason to keep the container.
        let _ = kill_all(&group);
        let _ = remove(&group);
    }
}

/// The folder as chapter 6 knows it.
fn device_group(folder: &Folder) -> DeviceGroup {
    match folder.version {
        Version::V1 => DeviceGroup::V1(folder.path.clone()),
        Version::V2 => DeviceGroup::V2(folder.path.clone()),
    }
}

fn name(container: &Container) -> String {
    format!("coracle-{}", container.id)
}

fn controllers(container: &Container) -> Vec<Controller> {
    [&ALWAYS[..], &container.limits.controllers()].concat()
}
