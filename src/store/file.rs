//! JSON files that are whole or not there.
//!
//! write(2) can be cut short by a full disk or a kill; rename(2) cannot. So a file is written under a second name and
//! renamed onto the first. Without fsync(2) that holds against a dying process but not against a power cut, after which
//! a filesystem may show the new name with none of the data: `durable` adds it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the files that this engine writes. It changes when an older engine would misread them.
const VERSION: u32 = 1;

/// How a file begins: with its version.
#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    value: &'a T,
}

/// The part of a file that every version has.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// Writes `value` to `folder/name` in one step. `durable`: it is on the disk when this returns.
pub(super) fn write<T: Serialize>(folder: &Path, name: &str, value: &T, durable: bool) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(&Versioned { version: VERSION, value }).context("JSON")?;
    text.push(b'\n');
    let path = folder.join(name);
    let written = match replace(folder, &path, &text, durable) {
        Err(error) if is_full(&error) => overwrite(&path, &text).map_err(|_| error),
        other => other,
    };
    written.with_context(|| format!("write `{}`", path.display()))
}

/// Is the disk full, or this user's part of it?
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The last resort on a full disk: into the blocks that the old text has. How a container ended must be told even when
/// the container has filled the disk; else nothing could be said of it, and it could not be removed.
fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(path.with_extension("new")); // the half of it that there was room for
    let mut file = File::options().write(true).open(path)?;
    if file.metadata()?.blocks() * 512 < text.len() as u64 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.write_all(text)?; // one call, which a kill of this process does not cut short
    file.set_len(text.len() as u64)
}

fn replace(folder: &Path, path: &Path, text: &[u8], durable: bool) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(text)?;
    if durable {
        file.sync_all()?;
    }
    if !durable {
        return exchange(&new, path);
    }
    fs::rename(&new, path)?;
    // The name is data of the directory.
    File::open(folder)?.sync_all()
}

/// Puts `new` in the place of `path` without waiting for a disk.
///
/// A rename *over* a file looks to ext4 like the end of a careful save: it starts to write the new file out at once
/// (its option `auto_da_alloc`), and whoever removes that file soon after waits for it, a whole millisecond. An
/// exchange of two names is as atomic for readers, and means no such thing.
fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_file(new),
        // There is no file to exchange it with yet, or the filesystem cannot.
        Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::rename(new, path),
        Err(error) => Err(error.into()),
    }
}

/// Reads what [`write()`] wrote. Errors say which file, and what is wrong with it.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let shown = path.display();
    let text = fs::read(path).with_context(|| format!("read `{shown}`"))?;
    let VersionOnly { version } =
        serde_json::from_slice(&text).with_context(|| format!("`{shown}` is damaged"))?;
    ensure!(
        version == VERSION,
        "`{shown}` is of version {version}, and this coracle reads version {VERSION} only"
    );
    serde_json::from_slice(&text).with_context(|| format!("`{shown}` is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("coracle-unit-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Boat {
        oars: u8,
    }

    #[test]
    fn what_is_written_is_read_back_and_says_its_version() {
        let folder = folder("round");
        write(&folder, "boat.json", &Boat { oars: 2 }, true).unwrap();
        let path = folder.join("boat.json");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"version\": 1,\n  \"oars\": 2\n}\n");
        assert_eq!(read::<Boat>(&path).unwrap(), Boat { oars: 2 });
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn damage_and_unknown_versions_are_said_in_one_sentence() {
        let folder = folder("damage");
        let path = folder.join("boat.json");
        for (text, says) in [
            ("", "is damaged"),
            ("{\"version\": 1, \"oa", "is damaged"),
            ("{\"version\": 1}", "is damaged"),
            ("{\"version\": 2, \"sails\": 1}", "is of version 2"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read::<Boat>(&path).unwrap_err();
            assert!(error.to_string().contains(says), "{text:?}: {error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
