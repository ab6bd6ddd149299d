//! The `main` of a test program: the tests with their needs, run by libtest-mimic, so that `cargo test` and
//! `cargo nextest` both see ordinary tests.

use crate::needs::{Missing, Need, first_missing};
use crate::outcome::{Failure, Outcome};
use crate::report::Line;
use crate::{inside, transcript};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::collections::BTreeMap;
use std::panic;

/// One test.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// The task that it checks: `1.2`.
    pub task: &'static str,
    /// Its name, a sentence.
    pub name: &'static str,
    /// What it does.
    pub run: fn() -> Outcome,
    /// What the machine must have for it.
    pub needs: &'static [Need],
}

/// Runs the tests that the arguments choose, and ends the program. [`milestone!`](crate::milestone) calls it.
pub fn main(tests: &'static [Test]) {
    inside::if_part_of_a_world();
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    let mut skipped: BTreeMap<Missing, Vec<&str>> = BTreeMap::new();
    for test in tests {
        let missing = first_missing(test.needs);
        let trial = trial(test, missing.clone(), &args);
        if let Some(missing) = missing.filter(|_| !args.is_filtered_out(&trial)) {
            skipped.entry(missing).or_default().push(test.name);
        }
        trials.push(trial);
    }
    let conclusion = libtest_mimic::run(&args, trials);
    if conclusion.num_ignored > 0 {
        print!("{}", summary(&skipped));
    }
    conclusion.exit();
}

/// How libtest-mimic shall see one test.
fn trial(test: &'static Test, missing: Option<Missing>, args: &Arguments) -> Trial {
    // nextest asks for the list and leaves out what is marked there. A run of our own says the reason.
    let marked = missing.is_some() && (args.list || args.ignored);
    let insisted = args.ignored || args.include_ignored;
    let run = move || match &missing {
        None => carry_out(test),
        Some(missing) if insisted => Err(format!("needs {}; {}", missing.what, missing.fix).into()),
        Some(missing) => {
            Line::skipped(test.name, test.task, &missing.what, &missing.fix).write();
            Ok(Completion::ignored_with(format!("skipped: needs {}", missing.what)))
        }
    };
    Trial::ignorable_test(test.name, run).with_kind(test.task).with_ignored_flag(marked)
}

/// Runs the test and reports it.
fn carry_out(test: &Test) -> Result<Completion, Failed> {
    transcript::take();
    let outcome = panic::catch_unwind(test.run).unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    let output = transcript::take();
    match outcome {
        Ok(()) => {
            Line::passed(test.name, test.task).write();
            Ok(Completion::Completed)
        }
        Err(failure) => {
            Line::failed(test.name, test.task, &failure, &output).write();
            Err(format!("{failure}\n\n{output}").into())
        }
    }
}

/// The test itself is wrong: it panicked.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Failure::of_the_kit(format!("the test panicked: {}", text.unwrap_or("without a word")))
}

/// The count of skipped tests, by reason.
fn summary(skipped: &BTreeMap<Missing, Vec<&str>>) -> String {
    let line = |missing: &Missing, tests: &[&str]| {
        let (count, names) = (tests.len(), tests.join(", "));
        format!("skipped: {count} × needs {}: {names}\n  to run them: {}\n", missing.what, missing.fix)
    };
    skipped.iter().map(|(missing, tests)| line(missing, tests)).collect()
}

/// The whole test program of a chapter, or of the engine.
///
/// ```ignore
/// milestone! { bin: "ch03", tests: {
///     "3.1" => old_root_is_unreachable,
///     "3.2" => device_nodes_are_right needs Mknod,
///     "3.3" => rules_are_listed needs Root and Tool("nft"),
/// }}
/// ```
///
/// It defines `main`, and the constant `BIN`: the path of the binary under test.
#[macro_export]
macro_rules! milestone {
    (bin: $bin:literal, tests: {
        $( $task:literal => $test:ident $( needs $( $need:ident $( ( $what:literal ) )? )and+ )? ),* $(,)?
    }) => {
        /// The binary under test.
        const BIN: &str = env!(concat!("CARGO_BIN_EXE_", $bin));

        fn main() {
            $crate::main(&[
                $( $crate::Test {
                    task: $task,
                    name: stringify!($test),
                    run: $test,
                    needs: &[ $( $( $crate::Need::$need $( ( $what ) )? ),+ )? ],
                } ),*
            ]);
        }
    };
}
