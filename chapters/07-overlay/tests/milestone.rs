//! Chapter 7's milestone.
fn main() {}
