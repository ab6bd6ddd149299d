//! Where the kit keeps the two things that worlds need on the host: an empty directory to mount the scratch tmpfs
//! on, and the tiny root filesystem, made once and copied into each world.
//!
//! Both are below cargo's own `target/tmp`, found from where this program lies; without one that we may write (a
//! test binary that was copied elsewhere, or somebody else's build), below the machine's temporary directory. The
//! same empty directory serves all worlds at once, because each mounts its tmpfs in its own mount namespace.

use nix::unistd::{AccessFlags, Uid, access};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// The name of our folder in the temporary directory, before the user's number.
pub(crate) const PREFIX: &str = "coracle-kit-";

/// The directory that is each world's only writable place.
pub(crate) fn scratch() -> io::Result<PathBuf> {
    let scratch = base()?.join("world");
    fs::create_dir_all(&scratch)?;
    Ok(scratch)
}

/// The tiny root filesystem, made by the first who asks.
pub(crate) fn tiny() -> io::Result<PathBuf> {
    static MAKING: Mutex<()> = Mutex::new(());
    let made = base()?.join(format!("tiny-{}-{:016x}", Uid::effective(), recipe()));
    let _one_at_a_time = MAKING.lock();
    if made.is_dir() {
        return Ok(made);
    }
    // Other test processes may be making it too: each makes its own, and the first to rename it wins.
    let mine = made.with_extension(std::process::id().to_string());
    let _ = fs::remove_dir_all(&mine); // of a process that had our number and was killed
    coracle_ground::tiny::make(&mine)?;
    if fs::rename(&mine, &made).is_err() {
        fs::remove_dir_all(&mine)?;
    }
    Ok(made)
}

/// Changes when the image would be made differently: with the source of `tiny`, and with this machine's busybox.
fn recipe() -> u64 {
    let mut hasher = DefaultHasher::new();
    include_str!("../../../chapters/00-ground/src/tiny.rs").hash(&mut hasher);
    let busybox = coracle_ground::tiny::busybox();
    busybox.hash(&mut hasher);
    busybox.and_then(|path| fs::metadata(path).ok()).map(|meta| meta.len()).hash(&mut hasher);
    hasher.finish()
}

/// Our folder, made if need be.
fn base() -> io::Result<&'static Path> {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    if let Some(base) = BASE.get() {
        return Ok(base);
    }
    let found = match target_tmp() {
        Some(folder) => folder,
        None => own_temporary()?,
    };
    Ok(BASE.get_or_init(|| found))
}

/// `target/tmp`, when this program lies in a target directory (cargo marks it) that we may write.
fn target_tmp() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file())?;
    let folder = target.join("tmp");
    fs::create_dir_all(&folder).ok()?;
    access(&folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok().then_some(folder)
}

/// A folder in the temporary directory. Anybody can write there, so it must be a real directory and ours.
fn own_temporary() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("{PREFIX}{}", Uid::effective()));
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    let meta = fs::symlink_metadata(&folder).or_else(|error| made.and(Err(error)))?;
    if meta.is_dir() && meta.uid() == Uid::effective().as_raw() {
        return Ok(folder);
    }
    Err(io::Error::other(format!("`{}` belongs to somebody else", folder.display())))
}
