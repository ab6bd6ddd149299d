//! `ch02 ROOTFS NAME`: greets twice. The runtime of chapter 2.

fn main() {
    let name = std::env::args().nth(2).unwrap_or_default();
    println!("{}", coracle_repeat::repeat(&coracle_greet::greet(&name)));
}
