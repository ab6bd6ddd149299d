//! What is said when the learner's code is not written yet.
//!
//! A chapter that is switched to the learner's own code starts as `todo!("task 2.1: …")` in each function, and the
//! engine runs on it from the first day. Reaching such a `todo!` is no crash: it is the next thing to do, and the panic
//! of it, which may have travelled here from init, becomes one sentence.
//!
//! What we leave out: backtraces. `RUST_BACKTRACE=1` and the chapter's own milestone give those.

use std::any::Any;
use std::panic;

/// Keeps Rust's own panic message away for tasks, and makes it one line for everything else.
pub(crate) fn quiet() {
    panic::set_hook(Box::new(|info| {
        let text = text_of(info.payload());
        if task_in(&text).is_none() {
            let place = info.location().map(|at| format!(" ({at})")).unwrap_or_default();
            eprintln!("coracle: a bug, in the engine or in a chapter's code: {text}{place}");
        }
    }));
}

/// The sentence for a panic that was caught.
pub(crate) fn sentence(panic: &(dyn Any + Send)) -> String {
    let text = text_of(panic);
    let Some((task, what)) = task_in(&text) else {
        return "it stopped there; what it had begun is undone".to_owned();
    };
    let chapter: u32 = task.split('.').next().and_then(|number| number.parse().ok()).unwrap_or_default();
    let next = chapter + 1;
    format!(
        "task {task} is not written yet: {what}; `cargo workbook start {chapter}` names the file to open, \
         and `cargo workbook catch-up {next}` uses the reference until it is"
    )
}

/// The number and the words of the task in ``not yet implemented: task 2.1: start a child …``.
fn task_in(text: &str) -> Option<(&str, &str)> {
    let (_, task) = text.split_once("not yet implemented: task ")?;
    task.split_once(": ")
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_with_its_chapter() {
        let panic: Box<dyn Any + Send> = Box::new("not yet implemented: task 2.1: start a child".to_owned());
        let sentence = sentence(panic.as_ref());
        assert!(sentence.starts_with("task 2.1 is not written yet: start a child; "), "{sentence}");
        assert!(sentence.contains("`cargo workbook start 2`"), "{sentence}");
    }

    #[test]
    fn other_panics_are_no_tasks() {
        assert_eq!(task_in("not yet implemented"), None);
        assert_eq!(task_in("index out of bounds"), None);
    }
}
