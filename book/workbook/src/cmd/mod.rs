//! The commands, one file each, each with `Args` and `run(args) -> Result<ExitCode>`.

pub(crate) mod check;
pub(crate) mod mistakes;
pub(crate) mod pristine;
pub(crate) mod stubs;
