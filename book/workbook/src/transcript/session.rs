//! Runs the commands of a page in one bash, and tells their outputs apart.
//!
//! ```text
//! world --rootfs -- bash script          blocks of the kinds `console` and `console,root`: all of a page, one after the other
//! bash script, in the copied workspace   blocks of the kinds `stubs` and `solved`: each on its own
//! ```
//!
//! Between two commands the script prints a mark that no command prints, and leaves `$?` as it was.

use super::page::{Kind, Step};
use crate::{
    cargo::{self, Built, own_words},
    process,
    tree::Tree,
    workspace::{Chapter, Workspace},
};
use anyhow::{Context, Result, bail};
use regex::Regex;
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// Stands for the workspace in what the book shows.
const HOME: &str = "/home/you/coracle";
/// Where a world's programs lie.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Starts and ends a mark: a control character for separators that no program prints.
const MARK: char = '\x1e';

/// All that sessions need: the copy, the built programs, a `cargo` that knows `workbook`.
pub(crate) struct Stage {
    tree: Tree,
    original: PathBuf,
    shims: PathBuf,
}

impl Stage {
    /// Builds every program of the workspace on the reference.
    pub(crate) fn set(original: &Workspace) -> Result<Self> {
        let tree = Tree::refresh(original)?;
        match tree.cargo("").build(&["build", "--workspace", "--exclude", "workbook", "--bins"])? {
            Built::Ready(_) => {}
            Built::Broken(errors) => bail!("the reference does not compile:\n{}", errors[0].rendered),
            Built::Failed(stderr) => return Err(own_words(&stderr)),
        }
        let shims = original.root.join("target/workbook/shims");
        fs::create_dir_all(&shims).with_context(|| format!("make {}", shims.display()))?;
        let stage = Self { tree, original: original.root.clone(), shims };
        stage.write_shim()?;
        Ok(stage)
    }

    /// Runs steps in a throwaway world; for each what it printed, `None` when the session had ended before.
    pub(crate) fn in_world(&self, steps: &[&Step]) -> Result<Vec<Option<Vec<String>>>> {
        let script = self.script("world", "export CORACLE_ROOT=\"$PWD/.coracle\"\n", steps)?;
        let mut command = Command::new(self.tree.build.join("debug/world"));
        command.arg("--rootfs").args(["--timeout", "120"]);
        for (name, value) in self.variables(SYSTEM_PATH) {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        self.outputs(command.args(["--", "bash"]).arg(&script), steps.len())
    }

    /// Runs steps in the copied workspace, with stubs or the reference as the learner's code in each chapter.
    pub(crate) fn in_tree(
        &self,
        kind: &Kind,
        chapters: &[(Chapter, String)],
        steps: &[&Step],
    ) -> Result<Vec<Option<Vec<String>>>> {
        self.tree.forget_the_learner()?;
        for (chapter, stubs) in chapters {
            let solution = fs::read_to_string(chapter.solution()).context("read the reference")?;
            self.tree.put_exercise(chapter, if *kind == Kind::Stubs { stubs } else { &solution })?;
        }
        let script = self.script("tree", "", steps)?;
        let mut command = Command::new("bash");
        command
            .arg(script)
            .current_dir(&self.tree.workspace.root)
            .envs(self.variables(&env::var("PATH").unwrap_or_default()));
        command.env_remove("CORACLE_MINE").envs(cargo::apart(&self.tree.build));
        self.outputs(&mut command, steps.len())
    }

    /// What makes outputs the same everywhere; our programs are found before those of `path`.
    fn variables(&self, path: &str) -> Vec<(&'static str, String)> {
        let path = format!("{}:{}:{path}", self.shims.display(), self.tree.build.join("debug").display());
        let fixed = [
            ("NO_COLOR", "1"),
            ("COLUMNS", "80"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("RUST_BACKTRACE", "0"),
        ];
        let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
        fixed.chain([("PATH", path)]).collect()
    }

    /// Runs a session and cuts its output at the marks.
    fn outputs(&self, command: &mut Command, count: usize) -> Result<Vec<Option<Vec<String>>>> {
        let ended = process::in_group(command, process::patience(900.0), |_| {})?;
        let text = as_typed(&self.at_home(&ended.stdout));
        let mut outputs = cut(&text, count);
        if outputs.iter().all(Option::is_none) && !ended.stderr.is_empty() {
            bail!("the session did not begin: {}", ended.stderr.trim());
        }
        outputs.resize(count, None);
        Ok(outputs)
    }

    /// Writes the script of a session.
    fn script(&self, name: &str, start: &str, steps: &[&Step]) -> Result<PathBuf> {
        let mut text = format!(
            "exec 2>&1\n{start}__next() {{ local status=$?; printf '\\n\\036%s\\036\\n' \"$1\"; return \"$status\"; }}\n"
        );
        for (number, step) in steps.iter().enumerate() {
            text += &format!("__next {number}\n{}\n", step.command);
        }
        text += &format!("__next {}\n", steps.len());
        let path = self.shims.join(format!("{name}.sh"));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// `cargo workbook …` is this very program; everything else is cargo.
    fn write_shim(&self) -> Result<()> {
        let this = env::current_exe().context("find this program")?;
        let cargo = real_cargo()?;
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = workbook ]; then shift; exec '{}' \"$@\"; fi\nexec '{}' \"$@\"\n",
            this.display(),
            cargo.display()
        );
        let path = self.shims.join("cargo");
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("make {} executable", path.display()))
    }

    /// The paths of this machine become those that the book shows.
    fn at_home(&self, text: &str) -> String {
        let target = format!("{HOME}/target");
        let places: [(&Path, &str); 3] =
            [(&self.tree.build, &target), (&self.tree.workspace.root, HOME), (&self.original, HOME)];
        let replace =
            |text: String, (path, shown): (&Path, &str)| text.replace(&path.display().to_string(), shown);
        places.into_iter().fold(text.to_owned(), replace)
    }
}

/// bash names its script and the line; at a prompt it names only itself.
fn as_typed(text: &str) -> String {
    static SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^\S*/shims/(world|tree)\.sh: (line \d+: )?").expect("the pattern is tested")
    });
    SCRIPT.replace_all(text, "bash: ").into_owned()
}

/// Cargo itself: the one that started us, or the first on the way.
fn real_cargo() -> Result<PathBuf> {
    let started_by = env::var_os("CARGO").map(PathBuf::from).filter(|path| path.is_absolute());
    let path = env::var_os("PATH").unwrap_or_default();
    let first = || env::split_paths(&path).map(|folder| folder.join("cargo")).find(|path| path.is_file());
    started_by.or_else(first).context("there is no `cargo` in PATH")
}

/// Cuts at the marks; what stands before the first one is nobody's.
fn cut(text: &str, count: usize) -> Vec<Option<Vec<String>>> {
    let mut outputs = vec![None; count];
    let mut pieces = text.split(MARK);
    pieces.next();
    while let (Some(number), Some(output)) = (pieces.next(), pieces.next()) {
        let Ok(number) = number.parse::<usize>() else { continue };
        let lines = output.strip_prefix('\n').unwrap_or(output);
        let lines = lines.strip_suffix('\n').unwrap_or(lines);
        if let Some(slot) = outputs.get_mut(number) {
            *slot = Some(lines.lines().map(|line| line.trim_end().to_owned()).collect());
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::{as_typed, cut};

    #[test]
    fn bash_speaks_as_at_a_prompt() {
        let said = "/home/you/coracle/target/workbook/shims/world.sh: line 7: ch01: command not found";
        assert_eq!(as_typed(said), "bash: ch01: command not found");
    }

    #[test]
    fn outputs_are_cut_at_the_marks_and_what_never_ran_is_missing() {
        let text = "noise\n\x1e0\x1e\na\nb\n\n\x1e1\x1e\n\n\x1e2\x1e\nno newline";
        let lines = |text: &[&str]| Some(text.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(cut(text, 4), [lines(&["a", "b"]), lines(&[]), lines(&["no newline"]), None]);
    }
}
