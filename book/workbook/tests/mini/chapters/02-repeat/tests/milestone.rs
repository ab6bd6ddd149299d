//! Nothing is tested here: the workbook must say so.
fn main() {}
