//! `chapters/mine.txt`: the chapters that the learner has switched to their own code.

use crate::workspace::{Workspace, read, write};
use anyhow::Result;
use std::{collections::BTreeSet, path::PathBuf};

/// The chapters in the list.
pub(crate) fn list(workspace: &Workspace) -> Result<BTreeSet<u32>> {
    Ok(read(&path(workspace))?.lines().flat_map(numbers).collect())
}

/// Puts a chapter into the list; comments stay.
pub(crate) fn add(workspace: &Workspace, chapter: u32) -> Result<()> {
    if list(workspace)?.contains(&chapter) {
        return Ok(());
    }
    let text = read(&path(workspace))?;
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    write(&path(workspace), &format!("{text}{gap}{chapter}\n"))
}

/// Takes a chapter out of the list; comments stay.
pub(crate) fn remove(workspace: &Workspace, chapter: u32) -> Result<()> {
    let text = read(&path(workspace))?;
    let mut kept = String::new();
    for line in text.lines() {
        let left: Vec<_> = numbers(line).filter(|number| *number != chapter).collect();
        if left.len() == numbers(line).count() {
            kept += &format!("{line}\n");
        } else {
            let comment = line.find('#').map(|at| line[at..].to_owned());
            let words = left.iter().map(u32::to_string).chain(comment).collect::<Vec<_>>().join(" ");
            if !words.is_empty() {
                kept += &format!("{words}\n");
            }
        }
    }
    write(&path(workspace), &kept)
}

/// The numbers of one line, as `chapters/build.rs` reads them.
fn numbers(line: &str) -> impl Iterator<Item = u32> {
    let words = line.split('#').next().unwrap_or_default();
    words.split([',', ' ']).filter_map(|word| word.trim().parse().ok())
}

/// The file.
fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("chapters/mine.txt")
}
