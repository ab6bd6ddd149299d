//! `cargo workbook mdbook`: the book's preprocessor, called by mdBook itself.
//!
//! In `book.toml`: `[preprocessor.workbook]`, `command = "cargo workbook mdbook"`. mdBook calls it with
//! `supports html` first, then gives it `[context, book]` as JSON and takes the book back.

use crate::{quote::Quoter, workspace::Workspace};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Flags of `mdbook`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Option<Question>,
}

/// What mdBook asks before.
#[derive(clap::Subcommand)]
enum Question {
    /// Does it work for this renderer? (For all)
    Supports {
        /// `html`
        renderer: String,
    },
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    if let Some(Question::Supports { renderer }) = args.question {
        return Ok(if renderer.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let input: Value = serde_json::from_reader(io::stdin().lock())
        .context("read the book: mdBook gives it on standard input, as JSON")?;
    let [context, book] = input.as_array().map(Vec::as_slice).unwrap_or_default() else {
        anyhow::bail!("read the book: mdBook gives `[context, book]`");
    };
    let quoter = Quoter { workspace: Workspace::find()?, repository: repository(context) };
    let mut book = book.clone();
    ensure!(book.is_object(), "read the book: it is no object");
    quote_chapters(&quoter, &mut book)?;
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &book).context("write the book")?;
    out.flush().context("write the book")?;
    Ok(ExitCode::SUCCESS)
}

/// Goes through the whole tree: chapters lie in chapters.
fn quote_chapters(quoter: &Quoter, node: &mut Value) -> Result<()> {
    match node {
        Value::Array(list) => list.iter_mut().try_for_each(|inner| quote_chapters(quoter, inner)),
        Value::Object(fields) => {
            let page = fields.get("path").and_then(Value::as_str).map(str::to_owned);
            if let (Some(page), Some(Value::String(content))) = (page, fields.get_mut("content")) {
                *content = quoter.page(&page, content)?;
            }
            fields
                .values_mut()
                .filter(|inner| inner.is_array() || inner.is_object())
                .try_for_each(|inner| quote_chapters(quoter, inner))
        }
        _ => Ok(()),
    }
}

/// `https://…/blob/main` from the book's `git-repository-url`.
fn repository(context: &Value) -> Option<String> {
    let url = context.pointer("/config/output/html/git-repository-url")?.as_str()?;
    Some(format!("{}/blob/main", url.trim_end_matches('/')))
}
