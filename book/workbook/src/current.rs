//! Which chapter the learner is at.

use crate::{
    mine,
    records::Records,
    workspace::{Chapter, Workspace},
};
use anyhow::{Context, Result};

/// The first chapter that is switched to the learner's code and not finished; else the first not finished; else the last.
pub(crate) fn current(workspace: &Workspace) -> Result<Chapter> {
    let (records, mine) = (Records::load(workspace)?, mine::list(workspace)?);
    let chapters = workspace.chapters()?;
    let open = |chapter: &&Chapter| !records.finished(chapter.number);
    let begun = |chapter: &&Chapter| mine.contains(&chapter.number);
    chapters
        .iter()
        .find(|chapter| begun(chapter) && open(chapter))
        .or_else(|| chapters.iter().find(open))
        .or(chapters.last())
        .cloned()
        .context("there are no chapters here yet")
}
