//! Repeats.

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

pub use code::repeat;
