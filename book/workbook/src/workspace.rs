//! Where things are: the workspace's root, its chapters, and which of them run on the learner's code.

use crate::misuse::misuse;
use anyhow::{Context, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The workspace as it lies on disk.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
}

/// One chapter's folder.
#[derive(Debug, Clone)]
pub(crate) struct Chapter {
    /// 5 for `05-cgroups`.
    pub(crate) number: u32,
    /// `05-cgroups`.
    pub(crate) name: String,
    /// The absolute path of its folder.
    pub(crate) folder: PathBuf,
}

impl Workspace {
    /// Looks upward from the current directory, then from where cargo says this crate lies.
    pub(crate) fn find() -> Result<Self> {
        let here = env::current_dir().context("read the current directory")?;
        let cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        [Some(here), cargo]
            .into_iter()
            .flatten()
            .find_map(|start| start.ancestors().find(|folder| is_root(folder)).map(Path::to_owned))
            .map(|root| Self { root })
            .context(
                "this is not inside the workbook: no folder upward holds `chapters/` beside a `Cargo.toml`",
            )
    }

    /// All chapters, in order. An instructor may hand out copies without the references.
    pub(crate) fn chapters(&self) -> Result<Vec<Chapter>> {
        let parent = self.root.join("chapters");
        let mut chapters: Vec<_> = fs::read_dir(&parent)
            .with_context(|| format!("read {}", parent.display()))?
            .filter_map(|entry| Chapter::at(&entry.ok()?.path()))
            .filter(|chapter| chapter.is_complete())
            .collect();
        chapters.sort_by_key(|chapter| chapter.number);
        Ok(chapters)
    }

    /// Chapter `number`, or a sentence that lists those there are.
    pub(crate) fn chapter(&self, number: u32) -> Result<Chapter> {
        let chapters = self.chapters()?;
        let numbers: Vec<_> = chapters.iter().map(|chapter| chapter.number.to_string()).collect();
        match chapters.into_iter().find(|chapter| chapter.number == number) {
            Some(chapter) => Ok(chapter),
            None if numbers.is_empty() => Err(misuse("there are no chapters here yet")),
            None => Err(misuse(format!("there is no chapter {number}; there are: {}", numbers.join(", ")))),
        }
    }

    /// One chapter when a number is given, else all of them.
    pub(crate) fn chosen(&self, number: Option<u32>) -> Result<Vec<Chapter>> {
        match number {
            Some(number) => Ok(vec![self.chapter(number)?]),
            None => self.chapters(),
        }
    }

    /// A path as it is shown: relative to the root where it lies below it.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// The learner's own records: progress, hints opened, backups.
    pub(crate) fn records(&self) -> PathBuf {
        self.root.join(".workbook")
    }
}

/// The folder holds a `Cargo.toml` and `chapters/mine.txt`.
fn is_root(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file() && folder.join("chapters/mine.txt").is_file()
}

impl Chapter {
    /// Reads the number from a folder named like `05-cgroups`.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        let name = folder.file_name()?.to_str()?.to_owned();
        let number = name.split_once('-')?.0.parse().ok()?;
        Some(Self { number, name, folder: folder.to_owned() })
    }

    /// The same chapter in a copy of the workspace.
    pub(crate) fn within(&self, root: &Path) -> Self {
        Self { folder: root.join("chapters").join(&self.name), ..self.clone() }
    }

    /// `cgroups` of `05-cgroups`.
    pub(crate) fn topic(&self) -> &str {
        self.name.split_once('-').map_or(self.name.as_str(), |(_, topic)| topic)
    }

    /// The crate's name: `coracle-cgroups`.
    pub(crate) fn package(&self) -> String {
        format!("coracle-{}", self.topic())
    }

    /// The milestone's binary: `ch05`.
    pub(crate) fn binary(&self) -> String {
        format!("ch{:02}", self.number)
    }

    /// It has a reference, or is a crate with a milestone; the ground below the chapters has neither.
    fn is_complete(&self) -> bool {
        self.solution().is_file()
            || ["Cargo.toml", "src/lib.rs", "src/milestone.rs"]
                .iter()
                .all(|file| self.folder.join(file).is_file())
    }

    /// The reference's text, or a sentence that it is not there.
    pub(crate) fn reference(&self) -> Result<String> {
        match self.solution().is_file() {
            true => read(&self.solution()),
            false => Err(misuse(format!("chapter {} has no solution.rs here", self.number))),
        }
    }

    /// Where the reference is.
    pub(crate) fn solution(&self) -> PathBuf {
        self.folder.join("src/solution.rs")
    }

    /// The learner's file.
    pub(crate) fn exercise(&self) -> PathBuf {
        self.folder.join("src/exercise.rs")
    }

    /// The runtime so far.
    pub(crate) fn milestone(&self) -> PathBuf {
        self.folder.join("src/milestone.rs")
    }

    /// The ladder of hints.
    pub(crate) fn hints(&self) -> PathBuf {
        self.folder.join("hints.toml")
    }

    /// The wrong solutions.
    pub(crate) fn mistakes(&self) -> PathBuf {
        self.folder.join("mistakes.toml")
    }
}

/// Reads a file; the error names it.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// Writes a file; the error names it.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// All files of one kind below a folder, in the order of their names.
pub(crate) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry.with_context(|| format!("read {}", folder.display()))?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
