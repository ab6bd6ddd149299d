//! The commands as a learner types them, on a workbook in miniature (`mini/`) that each test copies for itself.
//!
//! They drive cargo; where there is none (prebuilt tests, run by a user without a toolchain) they are skipped by name.
#![allow(clippy::unwrap_used)] // in a test an unwrap is an assertion; clippy.toml sees only those marked #[test]

use libtest_mimic::{Arguments, Completion, Trial};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn main() {
    let tests: [(&str, fn()); 10] = [
        ("stubs_fail_readably_and_the_reference_passes", stubs_fail_readably_and_the_reference_passes),
        (
            "what_does_not_compile_is_told_in_rustcs_words_about_the_learners_file",
            what_does_not_compile_is_told_in_rustcs_words_about_the_learners_file,
        ),
        ("a_hang_is_a_failure_and_a_skip_is_no_success", a_hang_is_a_failure_and_a_skip_is_no_success),
        (
            "mistakes_and_stubs_are_caught_without_touching_the_learners_files",
            mistakes_and_stubs_are_caught_without_touching_the_learners_files,
        ),
        ("a_hint_opens_one_rung_more_each_time", a_hint_opens_one_rung_more_each_time),
        ("reset_keeps_what_was_written_and_asks_first", reset_keeps_what_was_written_and_asks_first),
        ("catch_up_keeps_what_passes", catch_up_keeps_what_passes),
        (
            "run_gives_the_milestone_its_words_and_returns_its_status",
            run_gives_the_milestone_its_words_and_returns_its_status,
        ),
        (
            "console_blocks_are_compared_and_brought_up_to_date",
            console_blocks_are_compared_and_brought_up_to_date,
        ),
        ("bad_input_gets_one_clear_sentence", bad_input_gets_one_clear_sentence),
    ];
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let works = Command::new(cargo).arg("--version").output().is_ok_and(|output| output.status.success());
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::ignorable_test(name, move || {
            if !works {
                return Ok(Completion::ignored_with("skipped: needs cargo"));
            }
            test();
            Ok(Completion::Completed)
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit()
}

/// A copy of the miniature, with its stubs made.
struct Mini(tempfile::TempDir);

impl Mini {
    fn new() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        copy(&here.join("tests/mini"), folder.path());
        fs::copy(here.join("../../chapters/build.rs"), folder.path().join("chapters/build.rs")).unwrap();
        let mini = Self(folder);
        mini.succeeds("stubs");
        mini
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    /// Puts another text in place of one that must be there.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    /// The reference becomes the learner's code.
    fn solve(&self) {
        fs::write(self.path(EXERCISE), self.read("chapters/01-greet/src/solution.rs")).unwrap();
    }

    fn run(&self, words: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workbook"));
        for name in ["CORACLE_MINE", "CARGO_TARGET_DIR", "CORACLE_REPORT", "CARGO_MANIFEST_DIR"] {
            command.env_remove(name);
        }
        let fixed = [("COLUMNS", "80"), ("NO_COLOR", "1"), ("CARGO_NET_OFFLINE", "true")];
        command.current_dir(self.0.path()).envs(fixed).envs(variables.iter().copied());
        command.args(words.split(' ')).stdin(std::process::Stdio::null()).output().unwrap()
    }

    /// Runs a command, expects this exit code, and gives back what it said.
    fn ends_with(&self, code: i32, words: &str) -> String {
        let output = self.run(words, &[]);
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "`{words}` said:\n{said}");
        said
    }

    fn succeeds(&self, words: &str) -> String {
        self.ends_with(0, words)
    }
}

const EXERCISE: &str = "chapters/01-greet/src/exercise.rs";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

fn stubs_fail_readably_and_the_reference_passes() {
    let mini = Mini::new();
    insta::assert_snapshot!("check_on_stubs", mini.ends_with(1, "check 1"));
    mini.solve();
    insta::assert_snapshot!("check_on_the_reference", mini.succeeds("check 1"));
    let table = mini.succeeds("progress");
    assert!(table.starts_with(" 1 greet   ✓✓  2 of 2"), "{table}");
    let junit = mini.succeeds("progress --format junit");
    assert!(
        junit.contains("<testsuite name=\"01-greet\" tests=\"2\" failures=\"0\" skipped=\"0\">"),
        "{junit}"
    );
    assert!(mini.succeeds("progress --format json").contains("\"state\": \"passed\""));
}

fn what_does_not_compile_is_told_in_rustcs_words_about_the_learners_file() {
    let mini = Mini::new();
    mini.solve();
    mini.edit(EXERCISE, "let mut left = from;", "let mut left = \"from\";");
    let said = mini.ends_with(1, "check 1");
    assert!(said.contains("Your code does not compile yet; this is rustc speaking:\n\nerror[E"), "{said}");
    assert!(said.contains("--> chapters/01-greet/src/exercise.rs:"), "{said}");
    mini.solve();
    mini.edit(
        EXERCISE,
        "pub fn greet(name: &str) -> String {\n    format!",
        "pub fn greet(name: u8) -> String {\n    format!",
    );
    let said = mini.ends_with(1, "check 1");
    assert!(said.contains("lib.rs holds the chapter's contract"), "{said}");
}

fn a_hang_is_a_failure_and_a_skip_is_no_success() {
    let mini = Mini::new();
    mini.solve();
    mini.edit(EXERCISE, "left -= 1;", "");
    let said = mini.ends_with(1, "check 1");
    assert!(
        said.contains("✗ 1.2 Count down · count\n  the_count_ends\n  observed  the program did not end"),
        "{said}"
    );
    mini.solve();
    let output = mini.run("check 1", &[("MINI_NEEDS", "root")]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("– 1.2 Count down · count\n  the_count_ends skipped: needs root"), "{said}");
    assert!(said.contains("Well done: all of chapter 1 that can run here passes."), "{said}");
}

fn mistakes_and_stubs_are_caught_without_touching_the_learners_files() {
    let mini = Mini::new();
    fs::write(mini.path(EXERCISE), "mine").unwrap();
    assert!(mini.succeeds("mistakes 1").contains("3 passed, 0 failed"));
    assert!(mini.succeeds("pristine 1").contains("2 passed, 0 failed"));
    let table = [
        (
            "replace = '''\"Hello {name}!\"'''",
            "replace = '''\"Hello, {name}!\" '''",
            "not caught: the test passes",
        ),
        ("says = \"the comma\"", "says = \"the tiller\"", "it does not say `the tiller`"),
        ("find = '''\"Hello, {name}!\"'''", "find = '''name'''", "`find` occurs 3 times"),
        ("the_greeting_has_its_comma", "no_such_test", "no test `no_such_test` was run"),
        ("task = \"1.1\"", "task = \"1.2\"", "belongs to task 1.1, not 1.2"),
        ("replace = '''\"Hello {name}!\"'''", "replace = '''\"Hello {name}!'''", "It does not build"),
    ];
    let file = "chapters/01-greet/mistakes.toml";
    let right = mini.read(file);
    for (from, to, words) in table {
        fs::write(mini.path(file), &right).unwrap();
        mini.edit(file, from, to);
        let said = mini.ends_with(1, "mistakes 1");
        assert!(said.contains(words) && said.contains("2 passed, 1 failed"), "{words}:\n{said}");
    }
    assert_eq!(mini.read(EXERCISE), "mine");
}

fn a_hint_opens_one_rung_more_each_time() {
    let mini = Mini::new();
    let first = mini.succeeds("hint");
    assert!(first.contains("1/4 A greeting") && !first.contains("2/4"), "{first}");
    let second = mini.succeeds("hint 1.1");
    assert!(second.contains("1/4 A greeting") && second.contains("2/4 `man 7 hello`"), "{second}");
    mini.succeeds("hint 1.1");
    for _ in 0..2 {
        assert!(mini.succeeds("hint 1.1").ends_with("cargo workbook solution 1 greet\n"));
    }
    assert!(mini.succeeds("solution 1 count").contains("fn word"), "the helper that it calls is shown too");
}

fn reset_keeps_what_was_written_and_asks_first() {
    let mini = Mini::new();
    let stubs = mini.read(EXERCISE);
    mini.solve();
    let mine = mini.read(EXERCISE);
    assert!(mini.ends_with(1, "reset 1").contains("Nothing was changed."));
    assert_eq!(mini.read(EXERCISE), mine);
    let said = mini.succeeds("reset 1 --yes");
    let copy = said.lines().find_map(|line| line.strip_prefix("Yours is kept in ")).unwrap();
    assert_eq!(mini.read(copy), mine);
    assert_eq!(mini.read(EXERCISE), stubs);
}

fn catch_up_keeps_what_passes() {
    let mini = Mini::new();
    mini.succeeds("start 1");
    assert!(mini.succeeds("catch-up 2").contains("the reference from now on"));
    assert!(!mini.read("chapters/mine.txt").contains('1'));
    mini.succeeds("start 1");
    mini.solve();
    assert!(mini.succeeds("catch-up 2").contains("✓ 01-greet: yours: it passes"));
    assert!(mini.read("chapters/mine.txt").contains('1'));
    assert!(mini.succeeds("start").contains("Chapter 2"), "the next one that is not finished");
}

fn run_gives_the_milestone_its_words_and_returns_its_status() {
    let mini = Mini::new();
    let said = mini.ends_with(101, "run 1 -- sailor");
    assert!(said.contains("not yet implemented: task 1.1: greet `name`"), "{said}");
    mini.solve();
    assert_eq!(mini.succeeds("run 1 -- sailor"), "Hello, sailor!\n3 2 1\n");
}

fn console_blocks_are_compared_and_brought_up_to_date() {
    let mini = Mini::new();
    let page = "book/src/01-greet.md";
    fs::create_dir_all(mini.path("book/src")).unwrap();
    let text = "# Greet\n\n```console\n$ who=sailor\n$ ch01 rootfs $who\nHello, …\n3 2 1\n$ sh -c 'exit 7'\n$ echo $?\n8\n```\n\n\
                ```console,solved\n$ cargo workbook check 1\n…\n✓ 1.2 Count down · count\n…\n```\n\n\
                ```console,ignore=opens an editor\n$ vi\n```\n";
    fs::write(mini.path(page), text).unwrap();
    let said = mini.ends_with(1, "transcripts 1");
    assert!(said.contains("-8\n      +7\n"), "{said}");
    assert!(
        said.contains("not run: opens an editor") && said.contains("1 passed, 1 failed, 1 skipped"),
        "{said}"
    );
    mini.succeeds("transcripts --update");
    assert_eq!(mini.read(page), text.replace("\n8\n", "\n7\n"));
    mini.succeeds("transcripts");
}

fn bad_input_gets_one_clear_sentence() {
    let mini = Mini::new();
    let table = [
        (2, "check 7", "error: there is no chapter 7; there are: 1, 2\n"),
        (2, "hint 1.9", "error: there is no task 1.9; chapter 1 has: 1.1, 1.2\n"),
        (2, "hint first", "error: `first` is no task; tasks are named like 1.2\n"),
        (2, "hint 2.1", "error: chapter 2 has no hints yet\n"),
        (2, "solution 1 reap", "error: chapter 1 has no `reap`; it has: 1.1 greet; 1.2 count\n"),
        (2, "diff 1 5", "error: there is no chapter 5; there are: 1, 2\n"),
        (2, "transcripts intro", "error: the book has no page `intro`\n"),
        (2, "links", "error: there is no built book in book/book; `mdbook build book` makes it\n"),
    ];
    fs::create_dir_all(mini.path("book/src")).unwrap();
    for (code, words, expected) in table {
        assert_eq!(mini.ends_with(code, words), expected, "{words}");
    }
    mini.edit("chapters/01-greet/hints.toml", "title = \"Greet\"", "title = ");
    let said = mini.ends_with(1, "hint 1.1");
    assert!(said.starts_with("error: chapters/01-greet/hints.toml, line 5: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    fs::write(mini.path(".workbook/progress.json"), "{")
        .or_else(|_| {
            fs::create_dir_all(mini.path(".workbook"))
                .and_then(|()| fs::write(mini.path(".workbook/progress.json"), "{"))
        })
        .unwrap();
    let said = mini.ends_with(1, "progress");
    assert!(said.contains(".workbook/progress.json is damaged") && said.lines().count() == 1, "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_workbook"))
        .arg("progress")
        .current_dir("/")
        .env_remove("CARGO_MANIFEST_DIR")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("this is not inside the workbook"));
}
