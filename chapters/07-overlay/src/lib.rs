//! Chapter 7, overlay: copy-on-write.
//!
//! The kernel offers a filesystem that has no disk of its own: it shows several directories as one. What is written goes to
//! the *upper* one; the *lower* ones stay as they are, and any number of overlays can share them.
//!
//! You build: the mount of such a stack, the list of what a container has changed, and its removal.
//!
//! ```text
//!   merged        /bin/sh   /etc/hosts   /new            what the container sees
//!                    │          │          │
//!   upper            │       copied up   made here        and a whiteout for what was removed: /old
//!   lower 1          │       (hidden)                     topmost first
//!   lower 2       found here                /old
//! ```
//!
//! Man pages: `fsopen(2)`, `fsconfig(2)`, `mount(2)`, `xattr(7)`; "Overlay Filesystem" in the kernel's documentation
//! (`Documentation/filesystems/overlayfs.rst`).
//! What we leave out: where layers come from (chapter 9). Layers below that were made with `redirect_dir` are refused.

use coracle_ground::Result;
use std::path::Path;

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

mod change;
mod layer;
mod layers;
mod way;

pub use change::{Change, Kind};
pub use code::{entry_in, look_below, mount_in_one_string, mount_layers, read_changes, remove_layers};
pub use layer::{Below, Entry, Folder};
pub use layers::{Layers, Notes, SETTINGS};
pub use way::{Obstacle, Way, way_here};

/// What this chapter promises to those above it. If it does not compile, a signature has changed.
#[allow(dead_code)]
struct Contract {
    mount_layers: fn(layers: &Layers, target: &Path) -> Result<()>,
    mount_in_one_string: fn(layers: &Layers, target: &Path) -> Result<()>,
    entry_in: fn(folder: &Folder, name: &std::ffi::OsStr) -> Result<Entry>,
    look_below: fn(below: &[Folder], name: &std::ffi::OsStr) -> Result<Below>,
    read_changes: fn(layers: &Layers) -> Result<Vec<Change>>,
    remove_layers: fn(layers: &Layers) -> Result<()>,
}

const _: Contract =
    Contract { mount_layers, mount_in_one_string, entry_in, look_below, read_changes, remove_layers };
