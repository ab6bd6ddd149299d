//! Colours and line widths.
//!
//! Text is composed with its colours in it; `anstream` takes them out again when the output is a pipe or NO_COLOR is set.

use anstyle::{AnsiColor, Style};
use std::env;
use textwrap::WordSplitter::NoHyphenation;

/// Passed.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Failed.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Skipped, or worth a second look.
pub(crate) const CARE: Style = AnsiColor::Yellow.on_default();
/// Places in files, heads of a diff.
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();
/// Titles, and commands to type.
pub(crate) const STRONG: Style = Style::new().bold();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// `text` in a style.
pub(crate) fn paint(style: Style, text: impl AsRef<str>) -> String {
    format!("{style}{}{style:#}", text.as_ref())
}

/// The width to wrap at: the terminal's, or `COLUMNS`, or 80; never more than 100, which is hard to read.
pub(crate) fn width() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let variable = || env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    terminal.or_else(variable).unwrap_or(80).clamp(20, 100)
}

/// At most `most` lines; what is left out is marked.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    match lines.len() > most {
        true => format!("{} …", lines[..most].join("\n")),
        false => text.to_owned(),
    }
}

/// Wraps `text` at `width`: the first line starts with `first`, the others are set in as far as it is wide.
pub(crate) fn wrap(text: &str, first: &str, width: usize) -> String {
    let rest = " ".repeat(textwrap::core::display_width(first));
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(&rest)
        .word_splitter(NoHyphenation);
    let lines = text.lines().enumerate().flat_map(|(number, line)| {
        let options = if number == 0 { options.clone() } else { options.clone().initial_indent(&rest) };
        textwrap::wrap(line, options).into_iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    });
    lines.collect::<Vec<_>>().join("\n")
}
