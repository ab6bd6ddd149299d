//! Build script: the engine is one file that needs no other.
//!
//! A program that uses shared libraries is not started by the kernel alone: `ld.so` must find each library, map it and
//! bind its symbols, each time. `coracle run` would spend an eighth of its whole time on that. And every container has one
//! engine process beside it: what is bound at start is memory of that process alone. So the engine is linked statically.
//!
//! Cargo's switch for this (`-C target-feature=+crt-static`) holds for the whole build, and procedural macros, which are
//! shared libraries, would not build. So here it is done for one program: Rust asks the linker for `c`, `m` and `gcc_s`
//! by name, and we answer by name. A linker script, found before the shared library, says "take the archive".
//! ("Implicit Linker Scripts" in the manual of GNU ld; LLVM's lld reads them too.)
//!
//! Where an archive is missing (some distributions package `libc.a` apart), or for another machine than this one, nothing
//! is changed: the engine then uses the shared libraries, and does the same a little later.

use std::{env, fs, path::Path, process::Command};

/// What Rust asks for, and what it is given.
const SCRIPTS: [(&str, &str); 3] = [
    ("libgcc_s.so", "GROUP(-lgcc_eh -lgcc)\n"),
    ("libc.so", "GROUP(libc.a -lgcc_eh -lgcc)\n"),
    ("libm.so", "GROUP(libm.a)\n"),
];
const ARCHIVES: [&str; 4] = ["libc.a", "libm.a", "libgcc_eh.a", "libgcc.a"];

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let cargo = |name: &str| env::var(name).unwrap_or_default();
    let already = cargo("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if cargo("CARGO_CFG_TARGET_ENV") != "gnu" || cargo("TARGET") != cargo("HOST") || already {
        return;
    }
    if !ARCHIVES.iter().all(|archive| the_compiler_has(archive)) {
        return;
    }
    let folder = cargo("OUT_DIR");
    for (name, script) in SCRIPTS {
        fs::write(Path::new(&folder).join(name), script).expect("cargo's own folder can be written");
    }
    println!("cargo::rustc-link-arg-bin=coracle=-static-pie");
    println!("cargo::rustc-link-arg-bin=coracle=-L{folder}");
}

/// Does the C compiler, which links for Rust, find this file? It answers with the path, or with the bare name.
fn the_compiler_has(archive: &str) -> bool {
    let compiler = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    let answer = Command::new(compiler).arg(format!("-print-file-name={archive}")).output();
    answer.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}
