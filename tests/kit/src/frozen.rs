//! Groups that a subject froze and never thawed. On cgroup v1 a frozen process takes no signal, SIGKILL included: so whoever
//! ends a world first thaws every group in it.
//!
//! Man pages: cgroups(7) at `freezer`; "Cgroup Freezer" and "Control Group v2" in the kernel's documentation.

use crate::fence::subfolders;
use std::fs;
use std::path::{Path, PathBuf};

/// Thaws what is frozen in `folder` and below it, the deepest first. In v1 a group stands still as long as one above it
/// does, whatever it is told itself.
pub(crate) fn thaw(folder: &Path) {
    subfolders(folder).iter().for_each(|below| thaw(below));
    for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let file = folder.join(file);
        if file.exists() {
            let _ = fs::write(file, word); // the group may have gone just now
        }
    }
}

/// The groups in `folder` and below it that were told to freeze.
pub(crate) fn groups(folder: &Path) -> Vec<PathBuf> {
    let says =
        |file: &str, word: &str| fs::read_to_string(folder.join(file)).is_ok_and(|text| text.trim() == word);
    let mut found: Vec<PathBuf> = subfolders(folder).iter().flat_map(|below| groups(below)).collect();
    // In v1 a group below a frozen one says FROZEN too, but not that it was told so itself.
    if says("freezer.self_freezing", "1") || says("cgroup.freeze", "1") {
        found.insert(0, folder.to_path_buf());
    }
    found
}
