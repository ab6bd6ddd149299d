//! Containers on disk. Being written.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::container::Container;

/// The directory of a container that this engine looks after: it holds the directory's lock.
pub(crate) struct ContainerDir {
    path: PathBuf,
}

impl ContainerDir {
    /// Where it is: `containers/<id>` below the data root.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `state.json` anew, in one step: a reader sees the old state or the new one, never half of one.
    pub(crate) fn save(&self, _container: &Container) -> Result<()> {
        Ok(())
    }
}
