//! What the workbook remembers about a learner, in `.workbook/` at the root: never in git, safe to delete.
//!
//! ```text
//! .workbook/progress.json          what the last check of each chapter found, how far each ladder was opened
//! .workbook/backups/01-chroot/     the learner's files, from before they were replaced
//! ```

use crate::workspace::{Workspace, read};
use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// `progress.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Records {
    /// For each task, how many hints were opened.
    #[serde(default)]
    pub(crate) hints: BTreeMap<String, usize>,
    /// For each chapter, what its last check found.
    #[serde(default)]
    pub(crate) checks: BTreeMap<u32, Check>,
}

/// What one check found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Check {
    /// When, in seconds since 1970.
    pub(crate) at: u64,
    /// Each task's state.
    pub(crate) tasks: BTreeMap<String, TaskState>,
}

/// A task in the last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskState {
    /// All its tests passed; perhaps some could not run here.
    Passed,
    /// One of its tests failed, or ran out of time.
    Failed,
    /// Its own `todo!` is still there.
    Todo,
    /// Another task's `todo!` stands in the way.
    Waiting,
    /// None of its tests can run on this machine.
    Skipped,
}

impl TaskState {
    /// `passed`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Todo => "todo",
            Self::Waiting => "waiting",
            Self::Skipped => "skipped",
        }
    }
}

impl Records {
    /// Reads them; there are none at first.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self> {
        let path = file(workspace);
        if !path.is_file() {
            return Ok(Self::default());
        }
        serde_json::from_str(&read(&path)?).map_err(|error| {
            anyhow!("{} is damaged ({error}); delete it to start your records anew", workspace.shown(&path))
        })
    }

    /// Writes them, whole or not at all.
    pub(crate) fn save(&self, workspace: &Workspace) -> Result<()> {
        let (path, folder) = (file(workspace), workspace.records());
        make_folder(workspace, &folder)?;
        let text = serde_json::to_string_pretty(self).context("write the records")?;
        let new = path.with_extension(format!("new-{}", std::process::id()));
        fs::write(&new, text + "\n").with_context(|| format!("write {}", new.display()))?;
        give_back(workspace, &new);
        fs::rename(&new, &path).with_context(|| format!("write {}", path.display()))
    }

    /// Did all tasks of a chapter pass when they were last checked?
    pub(crate) fn finished(&self, chapter: u32) -> bool {
        self.checks.get(&chapter).is_some_and(|check| {
            let done = |state: &TaskState| matches!(state, TaskState::Passed | TaskState::Skipped);
            check.tasks.values().all(done) && check.tasks.values().any(|state| *state == TaskState::Passed)
        })
    }
}

/// Copies `file` into `.workbook/backups/<chapter>/` and says where; `None` when there is no such file.
pub(crate) fn back_up(workspace: &Workspace, chapter: &str, file: &Path) -> Result<Option<PathBuf>> {
    if !file.is_file() {
        return Ok(None);
    }
    let folder = workspace.records().join("backups").join(chapter);
    make_folder(workspace, &folder)?;
    let copy = (1..)
        .map(|number| folder.join(format!("exercise-{number}.rs")))
        .find(|path| !path.exists())
        .expect("there are more numbers than files");
    fs::copy(file, &copy).with_context(|| format!("copy {} to {}", file.display(), copy.display()))?;
    give_back(workspace, &copy);
    Ok(Some(copy))
}

/// Makes a folder below `.workbook/`, and the folders above it.
fn make_folder(workspace: &Workspace, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let own = folder.ancestors().take_while(|path| path.starts_with(workspace.records()));
    own.for_each(|path| give_back(workspace, path));
    Ok(())
}

/// After `sudo cargo workbook check` the learner, not root, owns the records: else the next check could not write them.
fn give_back(workspace: &Workspace, path: &Path) {
    if let Ok(owner) = fs::metadata(&workspace.root) {
        let _ = std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())); // only root may, and only root must
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Where the records lie.
fn file(workspace: &Workspace) -> PathBuf {
    workspace.records().join("progress.json")
}
