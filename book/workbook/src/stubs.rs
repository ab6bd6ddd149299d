//! Makes `exercise.rs` out of `solution.rs`.
//!
//! ```text
//!  solution.rs                                exercise.rs
//!  header, imports, types, constants    →     the same, letter by letter
//!  /// Task 1.1: Enter the root.        →     the same
//!  pub fn chroot_into(…) { real code }  →     pub fn chroot_into(…) { todo!("task 1.1: enter the root") }
//!  fn helper(…) { … }, #[cfg(test)]     →     nothing
//! ```
//!
//! The text is edited, not printed from the syntax tree, so comments and line breaks survive.
//! A function whose doc comment starts with `Given:` stays as it is, body and all.

use crate::source::{self, Function, Role};
use anyhow::{Result, bail, ensure};
use std::ops::Range;
use syn::{Item, spanned::Spanned};

/// The first line of every generated file.
pub(crate) const FIRST_LINE: &str =
    "// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.";

/// What a file of `todo!` would otherwise be warned about.
const ALLOW: &str = "#![allow(dead_code, unused_imports, unused_variables)]";

/// As `rustfmt.toml` says.
const MAX_WIDTH: usize = 110;

/// A piece of the source and what takes its place.
struct Edit {
    range: Range<usize>,
    text: String,
}

/// The stubs for the learner, from the text of a reference.
pub(crate) fn generate(solution: &str) -> Result<String> {
    let file = source::parse(solution)?;
    let mut edits = Vec::new();
    for item in &file.items {
        edit_item(solution, item, &mut edits)?;
    }
    let mut text = solution.to_owned();
    for edit in edits.into_iter().rev() {
        text.replace_range(edit.range, &edit.text);
    }
    ensure!(text.contains("todo!("), "no public function carries a task: `/// Task 1.1: Do this.`");
    Ok(format!("{FIRST_LINE}\n{ALLOW}\n\n{}\n", text.trim()))
}

/// What becomes of one top-level item.
fn edit_item(text: &str, item: &Item, edits: &mut Vec<Edit>) -> Result<()> {
    match item {
        item if for_tests_only(item) => edits.push(cut(text, item.span().byte_range())),
        Item::Fn(function) => edit_function(text, source::free_function(function), edits)?,
        Item::Impl(block) => {
            let functions = source::methods(block);
            if block.trait_.is_none() && functions.iter().any(|one| one.public || one.role == Role::Given) {
                for function in functions {
                    edit_function(text, function, edits)?;
                }
            } else if functions.iter().all(|one| one.role != Role::Given) {
                edits.push(cut(text, item.span().byte_range()));
            }
        }
        Item::Macro(rules) if rules.ident.is_some() => edits.push(cut(text, item.span().byte_range())),
        _ => {}
    }
    Ok(())
}

/// A task loses its body, a helper goes, what is given stays.
fn edit_function(text: &str, function: Function, edits: &mut Vec<Edit>) -> Result<()> {
    let name = &function.name;
    match &function.role {
        Role::Given => {}
        Role::Plain if function.public => bail!(
            "`{name}` is public, so its doc comment must begin with `Task N.T: …` (or with `Given: …`, if the learner is to have it)"
        ),
        Role::Plain => edits.push(cut(text, function.whole)),
        Role::Task { .. } if !function.public => {
            bail!("`{name}` is a task, so it must be `pub`");
        }
        Role::Task { id, sentence } => {
            ensure!(
                sentence.ends_with('.'),
                "task {id} (`{name}`): its first line must be one sentence that ends with a period"
            );
            ensure!(
                !function.opaque,
                "task {id} (`{name}`) returns `impl …`, which `todo!()` cannot stand for: name the type"
            );
            let indent = " ".repeat(column(text, function.bare.start));
            edits.push(Edit { text: todo_body(id, sentence, &indent), range: function.body });
        }
    }
    Ok(())
}

/// `{ todo!("task 1.1: enter the root") }`, laid out as rustfmt would.
fn todo_body(id: &str, sentence: &str, indent: &str) -> String {
    let message = format!("task {id}: {}", lower_first(sentence.trim_end_matches('.')));
    let message = message.replace('\\', "\\\\").replace('"', "\\\"").replace('{', "{{").replace('}', "}}");
    let line = format!("{indent}    todo!(\"{message}\")");
    if line.chars().count() <= MAX_WIDTH {
        return format!("{{\n{line}\n{indent}}}");
    }
    format!("{{\n{indent}    todo!(\n{indent}        \"{message}\"\n{indent}    )\n{indent}}}")
}

/// `Enter the root` → `enter the root`, but `PID 1 …` stays.
fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// Takes out whole lines: the item, comments that stand right above it, and the blank lines before those.
fn cut(text: &str, range: Range<usize>) -> Edit {
    let mut start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    while let Some(line) = line_before(text, start) {
        let words = text[line.clone()].trim();
        if !words.starts_with("//") || words.starts_with("//!") {
            break;
        }
        start = line.start;
    }
    let mut end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    while let Some(line) = line_before(text, start).filter(|line| text[line.clone()].trim().is_empty()) {
        start = line.start;
    }
    // The first thing of a block has no blank line above it; what follows must not keep one either.
    if text[..start].trim_end().ends_with('{') {
        while text[end..].starts_with('\n') {
            end += 1;
        }
    }
    Edit { range: start..end, text: String::new() }
}

/// The line that ends where `start` begins.
fn line_before(text: &str, start: usize) -> Option<Range<usize>> {
    let end = start.checked_sub(1)?;
    Some(text[..end].rfind('\n').map_or(0, |at| at + 1)..end)
}

/// How far a byte stands from the start of its line.
fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Carries `#[cfg(test)]`.
fn for_tests_only(item: &Item) -> bool {
    source::attributes(item).iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|word| word.is_ident("test"))
    })
}

#[cfg(test)]
mod tests;
