//! What the workbook remembers about a learner, in `.workbook/` at the root: never in git, safe to delete.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Copies `file` into `.workbook/backups/<chapter>/` and says where; `None` when there is no such file.
pub(crate) fn back_up(workspace: &Workspace, chapter: &str, file: &Path) -> Result<Option<PathBuf>> {
    if !file.is_file() {
        return Ok(None);
    }
    let folder = workspace.records().join("backups").join(chapter);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let copy = (1..)
        .map(|number| folder.join(format!("exercise-{number}.rs")))
        .find(|path| !path.exists())
        .expect("there are more numbers than files");
    fs::copy(file, &copy).with_context(|| format!("copy {} to {}", file.display(), copy.display()))?;
    Ok(Some(copy))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
