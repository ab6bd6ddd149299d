//! A copy of the workspace in `target/workbook/tree`, in which wrong solutions are tried.
//!
//! The learner's files are read and never written. Files that have not changed keep their times, and the copy has
//! its own target folder (`target/workbook/build`), so that a second run builds only what differs.

use crate::{
    cargo::Cargo,
    workspace::{Chapter, Workspace},
};
use anyhow::{Context, Result, anyhow};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The copy; while it lives, no other workbook uses it.
pub(crate) struct Tree {
    /// Its root, a workspace like the original.
    pub(crate) workspace: Workspace,
    /// Its target folder.
    pub(crate) build: PathBuf,
    _lock: Flock<File>,
}

impl Tree {
    /// Brings the copy up to date; all chapters are on the reference there.
    pub(crate) fn refresh(original: &Workspace) -> Result<Self> {
        let place = original.root.join("target/workbook");
        let root = place.join("tree");
        fs::create_dir_all(&root).with_context(|| format!("make {}", root.display()))?;
        let lock = place.join("tree.lock");
        let file = File::create(&lock).with_context(|| format!("open {}", lock.display()))?;
        let lock = take(file).map_err(|errno| anyhow!("lock {}: {errno}", lock.display()))?;
        let files = listed(&original.root)?;
        remove_others(&root, &root, &files)?;
        for file in &files {
            copy(&original.root.join(file), &root.join(file))?;
        }
        let tree = Self { workspace: Workspace { root }, build: place.join("build"), _lock: lock };
        put(
            &tree.workspace.root.join("chapters/mine.txt"),
            "# In this copy, every chapter is on the reference.\n",
        )?;
        Ok(tree)
    }

    /// Cargo in the copy; the chapters of `mine` are on the `exercise.rs` that lies there.
    pub(crate) fn cargo(&self, mine: impl ToString) -> Cargo {
        Cargo { root: self.workspace.root.clone(), mine: mine.to_string(), apart: Some(self.build.clone()) }
    }

    /// Takes back what `start` and `check` would have written in the copy.
    pub(crate) fn forget_the_learner(&self) -> Result<()> {
        let _ = fs::remove_dir_all(self.workspace.records()); // mostly there are none
        put(
            &self.workspace.root.join("chapters/mine.txt"),
            "# In this copy, every chapter is on the reference.\n",
        )
    }

    /// The copy's folder of a chapter.
    pub(crate) fn chapter(&self, chapter: &Chapter) -> Chapter {
        chapter.within(&self.workspace.root)
    }

    /// Writes a chapter's `exercise.rs` in the copy.
    pub(crate) fn put_exercise(&self, chapter: &Chapter, text: &str) -> Result<()> {
        put(&self.chapter(chapter).exercise(), text)
    }
}

/// Takes the lock; says so when it must wait for it.
fn take(file: File) -> nix::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).or_else(|(file, errno)| {
        if errno != Errno::EWOULDBLOCK {
            return Err(errno);
        }
        anstream::eprintln!("another `cargo workbook` uses the copy of the workspace; waiting for it");
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno)
    })
}

/// What belongs to the workspace: all that git knows or would add; without git, all but what is built.
fn listed(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    if let Some(output) =
        git.output().ok().filter(|output| output.status.success() && !output.stdout.is_empty())
    {
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        return Ok(names.filter(|name| root.join(name).symlink_metadata().is_ok()).collect());
    }
    let mut found = BTreeSet::new();
    walk(root, root, &mut found)?;
    Ok(found)
}

/// Gathers the files below `folder`, relative to `root`.
fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry.with_context(|| format!("read {}", folder.display()))?.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
        let built = [".git", ".workbook", "target", "book/book"].iter().any(|skip| name == Path::new(skip));
        if path.is_dir() && !path.is_symlink() {
            if !built {
                walk(root, &path, found)?;
            }
        } else {
            found.insert(name);
        }
    }
    Ok(())
}

/// Removes from the copy what the original no longer has.
fn remove_others(root: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry.with_context(|| format!("read {}", folder.display()))?.path();
        let name = path.strip_prefix(root).unwrap_or(&path);
        if path.is_dir() && !path.is_symlink() {
            remove_others(root, &path, files)?;
            let _ = fs::remove_dir(&path); // it stays when it holds anything
        } else if !files.contains(name) {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Copies one file, unless the copy is equal already.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
    }
    if from.is_symlink() {
        let _ = fs::remove_file(to);
        let target = fs::read_link(from).with_context(|| format!("read {}", from.display()))?;
        return std::os::unix::fs::symlink(target, to).with_context(|| format!("link {}", to.display()));
    }
    let new = fs::read(from).with_context(|| format!("read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::copy(from, to).map(drop).with_context(|| format!("copy {} to {}", from.display(), to.display()))
}

/// Writes a text, unless it stands there already.
fn put(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
