//! A milestone test without the kit: it writes the kit's report by hand.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let only = std::env::args().skip_while(|word| word != "--exact").nth(1);
    let mut bad = false;
    for (test, task, line) in [("the_greeting_has_its_comma", "1.1", 0), ("the_count_ends", "1.2", 1)] {
        if only.as_deref().is_none_or(|name| name == test) {
            bad |= report(test, task, line);
        }
    }
    std::process::exit(if bad { 101 } else { 0 });
}

fn report(test: &str, task: &str, line: usize) -> bool {
    let (out, err, late) = run();
    let right = ["Hello, you!", "3 2 1"][line];
    let seen = out.lines().nth(line).unwrap_or_default().to_owned();
    let todo = err.split("not yet implemented: task ").nth(1).and_then(|rest| rest.split(':').next());
    let needs = std::env::var("MINI_NEEDS").unwrap_or_default();
    let result = match (todo, late) {
        _ if !needs.is_empty() && task == "1.2" => "skipped",
        (Some(_), _) => "not_yet",
        (None, true) if line == 1 => "timed_out",
        (None, _) if seen == right => "passed",
        _ => "failed",
    };
    let observed = if late { "the program did not end".to_owned() } else { format!("it printed `{seen}`") };
    let line = format!(
        r#"{{"test":"{test}","task":"{task}","result":"{result}","observed":"{observed}","means":"that is not `{right}`","misconception":"people forget the comma","needs":"{needs}","blocked_by":"{}","output":""}}"#,
        todo.unwrap_or_default()
    );
    let path = std::env::var("CORACLE_REPORT").expect("the workbook sets it");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("open the report");
    writeln!(file, "{line}").expect("write the report");
    !matches!(result, "passed" | "skipped")
}

/// Standard output, standard error, and whether it had to be killed.
fn run() -> (String, String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ch01"));
    let mut child = command
        .args(["rootfs", "you"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start ch01");
    let end = Instant::now() + Duration::from_secs(1);
    let mut late = false;
    while child.try_wait().expect("wait").is_none() {
        if Instant::now() > end {
            child.kill().expect("kill");
            late = true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("read");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), late)
}
