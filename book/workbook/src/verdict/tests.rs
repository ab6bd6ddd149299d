//! What a learner reads, at 80 and at 40 columns.

use super::*;
use crate::milestone::Outcome;

/// The learner's file: 1.1 is written, 1.2 and 1.3 are not.
const EXERCISE: &str = r#"
pub fn chroot_into() { sys::chroot() }
pub fn find_program() { todo!("task 1.2: find the program") }
pub fn exec_program() { todo!("task 1.3: become the program") }
"#;

fn task(id: &str, title: &str, function: &str) -> Task {
    Task { id: id.into(), title: title.into(), function: function.into(), hints: vec!["A hint.".into()] }
}

fn tasks() -> Vec<Task> {
    vec![
        task("1.1", "Change the root", "chroot_into"),
        task("1.2", "Find the program in the new root", "find_program"),
        task("1.3", "Become the program", "exec_program"),
    ]
}

fn report(test: &str, task: &str, result: Outcome) -> TestReport {
    TestReport {
        test: test.into(),
        task: task.into(),
        result,
        observed: String::new(),
        means: String::new(),
        misconception: String::new(),
        needs: String::new(),
        fix: String::new(),
        blocked_by: String::new(),
        output: String::new(),
    }
}

fn failed(test: &str, task: &str) -> TestReport {
    TestReport {
        observed: "`pwd` printed \"/home/you/coracle/chapters\" where \"/\" was expected".into(),
        means: "the process still stands in a directory of the old root".into(),
        misconception: "chroot() changes what `/` means, not where you stand: chdir(\"/\") must follow"
            .into(),
        ..report(test, task, Outcome::Failed)
    }
}

fn not_yet(test: &str, task: &str, blocked_by: &str) -> TestReport {
    TestReport { blocked_by: blocked_by.into(), ..report(test, task, Outcome::NotYet) }
}

/// Rendered without colours, at two widths.
fn rendered(reports: Vec<TestReport>) -> String {
    let verdict = Verdict::new(tasks(), reports, EXERCISE);
    let place = |name: &str| format!("chapters/01-chroot/src/exercise.rs:12 ({name})");
    let at = |width| {
        let text = render::verdict(&verdict, &place, width);
        let plain = anstream::adapter::strip_str(&text).to_string();
        for line in plain.lines() {
            assert!(textwrap::core::display_width(line) <= width, "wider than {width}: {line}");
        }
        format!("{}\n{plain}\n", "-".repeat(width))
    };
    at(80) + &at(40)
}

#[test]
fn a_failure_says_three_things_and_the_next_hint() {
    insta::assert_snapshot!(rendered(vec![
        failed("working_directory_is_the_new_root", "1.1"),
        failed("dot_dot_stays_inside", "1.1"),
        report("program_is_looked_up_in_the_new_root", "1.2", Outcome::Passed),
        report("host_environment_does_not_leak_in", "1.3", Outcome::TimedOut),
    ]));
}

#[test]
fn a_todo_is_named_and_so_is_what_it_hides() {
    insta::assert_snapshot!(rendered(vec![
        not_yet("working_directory_is_the_new_root", "1.1", "1.2"),
        not_yet("program_is_looked_up_in_the_new_root", "1.2", "1.2"),
        not_yet("host_environment_does_not_leak_in", "1.3", "1.2"),
    ]));
}

#[test]
fn a_skipped_test_never_counts_as_passed() {
    let skipped = |test, task| TestReport {
        needs: "user namespaces".into(),
        fix: "run it as root, or allow them".into(),
        ..report(test, task, Outcome::Skipped)
    };
    insta::assert_snapshot!(rendered(vec![
        report("working_directory_is_the_new_root", "1.1", Outcome::Passed),
        skipped("dot_dot_stays_inside", "1.1"),
        skipped("program_is_looked_up_in_the_new_root", "1.2"),
        report("nothing_was_left_behind", "-", Outcome::Failed),
    ]));
}

#[test]
fn the_worst_test_decides_and_all_skipped_is_no_success() {
    let table = [
        (vec![Outcome::Passed, Outcome::Passed], TaskState::Passed),
        (vec![Outcome::Passed, Outcome::Skipped], TaskState::Passed),
        (vec![Outcome::Skipped], TaskState::Skipped),
        (vec![], TaskState::Skipped),
        (vec![Outcome::Passed, Outcome::Failed], TaskState::Failed),
        (vec![Outcome::NotYet, Outcome::TimedOut], TaskState::Failed),
        (vec![Outcome::NotYet, Outcome::Passed], TaskState::Waiting),
    ];
    for (results, expected) in table {
        let tests: Vec<_> = results.iter().map(|result| report("a", "1.1", *result)).collect();
        assert_eq!(state("1.1", &tests), expected, "{results:?}");
        let verdict = Verdict::new(vec![task("1.1", "A", "a")], tests, "");
        assert_eq!(verdict.passed(), expected == TaskState::Passed, "{results:?}");
    }
}
