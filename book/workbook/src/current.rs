//! Which chapter the learner is at.

use crate::{
    mine,
    records::Records,
    workspace::{Chapter, Workspace},
};
use anyhow::{Context, Result};

/// The chapter named, or the one that the learner is at.
pub(crate) fn named_or_current(workspace: &Workspace, number: Option<u32>) -> Result<Chapter> {
    number.map_or_else(|| current(workspace), |number| workspace.chapter(number))
}

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
