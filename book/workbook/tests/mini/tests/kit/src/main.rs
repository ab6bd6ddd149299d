//! Stands for the kit's `world`: runs what follows `--` with the variables of `--env`, in a world that is just this one.

use std::process::{Command, exit};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let at = words.iter().position(|word| word == "--").expect("a command follows `--`");
    let (flags, command) = (&words[..at], &words[at + 1..]);
    let pairs = flags.windows(2).filter(|pair| pair[0] == "--env");
    let variables = pairs.map(|pair| pair[1].split_once('=').expect("NAME=VALUE"));
    let status = Command::new(&command[0]).args(&command[1..]).envs(variables).status().expect("start it");
    exit(status.code().unwrap_or(1));
}
