//! The narration behind `--explain`: each step, and each system call below it, with its time and its process.
//!
//! Off by default, and then the cost of a call's narration is one relaxed load of a flag: no system call, no
//! allocation, no text. When it is on, each line is one `write` to a copy of standard error that is closed on
//! exec, so that the container's own program never sees it.
//!
//! ```text
//!     0.31 ms  host    chapter 2   A child in namespaces of its own
//!     1.24 ms  host                clone3 with NEWNS|NEWPID|…, process 4711: ok
//! ```
//!
//! What we leave out: calls that are made by Rust's standard library, and by the C library. `strace -f` has those.

use nix::errno::Errno;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Which of the processes speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// The command that was typed; it stands on the host.
    Host,
    /// The child that becomes PID 1 of the container.
    Init,
    /// A process that joins a container or is started by its init.
    Inside,
}

static ON: AtomicBool = AtomicBool::new(false);
static SPEAKER: AtomicU8 = AtomicU8::new(0);
static STORY: OnceLock<Story> = OnceLock::new();
static SHORT_NAMES: Mutex<Vec<(String, &str)>> = Mutex::new(Vec::new());

/// Where the narration goes, and when it began.
struct Story {
    output: File,
    began: Instant,
}

/// Turns the narration on. It goes to `output`, which should be closed on exec; times count from now.
pub fn enable(output: File) {
    let began = Instant::now();
    if STORY.set(Story { output, began }).is_ok() {
        ON.store(true, Ordering::Relaxed);
    }
}

/// Is the narration on?
pub fn enabled() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Says which process this is from now on.
pub fn speak_as(process: Process) {
    SPEAKER.store(process as u8, Ordering::Relaxed);
}

/// From now on the narration writes `short` for `path`, and says so: the root of a container has a very long name.
/// Of two paths, name the longer one first.
pub fn shorten(path: &Path, short: &'static str) {
    if enabled() {
        note(&format!("{short} stands for {}", path.display()));
        short_names().push((path.display().to_string(), short));
    }
}

/// Announces a step: the chapter that teaches it, and why it is needed.
pub fn step(chapter: u8, why: &str) {
    if enabled() {
        line(&format!("chapter {chapter:<2}  {why}"));
    }
}

/// Tells one system call: what it did, and how the kernel answered. `doing` runs only when the narration is on.
pub fn call<T>(doing: impl FnOnce() -> String, answer: &std::result::Result<T, Errno>) {
    if enabled() {
        let answer = match answer {
            Ok(_) => "ok".to_string(),
            Err(errno) => format!("{errno:?}"),
        };
        note(&format!("{}: {answer}", shortened(doing())));
    }
}

/// Tells, before it is made, a call that does not come back when it works. If it fails, [`call`] tells the answer.
pub fn last_call(doing: impl FnOnce() -> String) {
    if enabled() {
        note(&format!("{}: answers only if it fails", shortened(doing())));
    }
}

/// With the short name for what has one.
fn shortened(text: String) -> String {
    short_names().iter().fold(text, |text, (path, short)| text.replace(path, short))
}

/// The names that [`shorten`] was given. A process with one thread never waits here.
fn short_names() -> MutexGuard<'static, Vec<(String, &'static str)>> {
    SHORT_NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line below a step.
fn note(text: &str) {
    line(&format!("             {text}"));
}

/// Writes one line of the story, in a single `write`, so that lines of two processes never mix.
fn line(text: &str) {
    let Some(story) = STORY.get() else { return };
    let ms = story.began.elapsed().as_secs_f64() * 1000.0;
    let who = match SPEAKER.load(Ordering::Relaxed) {
        0 => "host  ",
        1 => "init  ",
        _ => "inside",
    };
    let text = format!("{ms:8.2} ms  {who}  {text}\n");
    // A narration that cannot be written (a closed pipe) must not stop the container.
    let _ = (&story.output).write_all(text.as_bytes());
}
