//! Puts code into the book by name, so that a page never holds a copy.
//!
//! A line of its own, outside of code blocks:
//!
//! ```text
//! {{#code chroot_into}}                            from the reference of the page's own chapter, without its comment
//! {{#code chroot_into with docs}}                  with its doc comment
//! {{#code End from chapters/00-ground/src/lib.rs}} from any file; also types, constants, `Type::method`
//! {{#code chroot_into stub}}                       as the learner gets it, with `todo!` and its doc comment
//! {{#diff 1 2}}                                    what changed from milestone 1 to milestone 2
//! ```
//!
//! Below the code stands where it comes from: file and line, a link when `book.toml` names the repository.
//! A name that is not there stops the build of the book.

#[cfg(test)]
mod tests;

use crate::{
    difference, source, stubs,
    workspace::{Chapter, Workspace, read},
};
use anyhow::{Context, Result, anyhow, bail, ensure};

/// Where pages are built.
pub(crate) struct Quoter {
    /// Where the sources lie.
    pub(crate) workspace: Workspace,
    /// `https://…/blob/main`, when the book knows it.
    pub(crate) repository: Option<String>,
}

impl Quoter {
    /// Replaces the directives of a page, and strips from console blocks what is meant for `transcripts`.
    ///
    /// `page` is its path in the book, like `01-chroot.md`.
    pub(crate) fn page(&self, page: &str, text: &str) -> Result<String> {
        let mut out = Vec::new();
        let mut fence: Option<String> = None;
        for (number, line) in text.lines().enumerate() {
            let mark = fence_mark(line);
            match (&fence, mark) {
                (Some(open), Some(mark)) if mark.starts_with(open.as_str()) => fence = None,
                (None, Some(mark)) => fence = Some(mark.to_owned()),
                (None, None) if is_directive(line.trim()) => {
                    let quoted = self.directive(page, line.trim());
                    out.push(
                        quoted.with_context(|| format!("{page}, line {}: {}", number + 1, line.trim()))?,
                    );
                    continue;
                }
                _ => {}
            }
            out.push(plain_console(line));
        }
        Ok(out.join("\n") + "\n")
    }

    /// What one directive stands for.
    fn directive(&self, page: &str, line: &str) -> Result<String> {
        let inner = line.strip_prefix("{{#").and_then(|rest| rest.strip_suffix("}}"));
        let words: Vec<_> = inner.context("a directive ends with `}}`")?.split_whitespace().collect();
        match words[..] {
            ["code", name] => self.code(page, name, None, Form::Bare),
            ["code", name, "with", "docs"] => self.code(page, name, None, Form::Whole),
            ["code", name, "stub"] => self.code(page, name, None, Form::Stub),
            ["code", name, "from", file] => self.code(page, name, Some(file), Form::Bare),
            ["code", name, "with", "docs", "from", file] => self.code(page, name, Some(file), Form::Whole),
            ["diff", from, to] => self.difference(from, to),
            _ => bail!("this is neither `code NAME [with docs | stub] [from FILE]` nor `diff N M`"),
        }
    }

    /// A piece of code as a code block, with its place below.
    fn code(&self, page: &str, name: &str, file: Option<&str>, form: Form) -> Result<String> {
        let path = match file {
            Some(file) => self.workspace.root.join(file),
            None => self.chapter_of(page)?.solution(),
        };
        let shown = self.workspace.shown(&path).to_string();
        let original = read(&path)?;
        let text = match form {
            Form::Stub => stubs::generate(&original).with_context(|| shown.clone())?,
            _ => original,
        };
        let quoted = source::find(&text, name).with_context(|| shown.clone())?;
        let quoted = quoted.ok_or_else(|| anyhow!("{shown} has no `{name}`"))?;
        let range = if matches!(form, Form::Bare) { quoted.bare } else { quoted.whole };
        let code = outdented(&text, range.start, &text[range.clone()]);
        let place = match form {
            Form::Stub => self.place(&shown.replace("solution.rs", "exercise.rs"), quoted.line),
            _ => self.place(&shown, quoted.line),
        };
        Ok(format!("```rust,ignore\n{code}\n```\n\n{place}"))
    }

    /// The difference of two milestones as a code block.
    fn difference(&self, from: &str, to: &str) -> Result<String> {
        let milestone = |number: &str| -> Result<_> {
            let number = number.parse().with_context(|| format!("`{number}` is no chapter"))?;
            Ok(self.workspace.chapter(number)?.milestone())
        };
        let (from, to) = (milestone(from)?, milestone(to)?);
        let names = [&from, &to].map(|path| self.workspace.shown(path).to_string());
        let text = difference::unified(&read(&from)?, &read(&to)?, &names[0], &names[1]);
        let plain = anstream::adapter::strip_str(&text).to_string();
        ensure!(!plain.contains("```"), "the difference holds a code fence");
        Ok(format!("```diff\n{}\n```", plain.trim_end()))
    }

    /// The chapter of a page named like its folder.
    fn chapter_of(&self, page: &str) -> Result<Chapter> {
        let stem = page.trim_end_matches(".md");
        let chapters = self.workspace.chapters()?;
        let chapter = chapters.into_iter().find(|chapter| chapter.name == stem);
        chapter.context("this page belongs to no chapter, so the directive must say `from FILE`")
    }

    /// `chapters/01-chroot/src/solution.rs:23`, linked when it is known where to.
    fn place(&self, file: &str, line: usize) -> String {
        let name = format!("<code>{file}:{line}</code>");
        match &self.repository {
            Some(base) => format!("<p class=\"code-place\"><a href=\"{base}/{file}#L{line}\">{name}</a></p>"),
            None => format!("<p class=\"code-place\">{name}</p>"),
        }
    }
}

/// How much of an item is quoted.
enum Form {
    /// Without doc comment and attributes.
    Bare,
    /// With them.
    Whole,
    /// As the learner gets it.
    Stub,
}

/// A whole line like `{{#code …}}` or `{{#diff …}}`.
fn is_directive(line: &str) -> bool {
    let name = line.strip_prefix("{{#").map(|rest| rest.split([' ', '}']).next().unwrap_or_default());
    matches!(name, Some("code" | "diff"))
}

/// The back-ticks or tildes that open or close a code block.
fn fence_mark(line: &str) -> Option<&str> {
    let line = line.trim_start_matches([' ', '>']);
    let mark = line.chars().next().filter(|letter| matches!(letter, '`' | '~'))?;
    let length = line.chars().take_while(|letter| *letter == mark).count();
    (length >= 3).then(|| &line[..length])
}

/// ```` ```console,root ```` is plain `console` for the reader.
fn plain_console(line: &str) -> String {
    match line.split_once("```console,") {
        Some((before, _)) if before.trim_matches([' ', '>']).is_empty() => format!("{before}```console"),
        _ => line.to_owned(),
    }
}

/// Moves a method to the left edge.
fn outdented(text: &str, start: usize, code: &str) -> String {
    let column = start - text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = " ".repeat(column);
    code.lines().map(|line| line.strip_prefix(&indent).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}
