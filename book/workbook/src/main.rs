//! `cargo workbook`: the learner's command.
//!
//! It depends on no crate of the workspace and drives cargo instead, so that it runs when the learner's code does not compile.
//! One file a command: `cmd/` for most, `doctor/` and `restore.rs` for the two that look at the machine.
//!
//! Exit codes: 0 when all is well; 1 when something was checked and is not; 2 when the command was used wrongly.

mod cargo;
mod chapter_data;
mod cmd;
mod current;
mod difference;
mod doctor;
mod milestone;
mod mine;
mod misuse;
mod paint;
mod process;
mod quote;
mod records;
mod restore;
mod source;
mod stubs;
mod tally;
mod transcript;
mod tree;
mod verdict;
mod web;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Build your own container engine, a chapter at a time.
#[derive(Parser)]
#[command(name = "cargo workbook", bin_name = "cargo workbook", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What this machine can do, and how to fix what it cannot
    Doctor(doctor::Args),
    /// Switch a chapter to your code, and see where to begin
    Start(cmd::start::Args),
    /// Build and test a chapter on your code, and say what was seen
    Check(cmd::check::Args),
    /// Check at every save
    Watch(cmd::watch::Args),
    /// One hint more for the task that fails
    Hint(cmd::hint::Args),
    /// Run a chapter's runtime on your code, in a throwaway world
    Run(cmd::run::Args),
    /// Open a shell in a throwaway world, for the commands of a page
    Shell(cmd::shell::Args),
    /// Start a chapter over; a copy of your file is kept
    Reset(cmd::reset::Args),
    /// Show the reference
    Solution(cmd::solution::Args),
    /// Show what changed from one milestone to the next
    Diff(cmd::diff::Args),
    /// Take the reference for the chapters before this one, where your code does not pass
    CatchUp(cmd::catch_up::Args),
    /// What is done so far
    Progress(cmd::progress::Args),
    /// Find and remove what a crashed experiment left on this machine
    Restore(restore::Args),
    /// For maintainers: see that every link of the built book and the README leads somewhere
    Links(cmd::links::Args),
    /// For mdBook: put code into the book by name
    Mdbook(cmd::mdbook::Args),
    /// For maintainers: try each wrong solution, and see that its test catches it
    Mistakes(cmd::mistakes::Args),
    /// For maintainers: see that every test fails on the untouched stubs
    Pristine(cmd::pristine::Args),
    /// For maintainers: make each exercise.rs from its solution.rs
    Stubs(cmd::stubs::Args),
    /// For maintainers: run the book's console blocks again, and compare
    Transcripts(cmd::transcripts::Args),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // `doctor` starts itself again to try namespaces; a process with threads, such as the one that waits for Ctrl-C, may not make them.
    let alone = matches!(&command, Command::Doctor(args) if args.is_probe());
    let watched = if alone { Ok(()) } else { process::die_together() };
    watched.and_then(|()| run(command)).unwrap_or_else(|error| {
        anstream::eprintln!("{} {error:#}", paint::paint(paint::BAD, "error:"));
        if error.is::<misuse::Misuse>() { ExitCode::from(2) } else { ExitCode::FAILURE }
    })
}

/// Runs the command chosen.
fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Doctor(args) => doctor::run(args),
        Command::Start(args) => cmd::start::run(args),
        Command::Check(args) => cmd::check::run(args),
        Command::Watch(args) => cmd::watch::run(args),
        Command::Hint(args) => cmd::hint::run(args),
        Command::Run(args) => cmd::run::run(args),
        Command::Shell(args) => cmd::shell::run(args),
        Command::Reset(args) => cmd::reset::run(args),
        Command::Solution(args) => cmd::solution::run(args),
        Command::Diff(args) => cmd::diff::run(args),
        Command::CatchUp(args) => cmd::catch_up::run(args),
        Command::Progress(args) => cmd::progress::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Links(args) => cmd::links::run(args),
        Command::Mdbook(args) => cmd::mdbook::run(args),
        Command::Mistakes(args) => cmd::mistakes::run(args),
        Command::Pristine(args) => cmd::pristine::run(args),
        Command::Stubs(args) => cmd::stubs::run(args),
        Command::Transcripts(args) => cmd::transcripts::run(args),
    }
}
