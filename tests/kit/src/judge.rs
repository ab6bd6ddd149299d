//! What every run must fulfil, whatever its test is about.

use crate::outcome::{Failure, Outcome, Verdict};
use crate::running::Output;
use crate::world::World;
use std::time::Duration;

/// What `todo!("task 1.2: …")` prints before the task's number.
const TODO: &str = "not yet implemented: task ";

/// Turns what must never happen into a failure.
pub(crate) fn judge(
    world: &World,
    command: &str,
    limit: Duration,
    output: Output,
) -> Result<Output, Failure> {
    not_yet(&output.stderr)?;
    not_yet(&output.stdout)?; // with a terminal it is all there
    if !world.judged {
        return Ok(output);
    }
    panicked(&output.stderr)?;
    panicked(&output.stdout)?;
    if output.timed_out {
        let still = match output.running_at_timeout.as_slice() {
            [] => String::new(),
            list => format!("; still there: {}", list.join(", ")),
        };
        return Err(Failure::new(
            Verdict::TimedOut,
            format!("`{command}` had not ended after {} s{still}", limit.as_secs_f64()),
            "something waits for what never happens, or runs in a circle",
            "a wait for a process that nobody reaps, an end of a pipe that stays open, a signal that is ignored, or a loop in your own code that does not end",
        ));
    }
    if !output.leaks.is_empty() {
        return Err(Failure::new(
            Verdict::Failed,
            format!("after `{command}` the host is not as it was: {}", output.leaks.join("; ")),
            "what the program did reached the host, and outlived it",
            "what is not made in a namespace of its own, or made private there, is made on the host",
        ));
    }
    if !output.leftovers.is_empty() && !world.leftovers_allowed {
        return Err(Failure::new(
            Verdict::Failed,
            format!("after `{command}` had ended, there was still {}", output.leftovers.join(", ")),
            "the program ended before the processes that it had started",
            "a process does not end with its parent; only the end of a PID namespace's PID 1 ends them all",
        ));
    }
    Ok(output)
}

/// Was a task reached that is still `todo!()`?
pub(crate) fn not_yet(printed: &str) -> Outcome {
    let Some((_, rest)) = printed.split_once(TODO) else { return Ok(()) };
    let line = rest.lines().next().unwrap_or_default();
    let task = line.split([':', ' ']).next().unwrap_or_default();
    let mut failure = Failure::new(
        Verdict::NotYet,
        format!("the program stopped at `todo!(\"task {line}\")`"),
        format!("task {task} is not written yet"),
        "none: this is the next thing to do",
    );
    failure.blocked_by = Some(task.to_string());
    Err(failure)
}

/// Did the learner's own file panic? Then nothing else that was seen means much.
fn panicked(printed: &str) -> Outcome {
    let Some((_, rest)) = printed.split_once("panicked at ") else { return Ok(()) };
    let told: Vec<&str> = rest.lines().take(3).take_while(|line| !line.starts_with("note:")).collect();
    let told = told.join("\n");
    let words = told.split(|c: char| c.is_whitespace() || "()".contains(c));
    let mut places =
        words.map(|word| word.trim_end_matches(':')).filter(|word| word.contains("exercise.rs:"));
    let Some(place) = places.next_back() else { return Ok(()) };
    let (_, text) = told.split_once('\n').unwrap_or_default();
    Err(Failure::new(
        Verdict::Failed,
        format!(
            "your code panicked at {place}: {}",
            text.lines().next().map_or("", |line| line.split(" (at ").next().unwrap_or(line))
        ),
        "the program ended there, before the test could see anything",
        "an `unwrap`, an index, a slice or an addition that does not hold for every input: hand errors on with `?`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_is_read_out_of_the_panic() {
        let panic =
            "thread 'main' panicked at src/exercise.rs:9:5:\nnot yet implemented: task 1.2: find it\nnote: x";
        let failure = not_yet(panic).expect_err("a task is missing");
        assert_eq!(failure.blocked_by.as_deref(), Some("1.2"));
        assert_eq!(failure.observed, "the program stopped at `todo!(\"task 1.2: find it\")`");
        assert!(not_yet("all is well").is_ok());
    }

    #[test]
    fn a_panic_of_the_learners_code_is_told_with_its_place() {
        let own =
            "thread 'main' (7) panicked at chapters/01/src/exercise.rs:9:5:\nindex out of bounds\nnote: x";
        let handed_on =
            "thread 'main' panicked at ground/link.rs:1:2:\nno (at chapters/01/src/exercise.rs:9:5)\n";
        for text in [own, handed_on] {
            let failure = panicked(text).expect_err("it panicked");
            assert!(
                failure.observed.contains("at chapters/01/src/exercise.rs:9:5: "),
                "{}",
                failure.observed
            );
        }
        assert!(panicked("thread 'main' panicked at src/main.rs:1:2:\noh").is_ok());
    }
}
