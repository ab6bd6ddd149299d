//! Greets.

#[cfg(mine)]
#[path = "exercise.rs"]
mod code;
#[cfg(not(mine))]
#[path = "solution.rs"]
mod code;

pub use code::{count, greet};

/// The contract.
#[allow(dead_code)]
struct Contract {
    greet: fn(&str) -> String,
    count: fn(u8) -> String,
}

const _: Contract = Contract { greet, count };
