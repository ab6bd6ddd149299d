//! The generator, on small references that hold everything a chapter may hold.

use super::*;

const REFERENCE: &str = r#"//! The header stays.

use std::fs; // and the imports

/// A private constant stays.
const LIMIT: usize = 3;

/// A private type stays,
#[derive(Debug)]
struct Plan {
    name: String,
}

impl Plan {
    fn secret(&self) {}
}

impl Drop for Plan {
    fn drop(&mut self) {}
}

/// Task 1.1: Enter "the root" and {stay}.
///
/// man 2 chroot
#[must_use]
pub fn enter(
    root: &str, /* a comment inside the signature */
    other: usize,
    and_a_name_that_makes_the_line_long: Option<usize>,
) -> usize {
    helper(root)
}

// How the helper came to be:
/// Does the work.
fn helper(root: &str) -> usize {
    root.len()
}

// A section of its own.

/// Task 1.2: PID 1 reaps.
pub fn reap() { loop {} }

/// Given: prints.
fn show() {
    println!("shown");
}

pub struct Link;

impl Link {
    fn helper() {}

    /// Task 1.3: Send a word.
    pub fn send(&self) {
        Self::helper();
    }

    fn other() {}
}

#[cfg(test)]
mod tests {
    use super::*;
}
"#;

const STUBS: &str = r#"// Made from solution.rs by `cargo workbook stubs`. From here on it is yours.
#![allow(dead_code, unused_imports, unused_variables)]

//! The header stays.

use std::fs; // and the imports

/// A private constant stays.
const LIMIT: usize = 3;

/// A private type stays,
#[derive(Debug)]
struct Plan {
    name: String,
}

/// Task 1.1: Enter "the root" and {stay}.
///
/// man 2 chroot
#[must_use]
pub fn enter(
    root: &str, /* a comment inside the signature */
    other: usize,
    and_a_name_that_makes_the_line_long: Option<usize>,
) -> usize {
    todo!("task 1.1: enter \"the root\" and {{stay}}")
}

// A section of its own.

/// Task 1.2: PID 1 reaps.
pub fn reap() {
    todo!("task 1.2: PID 1 reaps")
}

/// Given: prints.
fn show() {
    println!("shown");
}

pub struct Link;

impl Link {
    /// Task 1.3: Send a word.
    pub fn send(&self) {
        todo!("task 1.3: send a word")
    }
}
"#;

#[test]
fn tasks_lose_their_bodies_helpers_vanish_and_the_rest_stays() {
    assert_same(&generate(REFERENCE).unwrap(), STUBS);
}

#[test]
fn stubs_of_stubs_differ_only_in_the_first_lines() {
    let again = generate(STUBS).unwrap();
    assert_eq!(again.matches("todo!(").count(), 3);
}

#[test]
fn a_long_sentence_is_laid_out_as_rustfmt_does() {
    let sentence = "Do this and that ".repeat(6);
    let text = format!("/// Task 1.1: {}.\npub fn long() {{}}\n", sentence.trim());
    let made = generate(&text).unwrap();
    assert!(made.contains("    todo!(\n        \"task 1.1: do this"), "{made}");
}

#[test]
fn letters_beyond_ascii_do_not_shift_the_cuts() {
    let text = "//! “Größe” – ✓\n\n/// Task 1.1: Wärme.\npub fn a() { 1; }\n\nfn b() {}\n";
    let made = generate(text).unwrap();
    assert!(
        made.ends_with("/// Task 1.1: Wärme.\npub fn a() {\n    todo!(\"task 1.1: wärme\")\n}\n"),
        "{made}"
    );
}

#[test]
fn what_cannot_become_a_stub_is_named() {
    let table = [
        ("pub fn open() {}", "`open` is public"),
        ("/// Task 1.1: Open it.\nfn open() {}", "must be `pub`"),
        ("/// Task 1.1: Open\n/// it.\npub fn open() {}", "ends with a period"),
        (
            "/// Task 1.1: Open it.\npub fn open() -> impl Iterator<Item = u8> { [].into_iter() }",
            "name the type",
        ),
        ("const A: u8 = 1;", "no public function carries a task"),
        ("fn open( {", "line 1, column"),
    ];
    for (text, words) in table {
        let error = generate(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text:?} said {error:?}");
    }
}

/// Equal, or the difference is shown line by line.
fn assert_same(made: &str, right: &str) {
    let lines = crate::difference::unified(made, right, "made", "right");
    assert!(made == right, "{lines}");
}
