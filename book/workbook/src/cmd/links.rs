//! `cargo workbook links`: does every link lead somewhere? Without a network.
//!
//! Looked at: each page of the built book (links, anchors, images, style sheets, scripts) and the Markdown files
//! at the workspace's root (README, CONTRIBUTING …). Links to other machines are counted and not followed.

use crate::{
    misuse::misuse,
    paint::{FAINT, paint},
    tally::{Mark, Tally},
    web::{self, Document, Target},
    workspace::{Workspace, files, read},
};
use anstream::println;
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Flags of `links`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of the built book
    #[arg(long, value_name = "FOLDER")]
    book: Option<PathBuf>,
}

/// Every document looked at, by its path; read when it is first needed.
type Documents = BTreeMap<PathBuf, Document>;

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let book = args.book.unwrap_or_else(|| workspace.root.join("book/book"));
    if !book.join("index.html").is_file() {
        let shown = workspace.shown(&book);
        return Err(misuse(format!("there is no built book in {shown}; `mdbook build book` makes it")));
    }
    let book = book.canonicalize().with_context(|| format!("find {}", book.display()))?;
    let mut pages = files(&book, "html")?;
    // Both repeat what other pages hold, under other addresses.
    pages.retain(|page| !["print.html", "404.html", "toc.html"].iter().any(|name| page.ends_with(name)));
    let mut markdown: Vec<PathBuf> = fs::read_dir(&workspace.root)
        .context("read the workspace's root")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    markdown.sort();
    let mut documents = Documents::new();
    let mut tally = Tally::default();
    let (mut inside, mut outside) = (0, 0);
    let root = workspace.root.canonicalize().context("find the workspace's root")?;
    let pages = pages.iter().map(|page| (page, &book)).chain(markdown.iter().map(|page| (page, &root)));
    for (page, root) in pages {
        let links = document(&mut documents, page)?.links.clone();
        let broken = links.iter().filter_map(|link| match web::target(link) {
            Target::Outside => {
                outside += 1;
                None
            }
            Target::Inside { path, anchor } => {
                inside += 1;
                let why = follow(&mut documents, page, root, path, anchor).err()?;
                Some(format!("{link}: {why:#}"))
            }
        });
        let broken: Vec<_> = broken.collect();
        if !broken.is_empty() {
            tally.line(&workspace.shown(page).to_string(), "", Mark::Failed(broken.join("\n")));
        } else {
            tally.quietly_passed();
        }
    }
    println!(
        "{}",
        paint(FAINT, format!("{inside} links followed; {outside} lead to other machines and were not"))
    );
    Ok(tally.close())
}

/// Goes where a link leads, below `root`; the error says what is missing there.
fn follow(documents: &mut Documents, from: &Path, root: &Path, path: &str, anchor: &str) -> Result<()> {
    let place = match path.strip_prefix('/') {
        _ if path.is_empty() => from.to_owned(),
        Some(rest) => root.join(rest),
        None => from.parent().unwrap_or(root).join(path),
    };
    let place =
        if place.is_dir() && place.join("index.html").is_file() { place.join("index.html") } else { place };
    anyhow::ensure!(place.exists(), "there is no such file");
    let place = place.canonicalize().with_context(|| format!("find {}", place.display()))?;
    anyhow::ensure!(place.starts_with(root), "it leads out of {}", root.display());
    let readable = place
        .extension()
        .is_some_and(|extension| extension == "html" || extension == "md" || extension == "svg");
    if anchor.is_empty() || !readable {
        return Ok(());
    }
    let there = document(documents, &place)?.anchors.iter().any(|id| id == anchor);
    anyhow::ensure!(there, "that page has no `#{anchor}`");
    Ok(())
}

/// A document, read once.
fn document<'a>(documents: &'a mut Documents, path: &Path) -> Result<&'a Document> {
    if !documents.contains_key(path) {
        let text = read(path)?;
        let markdown = path.extension().is_some_and(|extension| extension == "md");
        let read = if markdown { Document::from_markdown(&text) } else { Document::from_html(&text) };
        documents.insert(path.to_owned(), read);
    }
    Ok(&documents[path])
}
