//! The command line: Docker's words, one file a verb.
//!
//! Each verb's file has the same three parts in the same order: its arguments, what it does, and what only it needs.
//! Arguments become values of their own types while they are parsed; what comes after never meets a raw string.
//!
//! What we leave out: verbs of later chapters. [`usage`] knows their names, and says which chapter brings them.

mod environment;
mod images;
mod import;
mod privileges;
mod ps;
mod resources;
mod rm;
mod run;
mod table;
pub(crate) mod usage;
mod values;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::fault;

/// A container engine, built chapter by chapter.
#[derive(Parser)]
#[command(name = "coracle", version, override_usage = "coracle [OPTIONS] COMMAND", args_override_self = true)]
pub(crate) struct Cli {
    /// Tell each step: the call, the process that makes it, why, and the chapter that teaches it
    #[arg(long, global = true)]
    explain: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Run(run::Args),
    Ps(ps::Args),
    Rm(rm::Args),
    Images(images::Args),
    Import(import::Args),
    /// Print every step at which `CORACLE_KILL_AT` can kill the engine
    #[command(hide = true)]
    FaultPoints,
}

impl Cli {
    /// Runs the verb; the result is the exit status.
    pub(crate) fn run(self) -> Result<u8> {
        if self.explain {
            let story = io::stderr().as_fd().try_clone_to_owned().context("copy standard error")?;
            coracle_ground::trace::enable(File::from(story));
        }
        match self.verb {
            Verb::Run(args) => run::run(args),
            Verb::Ps(args) => ps::run(&args),
            Verb::Rm(args) => rm::run(&args),
            Verb::Images(args) => images::run(&args),
            Verb::Import(args) => import::run(args),
            Verb::FaultPoints => print(&(fault::POINTS.join("\n") + "\n")),
        }
    }

    /// The exit status when [`Self::run`] fails.
    pub(crate) fn status_of_failure(&self) -> u8 {
        if matches!(self.verb, Verb::Run(_)) { 125 } else { 1 }
    }
}

/// Prints to standard output; that nobody reads it any more (`coracle ps | head -1`) is no failure.
fn print(text: &str) -> Result<u8> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("write to standard output")
        }
        _ => Ok(0),
    }
}
