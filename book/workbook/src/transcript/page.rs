//! Reads the console blocks out of a page, and writes them back.

use anyhow::{Result, bail};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// One console block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// The line of its opening fence, counted from 1.
    pub(crate) line: usize,
    /// How it is run.
    pub(crate) kind: Kind,
    /// What stands before each of its lines: spaces, or `> ` in a quotation.
    pub(crate) prefix: String,
    /// Its lines, fences and prefix left out.
    pub(crate) body: Vec<String>,
    /// Its commands with what they should print.
    pub(crate) steps: Vec<Step>,
}

/// One command and its output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// The command's lines as the page has them, the prompt included.
    pub(crate) shown: Vec<String>,
    /// The command as bash gets it.
    pub(crate) command: String,
    /// The lines that follow.
    pub(crate) output: Vec<String>,
}

/// How a block is run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// In the page's session.
    World,
    /// In the page's session, as root only.
    Root,
    /// In the copied workspace, on untouched stubs.
    Stubs,
    /// In the copied workspace, on the reference as the learner's code.
    Solved,
    /// Not at all, because …
    Ignored(String),
}

/// Finds the console blocks of a page.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut found: Vec<Block> = Vec::new();
    let mut other_fence: Option<String> = None;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let inner = line.trim_start_matches([' ', '>']);
        let prefix = &line[..line.len() - inner.len()];
        if let Some(open) = &other_fence {
            if inner.starts_with(open.as_str()) && inner.trim_matches('`').is_empty() {
                other_fence = None;
            }
            continue;
        }
        let marks = inner.chars().take_while(|letter| *letter == '`').count();
        if marks < 3 {
            continue;
        }
        let Some(kind) = kind(&inner[marks..], number + 1)? else {
            other_fence = Some("`".repeat(marks));
            continue;
        };
        let body: Vec<String> = lines
            .by_ref()
            .map(|(_, line)| line.strip_prefix(prefix).unwrap_or(line.trim_start()).to_owned())
            .take_while(|line| !line.starts_with("```"))
            .collect();
        let steps = if matches!(kind, Kind::Ignored(_)) { Vec::new() } else { steps(&body, number + 1)? };
        found.push(Block { line: number + 1, kind, prefix: prefix.to_owned(), body, steps });
    }
    Ok(found)
}

/// Reads what follows the back-ticks; `None` when it is no console block.
fn kind(info: &str, line: usize) -> Result<Option<Kind>> {
    let (language, attribute) = info.trim().split_once(',').unwrap_or((info.trim(), ""));
    if language != "console" {
        return Ok(None);
    }
    Ok(Some(match attribute.trim() {
        "" => Kind::World,
        "root" => Kind::Root,
        "stubs" => Kind::Stubs,
        "solved" => Kind::Solved,
        other => match other.strip_prefix("ignore=").map(str::trim).filter(|reason| !reason.is_empty()) {
            Some(reason) => Kind::Ignored(reason.to_owned()),
            None => bail!(
                "line {line}: `console,{other}` is not known; there are root, stubs, solved and ignore=REASON"
            ),
        },
    }))
}

/// Splits a block into commands and outputs. Comments before the first command belong to nothing.
fn steps(body: &[String], line: usize) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = body.iter().enumerate();
    while let Some((number, text)) = lines.next() {
        if let Some(command) = text.strip_prefix("$ ") {
            let mut step =
                Step { shown: vec![text.clone()], command: command.to_owned(), output: Vec::new() };
            while unfinished(&step.command)? {
                let Some((_, more)) = lines.next() else {
                    bail!("line {}: this command does not end: {text}", line + number + 1);
                };
                step.shown.push(more.clone());
                step.command += "\n";
                step.command += more.strip_prefix("> ").unwrap_or(if more == ">" { "" } else { more });
            }
            steps.push(step);
        } else if let Some(step) = steps.last_mut() {
            step.output.push(text.clone());
        } else if !text.is_empty() && !text.starts_with('#') {
            bail!("line {}: output stands before the first command (`$ …`)", line + number + 1);
        }
    }
    Ok(steps)
}

/// Does bash want more lines?
fn unfinished(command: &str) -> Result<bool> {
    let trailing = command.len() - command.trim_end_matches('\\').len();
    if trailing % 2 == 1 {
        return Ok(true);
    }
    let open = ["'", "\"", "<<", "(", "{", "if ", "for ", "while ", "case ", "`", "|", "&&"];
    if !open.iter().any(|sign| command.contains(sign)) {
        return Ok(false);
    }
    let mut bash = Command::new("bash");
    let mut child =
        bash.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(command.as_bytes())?;
        input.write_all(b"\n")?;
    }
    let words = String::from_utf8_lossy(&child.wait_with_output()?.stderr).into_owned();
    Ok(["unexpected EOF", "unexpected end of file", "here-document"].iter().any(|sign| words.contains(sign)))
}

/// The page with other outputs in one block; everything else stays letter by letter.
pub(crate) fn rewritten(text: &str, block: &Block, outputs: &[Vec<String>]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut new: Vec<String> = lines[..block.line].iter().map(|line| (*line).to_owned()).collect();
    let before = block.body.iter().take_while(|line| !line.starts_with("$ ")).cloned();
    let steps =
        block.steps.iter().zip(outputs).flat_map(|(step, output)| step.shown.iter().chain(output)).cloned();
    new.extend(before.chain(steps).map(|line| format!("{}{line}", block.prefix).trim_end().to_owned()));
    new.extend(lines[block.line + block.body.len()..].iter().map(|line| (*line).to_owned()));
    new.join("\n") + "\n"
}
