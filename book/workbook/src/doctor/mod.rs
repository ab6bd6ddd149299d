//! `cargo workbook doctor`: what this machine can do.
//!
//! ```text
//!   probe (looks, tries) ──▶ facts ──▶ verdict (pure) ──▶ report (text) or JSON
//!                                        ▲
//!                            needs, one line a chapter
//! ```
//!
//! It changes nothing: what has to be tried is tried in namespaces that vanish, and fixes are printed, never run.

mod cgroups;
pub(crate) mod data_root;
mod facts;
mod fixes;
mod lacks;
pub(crate) mod mountinfo;
mod needs;
pub(crate) mod place;
#[cfg(target_os = "linux")]
pub(crate) mod probe;
mod report;
mod texts;
mod verdict;

#[cfg(test)]
mod tests;

use crate::{current::current, paint, records::Records, workspace::Workspace};
use anyhow::Result;
use facts::Facts;
use serde_json::json;
use std::process::ExitCode;

/// Flags of `doctor`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Used by the doctor itself: try something and answer in JSON
    #[cfg(target_os = "linux")]
    #[arg(long, hide = true)]
    probe: Option<probe::Mode>,
    /// Used by the doctor itself: the directory to try it in
    #[cfg(target_os = "linux")]
    #[arg(long, hide = true)]
    probe_in: Option<std::path::PathBuf>,
}

impl Args {
    /// This process is the doctor's own child: it must stay without threads.
    pub(crate) fn is_probe(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.probe.is_some();
        #[cfg(not(target_os = "linux"))]
        return false;
    }
}

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the command. Exit code 0 when the learner's next chapter can be done here, else 1.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    #[cfg(target_os = "linux")]
    if let Some(mode) = args.probe {
        println!("{}", probe::answer(mode, args.probe_in.as_deref())?);
        return Ok(ExitCode::SUCCESS);
    }
    let workspace = Workspace::find()?;
    let written: Vec<_> = workspace.chapters()?.iter().map(|chapter| chapter.number).collect();
    let next = next(&workspace)?;
    let facts = gather(&workspace, written);
    let judged = verdict::judge(&facts);
    let advice = lacks::advice(&facts);
    let ready = verdict::ready(&judged, next);
    match args.format {
        Format::Text => anstream::print!("{}", report::text(&facts, &judged, &advice, next, paint::width())),
        Format::Json => {
            let all =
                json!({"next": next, "ready": ready, "facts": facts, "chapters": judged, "advice": advice});
            println!("{}", serde_json::to_string_pretty(&all)?);
        }
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The learner's chapter; `None` when all that are written are passed.
fn next(workspace: &Workspace) -> Result<Option<u32>> {
    let chapter = current(workspace)?.number;
    Ok((!Records::load(workspace)?.finished(chapter)).then_some(chapter))
}

/// On Linux: look and try.
#[cfg(target_os = "linux")]
fn gather(workspace: &Workspace, written: Vec<u32>) -> Facts {
    probe::gather(&workspace.root, written)
}

/// Elsewhere there is nothing to look at: the name of the system is the whole answer.
#[cfg(not(target_os = "linux"))]
fn gather(_workspace: &Workspace, written: Vec<u32>) -> Facts {
    let (os, processor) = (std::env::consts::OS.into(), std::env::consts::ARCH.into());
    Facts { os, processor, written, ..Facts::default() }
}
