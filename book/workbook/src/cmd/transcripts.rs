//! `cargo workbook transcripts`: runs the book's console blocks again and compares.

use super::stubs::pristine;
use crate::{
    difference,
    misuse::misuse,
    tally::{Mark, Tally},
    transcript::{
        compare::{aligned, same},
        page::{self, Block, Kind, Step},
        session::Stage,
    },
    workspace::{Chapter, Workspace, files, read, write},
};
use anyhow::{Context, Result};
use nix::unistd::Uid;
use std::{path::PathBuf, process::ExitCode};

/// Flags of `transcripts`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this page: a chapter's number, or a name like `introduction`
    page: Option<String>,
    /// Write what is true now into the pages
    #[arg(long)]
    update: bool,
}

/// What a step printed; `None` when the session had ended before it.
type Printed = Option<Vec<String>>;

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let pages = pages(&workspace, args.page.as_deref())?;
    let stage = Stage::set(&workspace)?;
    let chapters = workspace.chapters()?;
    let stubs = |chapter: Chapter| pristine(&workspace, &chapter).map(|stubs| (chapter, stubs));
    let chapters = chapters.into_iter().map(stubs).collect::<Result<Vec<_>>>()?;
    let mut tally = Tally::default();
    for path in pages {
        let shown = workspace.shown(&path).to_string();
        let text = read(&path)?;
        let blocks = page::blocks(&text).with_context(|| shown.clone())?;
        if blocks.is_empty() {
            continue;
        }
        tally.head(&shown);
        let printed = play(&stage, &chapters, &blocks)?;
        let mut new = text.clone();
        // From the last to the first, so that the line numbers of those before stay true.
        for (block, printed) in blocks.iter().zip(&printed).rev().filter(|_| args.update) {
            if let Some(outputs) = changed(block, printed) {
                new = page::rewritten(&new, block, &outputs);
            }
        }
        for (block, printed) in blocks.iter().zip(&printed) {
            tally.line(&name(block), "", judge(block, printed, args.update));
        }
        if new != text {
            write(&path, &new)?;
        }
    }
    Ok(tally.close())
}

/// Runs all blocks of a page; for each its steps' outputs.
fn play(stage: &Stage, chapters: &[(Chapter, String)], blocks: &[Block]) -> Result<Vec<Vec<Printed>>> {
    let in_world = |block: &&Block| matches!(block.kind, Kind::World | Kind::Root) && !skipped(block);
    let steps: Vec<&Step> = blocks.iter().filter(in_world).flat_map(|block| &block.steps).collect();
    let mut session = if steps.is_empty() { Vec::new() } else { stage.in_world(&steps)? }.into_iter();
    blocks
        .iter()
        .map(|block| match &block.kind {
            kind @ (Kind::Stubs | Kind::Solved) => {
                stage.in_tree(kind, chapters, &block.steps.iter().collect::<Vec<_>>())
            }
            _ if in_world(&block) => Ok(session.by_ref().take(block.steps.len()).collect()),
            _ => Ok(Vec::new()),
        })
        .collect()
}

/// Needs root, and we are not.
fn skipped(block: &Block) -> bool {
    block.kind == Kind::Root && !Uid::effective().is_root()
}

/// The new outputs of a block in which something differs; those that hold stay, gaps and all.
fn changed(block: &Block, printed: &[Printed]) -> Option<Vec<Vec<String>>> {
    if block.kind == Kind::Solved && printed.first().and_then(Option::as_deref).is_some_and(fails) {
        return None;
    }
    let steps = || block.steps.iter().zip(printed);
    let differs = steps().any(|(step, real)| real.as_ref().is_some_and(|real| !same(&step.output, real)));
    let kept = |(step, real): (&Step, &Printed)| match real {
        Some(real) if !same(&step.output, real) => aligned(&step.output, real),
        _ => step.output.clone(),
    };
    differs.then(|| steps().map(kept).collect())
}

/// Does the block hold?
fn judge(block: &Block, printed: &[Printed], update: bool) -> Mark {
    if let Kind::Ignored(reason) = &block.kind {
        return Mark::Skipped(format!("not run: {reason}"));
    }
    if skipped(block) {
        return Mark::Skipped("skipped: needs root".into());
    }
    let mut wrong = Vec::new();
    if let Some(lines) = failing_reference(block, printed) {
        return Mark::Failed(lines);
    }
    for (step, real) in block.steps.iter().zip(printed) {
        let Some(real) = real else {
            wrong.push(format!("the session ended before this command: {}", step.shown[0]));
            break;
        };
        if !same(&step.output, real) && !update {
            let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let lines = difference::unified(
                &text(&step.output),
                &text(&aligned(&step.output, real)),
                "the page",
                "this run",
            );
            wrong.push(format!("{}\n{lines}", step.shown.join("\n")));
        }
    }
    if wrong.is_empty() { Mark::Passed } else { Mark::Failed(wrong.join("\n")) }
}

/// The reference passes its own tests, so its first answer holds no ✗: neither on the page nor in this run, where it would be
/// written into the page by an update. (What comes later in a block may be broken on purpose.)
fn failing_reference(block: &Block, printed: &[Printed]) -> Option<String> {
    let step = block.steps.first().filter(|_| block.kind == Kind::Solved)?;
    let real = printed.first().and_then(Option::as_deref).unwrap_or_default();
    let (who, lines) = match (fails(real), fails(&step.output)) {
        (true, _) => ("in this run", real),
        (_, true) => ("on the page", &step.output[..]),
        _ => return None,
    };
    Some(format!("the reference itself fails {who}, so this is nothing to show:\n{}", lines.join("\n")))
}

/// A task of a verdict is marked as failed.
fn fails(lines: &[String]) -> bool {
    lines.iter().any(|line| line.trim_start().starts_with('✗'))
}

/// `line 12: unshare --pid …`.
fn name(block: &Block) -> String {
    let first = block.body.iter().find_map(|line| line.strip_prefix("$ ")).unwrap_or("no command");
    format!("line {}: {first}", block.line)
}

/// The pages wanted, in the order of their names.
fn pages(workspace: &Workspace, wanted: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut pages = files(&workspace.root.join("book/src"), "md")?;
    let Some(wanted) = wanted else { return Ok(pages) };
    let prefix = wanted.parse::<u32>().map(|number| format!("{number:02}-"));
    let stem = wanted.trim_end_matches(".md");
    pages.retain(|page| {
        let name = page.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        prefix.as_ref().map_or(name == stem, |prefix| name.starts_with(prefix))
    });
    if pages.is_empty() {
        return Err(misuse(format!("the book has no page `{wanted}`")));
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        page::blocks(text).expect("a whole page").remove(0)
    }

    #[test]
    fn a_reference_that_fails_is_refused_and_not_written() {
        let good = block("```console,solved\n$ cargo workbook check 1\n✓ 1.1 a\n```\n");
        let bad = block("```console,solved\n$ cargo workbook check 1\n✗ 1.1 a\n```\n");
        let later = block("```console,solved\n$ sed -i s/a/b/ x\n$ cargo workbook check 1\n✗ 1.1 a\n```\n");
        let stubs = block("```console,stubs\n$ cargo workbook check 1\n✗ 1.1 a\n```\n");
        let said = |text: &str| Some(vec![text.to_owned()]);
        assert!(failing_reference(&good, &[said("✓ 1.1 a")]).is_none());
        assert!(failing_reference(&later, &[said(""), said("✗ 1.1 a")]).is_none());
        assert!(failing_reference(&stubs, &[said("✗ 1.1 a")]).is_none());
        assert!(failing_reference(&bad, &[said("✗ 1.1 a")]).is_some_and(|why| why.contains("in this run")));
        assert!(failing_reference(&bad, &[said("✓ 1.1 a")]).is_some_and(|why| why.contains("on the page")));
        assert!(failing_reference(&good, &[said("✗ 1.1 a")]).is_some());
        assert!(changed(&good, &[said("✗ 1.1 a")]).is_none(), "an update would write it");
    }
}
