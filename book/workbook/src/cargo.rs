//! Drives cargo: builds with the learner's code chosen, and reads what rustc says.

use crate::{
    mine,
    paint::{FAINT, paint},
    process::{self, Ended},
    workspace::{Chapter, Workspace},
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Where and how cargo runs.
#[derive(Debug, Clone)]
pub(crate) struct Cargo {
    /// The workspace: the learner's, or the copy in which mistakes are tried.
    pub(crate) root: PathBuf,
    /// The value of `CORACLE_MINE`.
    pub(crate) mine: String,
    /// A target folder of its own, built without debug information.
    pub(crate) apart: Option<PathBuf>,
}

/// What a build gave.
pub(crate) enum Built {
    /// The executables by their target's name.
    Ready(BTreeMap<String, PathBuf>),
    /// rustc's errors.
    Broken(Vec<Diagnostic>),
    /// Cargo itself failed; its own words.
    Failed(String),
}

/// One error of rustc.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Diagnostic {
    /// The file of the primary span, relative to the root.
    pub(crate) file: String,
    /// rustc's own text, colours included.
    pub(crate) rendered: String,
}

impl Cargo {
    /// Cargo in the learner's workspace, with chapter `number` on the learner's code.
    pub(crate) fn on_learners_code(workspace: &Workspace, number: u32) -> Result<Self> {
        let mut mine = mine::list(workspace)?;
        mine.insert(number);
        let mine = match env::var("CORACLE_MINE").unwrap_or_default() {
            all if all == "all" => all,
            more => mine.iter().map(u32::to_string).chain(Some(more)).collect::<Vec<_>>().join(","),
        };
        Ok(Self { root: workspace.root.clone(), mine: mine.trim_end_matches(',').to_owned(), apart: None })
    }

    /// `cargo …` with everything set.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(words).env("CORACLE_MINE", &self.mine);
        command.env_remove("CORACLE_REPORT");
        if let Some(target) = &self.apart {
            command.envs(apart(target));
        }
        command
    }

    /// Builds; `words` is for instance `["build", "-p", "coracle-chroot"]`.
    pub(crate) fn build(&self, words: &[&str]) -> Result<Built> {
        let coloured = anstream::stdout().current_choice() != anstream::ColorChoice::Never;
        let format = if coloured { "json-diagnostic-rendered-ansi" } else { "json" };
        let mut command = self.command(words);
        command.args(["--message-format", format]);
        let ended = process::in_group(&mut command, Duration::from_secs(3600), show_progress)?;
        clear_progress();
        Ok(read_messages(&ended, &self.root))
    }
}

/// What makes a build one apart: a target folder of its own, quick to fill.
pub(crate) fn apart(target: &Path) -> [(&'static str, OsString); 4] {
    [
        ("CARGO_TARGET_DIR", target.into()),
        ("CARGO_INCREMENTAL", "1".into()),
        ("CARGO_PROFILE_DEV_DEBUG", "0".into()),
        ("CARGO_PROFILE_TEST_DEBUG", "0".into()),
    ]
}

/// `-p coracle-chroot --test milestone`.
pub(crate) fn milestone_of(chapter: &Chapter) -> [String; 4] {
    ["-p".into(), chapter.package(), "--test".into(), "milestone".into()]
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
    message: Option<Compiler>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Compiler {
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    is_primary: bool,
}

/// Reads cargo's JSON lines.
fn read_messages(ended: &Ended, root: &Path) -> Built {
    let mut executables = BTreeMap::new();
    let mut errors = Vec::new();
    for line in ended.stdout.lines() {
        let Ok(message) = serde_json::from_str::<Message>(line) else { continue };
        match (message.reason.as_str(), message.message, message.target, message.executable) {
            ("compiler-message", Some(said), ..) if said.level == "error" => {
                errors.extend(diagnostic(said, root))
            }
            ("compiler-artifact", _, Some(target), Some(path)) => {
                executables.insert(target.name, path);
            }
            _ => {}
        }
    }
    match (ended.success(), errors.is_empty()) {
        (true, _) => Built::Ready(executables),
        (false, false) => Built::Broken(errors),
        (false, true) => Built::Failed(ended.stderr.trim().to_owned()),
    }
}

/// Keeps what is shown; the closing "aborting due to …" has no place and is left out.
fn diagnostic(said: Compiler, root: &Path) -> Option<Diagnostic> {
    let span = said.spans.iter().find(|span| span.is_primary)?;
    let file = Path::new(&span.file_name);
    let file = file.strip_prefix(root).unwrap_or(file);
    Some(Diagnostic { file: file.display().to_string(), rendered: said.rendered? })
}

/// On a terminal: one line that says what cargo is at.
fn show_progress(line: &str) {
    let doing = line.trim();
    if std::io::stderr().is_terminal()
        && ["Compiling", "Downloading", "Locking"].iter().any(|word| doing.starts_with(word))
    {
        let room = crate::paint::width().saturating_sub(3);
        let shown: String = doing.chars().take(room).collect();
        anstream::eprint!("\r\x1b[2K  {}", paint(FAINT, shown));
    }
}

/// Takes that line away again.
fn clear_progress() {
    if std::io::stderr().is_terminal() {
        anstream::eprint!("\r\x1b[2K");
    }
}

/// The words of a failure that is not about the learner's code.
pub(crate) fn own_words(stderr: &str) -> anyhow::Error {
    anyhow::anyhow!("cargo could not build this; it says:\n{stderr}")
}

/// The executable of a target, from a build that gave it.
pub(crate) fn executable<'a>(built: &'a BTreeMap<String, PathBuf>, name: &str) -> Result<&'a Path> {
    built.get(name).map(PathBuf::as_path).with_context(|| format!("cargo built no `{name}`"))
}
