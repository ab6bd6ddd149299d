//! Greets and counts.

/// Task 1.1: Greet `name`.
///
/// With a comma and an exclamation mark.
pub fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}

/// Task 1.2: Count down to zero.
pub fn count(from: u8) -> String {
    let mut left = from;
    let mut words = Vec::new();
    while left > 0 {
        words.push(word(left));
        left -= 1;
    }
    words.join(" ")
}

/// A helper.
fn word(number: u8) -> String {
    number.to_string()
}
