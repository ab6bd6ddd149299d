//! The commands, one file each, each with `Args` and `run(args) -> Result<ExitCode>`.

pub(crate) mod stubs;
