//! Another way to the list of changes, for the tests: Docker's own. It knows nothing of whiteouts and looks at two trees.
//!
//! `two-trees change DIR SEED` does some dozens of random things in `DIR`, the same for the same seed.
//! `two-trees compare BEFORE AFTER UPPER` lists what must have happened. `UPPER` says which files were touched: those in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["change", top, seed] => {
            seed.parse().map(|seed| change(Path::new(top), seed)).map_err(io::Error::other)
        }
        ["compare", before, after, upper] => compare(Path::new(before), Path::new(after), Path::new(upper)),
        _ => Err(io::Error::other("usage: two-trees change DIR SEED | compare BEFORE AFTER UPPER")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("two-trees: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Few names, so that things happen to the same ones again and again. `-` sorts before `/`, and `.` too.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "d-e", "d.f"];

/// What fails, fails: a directory that is not empty, a rename of a directory of a lower layer (EXDEV).
fn change(top: &Path, seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..10 + dice.below(50) {
        let (path, other) = (dice.path(top), dice.path(top));
        let _ = match dice.below(10) {
            0 | 1 => fs::create_dir_all(path.join(NAMES[dice.below(NAMES.len())])),
            2 | 3 => fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)
                .and_then(|mut file| file.write_all(b"x")),
            4 => fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)),
            // Made anew, and perhaps with a directory in it that was there, too.
            5 => fs::remove_dir_all(&path)
                .and_then(|()| fs::create_dir_all(path.join(NAMES[dice.below(NAMES.len())]))),
            6 => fs::rename(&path, &other),
            7 => fs::hard_link(&path, &other),
            8 => symlink("a", &path),
            _ => fs::set_permissions(&path, fs::Permissions::from_mode([0o700, 0o755][dice.below(2)])),
        };
    }
}

/// A sequence of numbers without a pattern that matters here (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    /// One to four names below `top`; the ones before the last are directories, if there are any.
    fn path(&mut self, top: &Path) -> PathBuf {
        let mut path = top.to_path_buf();
        for _ in 0..=self.below(4) {
            path.push(NAMES[self.below(NAMES.len())]);
            if !path.is_dir() {
                break;
            }
        }
        path
    }
}

/// Each path of a tree, from its top, with its mode (which says what kind of file it is).
fn tree(top: &Path, below: &Path, all: &mut BTreeMap<PathBuf, u32>) -> io::Result<()> {
    for entry in fs::read_dir(top.join(below))? {
        let path = below.join(entry?.file_name());
        let meta = fs::symlink_metadata(top.join(&path))?;
        all.insert(path.clone(), meta.mode());
        if meta.is_dir() {
            tree(top, &path, all)?;
        }
    }
    Ok(())
}

fn compare(before: &Path, after: &Path, upper: &Path) -> io::Result<()> {
    let (mut old, mut new, mut list) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    tree(before, Path::new(""), &mut old)?;
    tree(after, Path::new(""), &mut new)?;
    let is_directory = |mode: &u32| mode & 0o170_000 == 0o040_000;
    for (path, mode) in &new {
        let touched = fs::symlink_metadata(upper.join(path)).is_ok();
        match old.get(path) {
            None => _ = list.insert(path.clone(), 'A'),
            Some(_) if !is_directory(mode) && touched => _ = list.insert(path.clone(), 'C'),
            Some(was) if is_directory(mode) && was != mode => _ = list.insert(path.clone(), 'C'),
            Some(_) => {}
        }
    }
    // Of a directory that is gone, only itself; of one that is another kind of file now, nothing that was in it.
    let stays = |path: &Path| path.as_os_str().is_empty() || new.get(path).is_some_and(is_directory);
    for path in old.keys().filter(|path| !new.contains_key(*path) && path.parent().is_some_and(stays)) {
        list.insert(path.clone(), 'D');
    }
    for path in list.keys().cloned().collect::<Vec<_>>() {
        for above in path.ancestors().skip(1).filter(|above| old.contains_key(*above)) {
            list.insert(above.to_path_buf(), 'C');
        }
    }
    let mut lines: Vec<_> = list.iter().map(|(path, kind)| (format!("/{}", path.display()), kind)).collect();
    lines.sort();
    lines.iter().for_each(|(path, kind)| println!("{kind} {path}"));
    Ok(())
}
