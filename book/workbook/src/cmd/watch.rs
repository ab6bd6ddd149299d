//! `cargo workbook watch`: `check` at every save.

use super::check::check;
use crate::{
    current::named_or_current,
    paint::{FAINT, paint},
    workspace::Workspace,
};
use anstream::{eprintln, println};
use anyhow::{Context, Result, anyhow};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use std::{
    ffi::OsStr,
    io::{self, IsTerminal},
    process::ExitCode,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

/// Flags of `watch`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number; the one you are at when it is left out
    chapter: Option<u32>,
}

/// Editors write a file in several steps; the check begins when this long nothing more has come.
const QUIET: Duration = Duration::from_millis(150);

/// Runs the command until Ctrl-C.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let chapter = named_or_current(&workspace, args.chapter)?;
    let (sender, saves) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.as_ref().map_or(true, is_save) {
            let _ = sender.send(event.map(drop)); // the other end goes only when the program ends
        }
    })
    .context("watch for changes")?;
    // The folder, not the file: many editors save by putting a new file in the old one's place.
    let folder = chapter.folder.join("src");
    watcher
        .watch(&folder, RecursiveMode::NonRecursive)
        .with_context(|| format!("watch {}", folder.display()))?;
    loop {
        if io::stdout().is_terminal() {
            println!("\x1b[2J\x1b[3J\x1b[H");
        }
        if let Err(error) = check(&workspace, &chapter) {
            eprintln!("{error:#}");
        }
        let file = workspace.shown(&chapter.exercise()).to_string();
        println!("\n{}", paint(FAINT, format!("watching {file}; Ctrl-C ends it")));
        wait_for_save(&saves)?;
    }
}

/// Did somebody write the learner's file? (Reading it, as cargo does, is no save.)
fn is_save(event: &Event) -> bool {
    let written = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_));
    written && event.paths.iter().any(|path| path.file_name() == Some(OsStr::new("exercise.rs")))
}

/// Waits for a save, and then until things are quiet.
fn wait_for_save(saves: &Receiver<notify::Result<()>>) -> Result<()> {
    let gone = || anyhow!("the watcher has stopped");
    saves.recv().map_err(|_| gone())?.context("watch for changes")?;
    while saves.recv_timeout(QUIET).is_ok() {}
    Ok(())
}
