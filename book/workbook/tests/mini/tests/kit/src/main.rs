//! Stands for the kit's `world`: runs what follows `--`, in a world that is just this one.

use std::process::{Command, exit};

fn main() {
    let words: Vec<String> = std::env::args().skip_while(|word| word != "--").skip(1).collect();
    let status = Command::new(&words[0]).args(&words[1..]).status().expect("start it");
    exit(status.code().unwrap_or(1));
}
