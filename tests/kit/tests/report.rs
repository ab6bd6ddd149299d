//! The kit, tested with itself: what the harness prints, and what it writes into the report.
//!
//! Started with `KIT_SAMPLES` this program is a milestone test of which most fail; without, it runs itself so and looks
//! at what comes out.

use coracle_testkit::{Need, Outcome, Test, World, check};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// The tests that are looked at.
const SAMPLES: &[Test] = &[
    Test { task: "1.1", name: "it_holds", run: it_holds, needs: &[] },
    Test { task: "1.2", name: "it_does_not", run: it_does_not, needs: &[] },
    Test { task: "1.3", name: "it_is_a_todo", run: it_is_a_todo, needs: &[] },
    Test { task: "1.4", name: "it_hangs", run: it_hangs, needs: &[] },
    Test { task: "1.5", name: "it_panics", run: it_panics, needs: &[Need::Nothing] },
    Test { task: "1.6", name: "it_needs_much", run: it_holds, needs: &[Need::Tool("no-such-tool")] },
];

fn it_holds() -> Outcome {
    World::new().script("true").map(drop)
}

fn it_does_not() -> Outcome {
    let out = World::new().script("echo seen; echo wrong >&2")?;
    check(out.stdout == "unseen")
        .observed("this was observed")
        .means("this it means")
        .misconception("and this is why")
}

fn it_is_a_todo() -> Outcome {
    World::new().script("echo 'not yet implemented: task 1.2: do it' >&2; exit 101").map(drop)
}

fn it_hangs() -> Outcome {
    World::new().limit(Duration::from_millis(200)).script("sleep 60").map(drop)
}

fn it_panics() -> Outcome {
    panic!("oh")
}

/// The tests that look.
const TESTS: &[Test] = &[
    Test { task: "report", name: "each_result_is_a_line", run: each_result_is_a_line, needs: &[] },
    Test {
        task: "report",
        name: "a_failure_says_three_things",
        run: a_failure_says_three_things,
        needs: &[],
    },
    Test {
        task: "skip",
        name: "a_skip_says_why_and_is_counted",
        run: a_skip_says_why_and_is_counted,
        needs: &[],
    },
    Test { task: "skip", name: "nextest_sees_a_skip", run: nextest_sees_a_skip, needs: &[] },
];

fn main() {
    let samples = std::env::var_os("KIT_SAMPLES").is_some();
    coracle_testkit::main(if samples { SAMPLES } else { TESTS });
}

/// Runs this program with the samples: what it prints, and the lines of its report.
fn samples(name: &str, args: &[&str]) -> Result<(String, Vec<Value>), std::io::Error> {
    let report = std::env::temp_dir().join(format!("coracle-report-{name}-{}", std::process::id()));
    let mut command = Command::new("/proc/self/exe");
    let out = command.args(args).env("KIT_SAMPLES", "1").env("CORACLE_REPORT", &report).output()?;
    let text = fs::read_to_string(&report).unwrap_or_default();
    let _ = fs::remove_file(&report);
    let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok((String::from_utf8_lossy(&out.stdout).into_owned(), lines))
}

fn wrong(what: impl std::fmt::Debug) -> Outcome {
    check(false)
        .observed(format!("{what:?}"))
        .means("the report is wrong")
        .misconception("none: the kit is wrong")
}

fn each_result_is_a_line() -> Outcome {
    let (_, lines) = samples("lines", &[])?;
    for (test, result) in [
        ("it_holds", "passed"),
        ("it_does_not", "failed"),
        ("it_is_a_todo", "not_yet"),
        ("it_hangs", "timed_out"),
        ("it_panics", "failed"),
        ("it_needs_much", "skipped"),
    ] {
        let of_test: Vec<&Value> = lines.iter().filter(|line| line["test"] == test).collect();
        let [line] = of_test.as_slice() else { return wrong(of_test) };
        let more = match test {
            "it_does_not" => {
                line["observed"] == "this was observed"
                    && line["means"] == "this it means"
                    && line["misconception"] == "and this is why"
                    && line["output"].as_str().is_some_and(|text| text.ends_with("seen\nwrong\n"))
            }
            "it_is_a_todo" => line["blocked_by"] == "1.2",
            "it_panics" => line["observed"] == "the test panicked: oh",
            "it_needs_much" => line["needs"] == "no-such-tool" && line["fix"] == "install `no-such-tool`",
            _ => true,
        };
        if line["result"] != result || !more {
            return wrong(line);
        }
    }
    Ok(())
}

fn a_failure_says_three_things() -> Outcome {
    let (text, _) = samples("text", &["it_does_not"])?;
    let three =
        "observed:      this was observed\nthat means:    this it means\nusual reason:  and this is why\n";
    if text.contains(three) && text.contains("seen\nwrong\n") { Ok(()) } else { wrong(text) }
}

fn a_skip_says_why_and_is_counted() -> Outcome {
    let (text, _) = samples("skip", &["it_"])?;
    let line = "ignored (skipped: needs no-such-tool)";
    let count = "skipped: 1 × needs no-such-tool: it_needs_much\n  to run them: install `no-such-tool`\n";
    if text.contains(line) && text.contains(count) { Ok(()) } else { wrong(text) }
}

fn nextest_sees_a_skip() -> Outcome {
    let (all, _) = samples("list", &["--list", "--format", "terse"])?;
    let (skipped, _) = samples("list", &["--list", "--format", "terse", "--ignored"])?;
    let fine = all.lines().count() == SAMPLES.len() && skipped == "[1.6] it_needs_much: test\n";
    if fine { Ok(()) } else { wrong((all, skipped)) }
}
