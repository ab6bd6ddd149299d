//! Being written.
#![allow(dead_code)]

mod container;
mod store;
mod time;

fn main() {}
