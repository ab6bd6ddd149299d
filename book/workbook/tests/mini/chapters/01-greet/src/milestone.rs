//! `ch01 ROOTFS NAME`: greets, then counts. The runtime of chapter 1.

fn main() {
    let name = std::env::args().nth(2).unwrap_or_default();
    println!("{}", coracle_greet::greet(&name));
    println!("{}", coracle_greet::count(3));
}
