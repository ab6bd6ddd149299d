//! The commands, one file each, each with `Args` and `run(args) -> Result<ExitCode>`.

pub(crate) mod catch_up;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod hint;
pub(crate) mod links;
pub(crate) mod mdbook;
pub(crate) mod mistakes;
pub(crate) mod pristine;
pub(crate) mod progress;
pub(crate) mod reset;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod solution;
pub(crate) mod start;
pub(crate) mod stubs;
pub(crate) mod transcripts;
pub(crate) mod watch;
