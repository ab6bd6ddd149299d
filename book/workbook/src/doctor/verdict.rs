//! From facts to verdicts: for each chapter, can it be done here, and if not, what would help? Pure functions, no look at the machine.

use super::facts::Facts;
use super::lacks::{elsewhere, lack};
use super::needs::{CHAPTERS, Chapter};
use serde::Serialize;

/// What can be said about one chapter on one machine. The order is from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All that the chapter needs is here.
    RunsHere,
    /// One command, given below, is missing.
    NeedsFix,
    /// Root could do it, or could allow it.
    NeedsRoot,
    /// This kernel, container or operating system cannot do it; a virtual machine can.
    NeedsLab,
    /// This copy of the workbook has no such chapter yet.
    NotWritten,
}

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Lack {
    /// How bad: [`Verdict::RunsHere`] means that the chapter can be done all the same.
    pub(crate) verdict: Verdict,
    /// One sentence, without a period.
    pub(crate) what: String,
    /// Commands, each of which helps.
    pub(crate) fix: Vec<String>,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Judged {
    /// 1 to 18.
    pub(crate) number: u32,
    /// `chroot`.
    pub(crate) name: &'static str,
    /// The worst of what is missing, or [`Verdict::NotWritten`].
    pub(crate) verdict: Verdict,
    /// What is missing, also for chapters to come.
    pub(crate) lacks: Vec<Lack>,
}

/// All chapters, in order.
pub(crate) fn judge(facts: &Facts) -> Vec<Judged> {
    CHAPTERS.iter().map(|chapter| judge_chapter(facts, chapter)).collect()
}

/// Can the learner go on? With every written chapter passed (`next` is `None`), nothing is in the way.
pub(crate) fn ready(judged: &[Judged], next: Option<u32>) -> bool {
    judged
        .iter()
        .find(|chapter| Some(chapter.number) == next)
        .is_none_or(|chapter| matches!(chapter.verdict, Verdict::RunsHere | Verdict::NotWritten))
}

/// One chapter.
fn judge_chapter(facts: &Facts, chapter: &Chapter) -> Judged {
    let lacks: Vec<_> = match elsewhere(facts) {
        Some(lack) => vec![lack],
        None => chapter.needs.iter().filter_map(|need| lack(facts, *need, chapter.number)).collect(),
    };
    let worst = lacks.iter().map(|lack| lack.verdict).max().unwrap_or(Verdict::RunsHere);
    let written = facts.written.contains(&chapter.number);
    let verdict = if written { worst } else { Verdict::NotWritten };
    Judged { number: chapter.number, name: chapter.name, verdict, lacks }
}
