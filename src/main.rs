//! `coracle`: a container engine, composed from the chapters of its book.
//!
//! This file decides three things only: which verb runs, what is printed when it fails, and the exit status. The
//! statuses are Docker's:
//!
//! | status | meaning |
//! |---|---|
//! | the command's own | the container ran |
//! | 128 + n | the command was ended by signal n |
//! | 127, 126 | the command is not in the container; it cannot be executed |
//! | 125 | the engine failed, or a flag was wrong |
//! | 1 | any other verb than `run` failed |
//!
//! What we leave out: a daemon. There is no process but this one and those in the container.

mod cli;
mod container;
mod fault;
mod store;
mod time;
mod unwritten;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

fn main() -> ExitCode {
    unwritten::quiet();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::usage::report(&error),
    };
    let status_of_failure = cli.status_of_failure();
    // A panic unwinds to here, so that every guard on its way undoes what it has to undo.
    match catch_unwind(AssertUnwindSafe(|| cli.run())) {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(error)) => {
            eprintln!("coracle: {error:#}");
            ExitCode::from(status_of_failure)
        }
        Err(panic) => {
            eprintln!("coracle: {}", unwritten::sentence(panic.as_ref()));
            ExitCode::from(125)
        }
    }
}
