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

/// Runs `inside` in a container and `outside` beside it. `outside` ends with `leave`, or ends the container otherwise.
pub(crate) fn beside(inside: &str, outside: &str) -> Result<Output, Failure> {
    run(inside, &format!("{BEFORE}{outside}"))
}

/// Runs `inside` in a container, and nothing beside it. The last line is the runtime's exit status.
pub(crate) fn alone(inside: &str) -> Result<Output, Failure> {
    run(inside, r#""$CH02" rootfs sh -c "$INSIDE" && code=0 || code=$?; echo "status $code""#)
}

/// Runs `inside` in the place of the script's `$INSIDE`. A hang is a failure here.
fn run(inside: &str, text: &str) -> Result<Output, Failure> {
    let world = World::new().env("INSIDE", &format!("{INSIDE}{inside}"));
    let out = in_world(world, text)?;
    started(&out)?;
    if out.timed_out {
        return Err(never_ended(&out));
    }
    Ok(out)
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
    let (observed, means, misconception) = match program_runs {
        true => (
            "the container never ended: its program still runs",
            "the program waits for something that does not come",
            "what a program waits for in these tests is a signal, or the end of an orphan: both pass through init",
        ),
        false => (
            "the container never ended: its program is gone, and init still runs",
            "init never learned that its program had ended",
            "the news came before init had blocked SIGCHLD, or went to somebody else: a `Child` that is dropped is \
             killed and waited for, and `into_pid` takes that duty out of it",
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
