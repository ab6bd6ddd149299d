//! The learner's own code in the engine: `exercise.rs` of chapters 1 to 6 instead of the reference.
//!
//! **This test builds the engine**, three times, in a copy of the checkout below `target/tmp`: up to a minute the
//! first time, ten seconds later on. Nothing of the learner's is touched, and nothing is downloaded. Where there is no
//! `cargo`, it is skipped.

use coracle_testkit::{Failure, Outcome, Verdict, milestone};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod engine;
use engine::{LOOK, holds, said, world_with};

milestone! { bin: "coracle", tests: {
    "yours" => the_engine_runs_on_the_learners_code needs Tool("cargo"),
}}

/// A chapter's folder, and the tasks that matter here.
const CHAPTERS: [&str; 6] =
    ["01-chroot", "02-namespaces", "03-mounts", "04-users", "05-cgroups", "06-privileges"];

/// Three engines in turn: all solved; then task 5.3 is not written, which the host side meets; then 3.1, which init meets.
/// One test and not three, because they share the copy and what is built in it.
fn the_engine_runs_on_the_learners_code() -> Outcome {
    let copy = Copy::make()?;
    copy.solve(None)?;
    copy.build()?;
    copy.is_made_from_exercises()?;
    solved(&copy)?;
    for (chapter, function, task, says) in [
        ("05-cgroups", "start_in_group", "5.3", "start a child"),
        ("03-mounts", "pivot_into", "3.1", "make `root` the root mount"),
    ] {
        copy.solve(Some((chapter, function)))?;
        copy.build()?;
        unsolved(&copy, task, says)?;
    }
    Ok(())
}

/// Everything works on the learner's code.
fn solved(copy: &Copy) -> Outcome {
    let out = copy.in_world().script(&engine::with_prelude(
        r#"coracle run --rm tiny echo hello; coracle run --name kept --hostname box tiny sh -c 'hostname; exit 7'; echo $?
        echo in | coracle run --rm -i --init --read-only --tmpfs /run tiny cat; coracle rm kept; left"#,
    ))?;
    said(&out, &["hello", "box", "7", "in", "kept"], "the engine does not work on code that is right")
}

/// The engine says which task is missing, with 125, and leaves nothing.
fn unsolved(copy: &Copy, task: &str, says: &str) -> Outcome {
    for flags in ["--rm", "--name kept", "--rm -t", "--rm --init", "--rm --network host"] {
        let out = copy.in_world().script(&engine::with_prelude(&format!(
            "coracle run {flags} tiny true; echo $?; coracle ps -aq; left; coracle images | grep -c tiny"
        )))?;
        let begins = format!("coracle: task {task} is not written yet: {says}");
        holds(
            out.stderr.starts_with(&begins) && out.stderr.lines().count() == 1 && out.stdout == "125\n1\n",
            format!("{flags}: {out:?}"),
            "a learner whose code is not finished gets a crash, several messages, or leftovers",
        )?;
    }
    Ok(())
}

/// A copy of the checkout, with its own target directory beside it.
struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Makes the copy, or brings an older one up to date: files that have not changed keep their times, for cargo.
    fn make() -> Result<Copy, Failure> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("yours");
        let copy = Copy { tree: folder.join("tree"), target: folder.join("target") };
        for part in ["Cargo.toml", "Cargo.lock", "src", "chapters", "tests", "benches", "book/workbook"] {
            synchronise(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &copy.tree.join(part))?;
        }
        fs::write(copy.tree.join("chapters/mine.txt"), "1\n2\n3\n4\n5\n6\n")?;
        Ok(copy)
    }

    /// Makes each `exercise.rs` what a learner would have written: the reference, but for one function.
    fn solve(&self, but: Option<(&str, &str)>) -> Outcome {
        for chapter in CHAPTERS {
            let source = self.tree.join("chapters").join(chapter).join("src");
            let mut text = fs::read_to_string(source.join("solution.rs"))?;
            if let Some((_, function)) = but.filter(|(in_chapter, _)| *in_chapter == chapter) {
                text = without_body(&text, function).ok_or_else(|| {
                    let seen = format!("chapter {chapter} has no function {function} with a task");
                    Failure::new(Verdict::Failed, seen, "this test is out of date", LOOK)
                })?;
            }
            write_if_changed(&source.join("exercise.rs"), text.as_bytes())?;
        }
        Ok(())
    }

    fn build(&self) -> Outcome {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args([
            "build",
            "--quiet",
            "--offline",
            "--locked",
            "--package",
            "coracle",
            "--bin",
            "coracle",
        ]);
        command.arg("--target-dir").arg(&self.target).current_dir(&self.tree);
        // Names of lines are not needed; the terminal's colours would be in the way.
        command
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TERM_COLOR", "never")
            .env_remove("CORACLE_MINE");
        let out = command.output()?;
        holds(
            out.status.success(),
            String::from_utf8_lossy(&out.stderr),
            "the engine does not compile with the learner's code",
        )
    }

    /// Cargo writes down which files a program was made from.
    fn is_made_from_exercises(&self) -> Outcome {
        let list = fs::read_to_string(self.target.join("debug/coracle.d"))?;
        for chapter in CHAPTERS {
            let from = |file: &str| list.contains(&format!("{chapter}/src/{file}"));
            holds(
                from("exercise.rs") && !from("solution.rs"),
                list.clone(),
                "the engine says that it runs on the learner's code, and runs on the reference",
            )?;
        }
        Ok(())
    }

    /// A world with this engine instead of ours.
    fn in_world(&self) -> coracle_testkit::World {
        world_with(&self.target.join("debug"))
    }
}

/// Replaces the body of a public function by the `todo!` that `cargo workbook stubs` would write.
fn without_body(text: &str, function: &str) -> Option<String> {
    let start = text.find(&format!("\npub fn {function}"))?;
    let task = text[..start].rfind("/// Task ")? + "/// Task ".len();
    let (number, words) = text[task..].lines().next()?.split_once(": ")?;
    let words = words.trim_end_matches('.');
    let body = start
        + text[start..]
            .find("\n{\n")
            .map_or(text[start..].find(" {\n")?, |at| at.min(text[start..].find(" {\n").unwrap_or(at)));
    let end = start + text[start..].find("\n}\n")?;
    let first = words.chars().next()?.to_lowercase();
    let todo = format!("    todo!(\"task {number}: {first}{}\")", &words[1..]);
    let open = body + text[body..].find('{')? + 1;
    Some(format!(
        "#![allow(dead_code, unused_imports, unused_variables)]\n{}\n{todo}{}",
        &text[..open],
        &text[end..]
    ))
}

/// Makes `to` what `from` is, and touches only what differs.
fn synchronise(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return write_if_changed(to, &fs::read(from)?);
    }
    fs::create_dir_all(to)?;
    for old in fs::read_dir(to)?.filter_map(Result::ok).filter(|old| !from.join(old.file_name()).exists()) {
        if old.path().is_dir() { fs::remove_dir_all(old.path())? } else { fs::remove_file(old.path())? }
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        synchronise(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

fn write_if_changed(file: &Path, text: &[u8]) -> std::io::Result<()> {
    if fs::read(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    fs::write(file, text)
}
