//! Shared by every chapter: picks the learner's code or the reference.
//!
//! `chapters/mine.txt` lists the chapters that the learner has switched to their own code, one number a line.
//! For such a chapter this sets the cfg `mine`, and its `lib.rs` takes `exercise.rs` instead of `solution.rs`.
//! The variable `CORACLE_MINE` (numbers between commas, or `all`) adds to the list for a single build;
//! `cargo workbook check` uses it, so that checking never edits a file.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(mine)");
    println!("cargo::rerun-if-changed=../build.rs");
    println!("cargo::rerun-if-changed=../mine.txt");
    println!("cargo::rerun-if-env-changed=CORACLE_MINE");

    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let chapter = number_of(Path::new(&folder));
    let file = fs::read_to_string("../mine.txt").unwrap_or_default();
    let once = env::var("CORACLE_MINE").unwrap_or_default();

    if once == "all" || lists(&file, chapter) || lists(&once, chapter) {
        println!("cargo::rustc-cfg=mine");
    }
}

/// `…/05-cgroups` is chapter 5.
fn number_of(folder: &Path) -> u32 {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.split('-').next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("the folder `{name}` should be named like `05-cgroups`"))
}

/// Does `list` hold `chapter`? Numbers stand between commas or line ends; `#` starts a comment.
fn lists(list: &str, chapter: u32) -> bool {
    list.lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split([',', ' ']))
        .any(|word| word.trim().parse() == Ok(chapter))
}
