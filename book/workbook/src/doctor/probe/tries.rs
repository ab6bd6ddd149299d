//! The parent's side of a try: start ourselves again with `doctor --probe …` and read the child's answer.

use crate::doctor::facts::{Attempt, Tries};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};
use std::{env, fs};

/// What the child is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Try with the privileges at hand.
    AsIs,
    /// Make a user namespace first, and try as its root.
    UserNamespace,
    /// Being PID 1 of a new PID namespace, mount `/proc` and `/sys`.
    PidOne,
}

impl Mode {
    /// As clap spells it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::AsIs => "as-is",
            Self::UserNamespace => "user-namespace",
            Self::PidOne => "pid-one",
        }
    }
}

/// Both ways, one after the other, with a directory on the disk of the data root.
pub(crate) fn both(near_data_root: Option<&Path>) -> [Tries; 2] {
    [Mode::AsIs, Mode::UserNamespace].map(|mode| {
        let folder = near_data_root.and_then(Folder::new);
        ask(mode, folder.as_ref().map(|folder| folder.0.as_path()))
    })
}

/// One child, one answer.
fn ask(mode: Mode, folder: Option<&Path>) -> Tries {
    match child(mode, folder) {
        Ok(output) => serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let words = String::from_utf8_lossy(&output.stderr);
            broken(words.lines().next().unwrap_or("no answer"))
        }),
        Err(error) => broken(&error.to_string()),
    }
}

/// Starts the child and waits for it.
pub(crate) fn child(mode: Mode, folder: Option<&Path>) -> std::io::Result<Output> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["doctor", "--probe", mode.word()]);
    if let Some(folder) = folder {
        command.arg("--probe-in").arg(folder);
    }
    command.output()
}

/// The probe itself did not run.
fn broken(why: &str) -> Tries {
    let namespaces = Attempt::Fails { at: "start the probe".into(), errno: why.into() };
    Tries { namespaces, ..Tries::default() }
}

/// An empty directory, removed at the end. Its name says whose it is, in case it is not.
struct Folder(PathBuf);

impl Folder {
    /// Makes it, or not: the overlay is then not tried.
    fn new(parent: &Path) -> Option<Self> {
        let path = parent.join(format!("coracle-doctor-{}", process::id()));
        fs::create_dir(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The child has emptied it. If not, `restore` knows the name.
        let _ = fs::remove_dir_all(&self.0);
    }
}
