//! Being written.
#![allow(dead_code)]

mod container;
mod fault;
mod store;
mod time;

fn main() {}
