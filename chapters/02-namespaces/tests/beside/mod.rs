//! A container, and a script on the host (the world) while the container waits.
//!
//! ```text
//!   world's shell ── ch02 ($pid) ── init ($init) ── the container's shell
//!        │                                               │
//!        │ ◀────────────── reports "ready" ────────────── │   and waits at its standard input
//!        │ does something, then `go`: the container goes on, or `leave`: its input ends
//! ```

use coracle_testkit::{Failure, Outcome, Output, Verdict, World, check};

/// Before the world's script: starts the container and waits until it says that it is ready.
///
/// Two pipes with names connect the shells. When the runtime fails, the pipes end, so that nobody waits for ever.
const BEFORE: &str = r#"
mkfifo up down
"$CH02" rootfs sh -c "$INSIDE" >up <down &
pid=$!
exec 3<up 4>down
listen() { while read -r line <&3; do echo "inside $line"; [ "$line" != ready ] || return 0; done; }
listen
init=$(grep -l "^PPid:.$pid\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3)
go() { echo go >&4; listen; }
leave() { exec 4>&-; listen; wait "$pid"; echo "status $?"; }
"#;

/// What every script of a container begins with: `&` in a script of `sh` opens `/dev/null`, which only chapter 3 makes.
const INSIDE: &str = r#"
: >/dev/null
report_ready() { echo ready; read -r go; }
state() { line=gone; read -r line 2>/dev/null <"/proc/$1/stat" || line=gone; case $line in *") Z "*) line=zombie ;; esac; }
"#;

/// For a test of `task`: runs `inside` in a container and `outside` beside it. `outside` ends with `leave`, or ends the container otherwise.
pub(crate) fn beside(task: &str, inside: &str, outside: &str) -> Result<Output, Failure> {
    run(task, inside, &format!("{BEFORE}{outside}"))
}

/// Runs `inside` in a container, and nothing beside it. The last line is the runtime's exit status.
pub(crate) fn alone(task: &str, inside: &str) -> Result<Output, Failure> {
    run(task, inside, r#""$CH02" rootfs sh -c "$INSIDE" && code=0 || code=$?; echo "status $code""#)
}

/// Runs `inside` in the place of the script's `$INSIDE`. A hang is a failure here.
fn run(task: &str, inside: &str, text: &str) -> Result<Output, Failure> {
    let world = World::new().env("INSIDE", &format!("{INSIDE}{inside}"));
    came_to_an_end(task, in_world(world, text)?)
}

/// A script of the world's shell in which the runtime must neither fail nor hang.
pub(crate) fn sound_script(task: &str, text: &str) -> Result<Output, Failure> {
    came_to_an_end(task, script(text)?)
}

/// Neither an error of the runtime nor a hang; each is told as the fault of the task that it comes from.
fn came_to_an_end(task: &str, out: Output) -> Result<Output, Failure> {
    started(&out).map_err(|failure| {
        let building = failure.observed.contains("mount") || failure.observed.contains("/proc");
        if building { fault_of("2.2", task, failure) } else { failure }
    })?;
    match out.timed_out {
        true => Err(fault_of("2.3", task, never_ended(&out))),
        false => Ok(out),
    }
}

/// The same fault is seen by the tests of every task: only those of its own task call it theirs, the others wait.
fn fault_of(culprit: &str, task: &str, mut failure: Failure) -> Failure {
    if culprit != task {
        failure.verdict = Verdict::Failed;
        failure.misconception =
            format!("a fault of task {culprit}: this task cannot be tried until that one is done");
        failure.blocked_by = Some(culprit.to_string());
    }
    failure
}

/// Runs a script of the world's shell. `$CH02` is the runtime. A hang, or an error of the runtime, is for the caller.
pub(crate) fn script(text: &str) -> Result<Output, Failure> {
    in_world(World::new(), text)
}

/// What leaks and hangs mean is said by the tests of this chapter themselves, each in the words of its task.
fn in_world(world: World, text: &str) -> Result<Output, Failure> {
    world.env("CH02", crate::BIN).unjudged().run(["/bin/sh", "-uc", text])
}

/// The time is over. Is it the program that still runs, or does init wait for one that is gone?
fn never_ended(out: &Output) -> Failure {
    let program_runs = out.running_at_timeout.iter().any(|process| process.contains("`sh -c "));
    let left_behind = out.running_at_timeout.iter().any(|process| process.contains("`sleep 1000"));
    let (observed, means, misconception) = match program_runs {
        false if left_behind => (
            "the container never ended: its program is gone, and init waits for a process that the program left behind",
            "a container lives on after its program, and nobody learns how the program ended",
            "a container is over when its main program is: init returns, and the kernel kills whoever is left",
        ),
        true => (
            "the container never ended: its program still runs",
            "the program waits for something that does not come",
            "what a program waits for in these tests is a signal, or the end of an orphan: both pass through init",
        ),
        false => (
            "the container never ended: its program is gone, and init still runs",
            "init never learned that its program had ended",
            "Block first, then start the program: news that comes before the block is lost. Or it went to somebody \
             else: a `Child` that is dropped is killed and waited for, and `into_pid` takes that duty out of it",
        ),
    };
    Failure::new(Verdict::TimedOut, observed, means, misconception)
}

/// Did the runtime get as far as starting the program? If not, it has said which call failed.
fn started(out: &Output) -> Outcome {
    let words = out.stderr.lines().find_map(|line| line.strip_prefix("ch02: "));
    check(words.is_none())
        .observed(format!("the runtime gave up: {}", words.unwrap_or_default()))
        .means(match words {
            Some(text) if text.contains("/proc/self/task") => {
                "there is no `/proc` inside the new root: the program could not be started"
            }
            _ => "a step of making the container failed: the program was never started",
        })
        .misconception(match words {
            Some(text) if text.contains("/proc/self/task") => {
                "the mount belongs at `proc` below the new root, before the change of the root: a mount at the \
                 host's `/proc` is out of sight after it"
            }
            _ => "the text names the call and its errno: look that up in the call's man page, under ERRORS",
        })
}

/// The rest of the first line of the output that begins with `word`.
pub(crate) fn said<'a>(out: &'a Output, word: &str) -> &'a str {
    let rest = |line: &'a str| line.strip_prefix(word)?.strip_prefix(' ');
    out.stdout.lines().find_map(rest).unwrap_or_default()
}
