//! `coracle images`: what can be run.
//!
//! What we leave out: the image ID, which is a digest (chapter 9).

use anyhow::Result;

use super::{print, table::table};
use crate::store::Store;

/// List images
#[derive(clap::Args)]
#[command(override_usage = "coracle images")]
pub(super) struct Args {}

/// Prints one line an image.
pub(super) fn run(_args: &Args) -> Result<u8> {
    let mut rows = vec![["REPOSITORY", "TAG", "CREATED", "SIZE"].map(str::to_owned).to_vec()];
    for (reference, image) in Store::open()?.images_by_name()? {
        match image {
            Ok(image) => rows.push(vec![
                reference.repository,
                reference.tag,
                format!("{} ago", image.created.ago()),
                human(image.size),
            ]),
            Err(error) => eprintln!("coracle: {error:#}"),
        }
    }
    print(&table(&rows))
}

/// A size in Docker's way: powers of 1,000, three digits or four.
fn human(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"].iter();
    let mut unit = units.next();
    while size >= 1000.0 {
        size /= 1000.0;
        unit = units.next();
    }
    let unit = unit.unwrap_or(&"EB");
    match size {
        _ if *unit == "B" => format!("{bytes}B"),
        ..10.0 => format!("{size:.2}{unit}"),
        10.0..100.0 => format!("{size:.1}{unit}"),
        _ => format!("{size:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_said_as_docker_says_them() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1.00kB"),
            (2_048_000, "2.05MB"),
            (77_900_000, "77.9MB"),
            (1 << 40, "1.10TB"),
        ] {
            assert_eq!(super::human(bytes), text);
        }
    }
}
