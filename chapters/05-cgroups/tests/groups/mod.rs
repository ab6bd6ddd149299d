//! What the tests of chapter 5 share: scripts with a few words for groups, and how their answers are read.

pub(crate) mod limits;
pub(crate) mod places;
pub(crate) mod running;

pub(crate) use coracle_testkit::said;
use coracle_testkit::{Failure, Outcome, Output, World, check};
use std::time::Duration;

/// Words for scripts, the same on v1 and v2. All containers and groups here are named `coracle-t`.
///
/// `folder memory` is the group's folder for a controller. `start ARGUMENTS` runs a container in the background, and
/// returns when it says `ready` (`echo ready > /ready`) or has ended: then it prints `start ended`. `status` waits for its
/// end and prints its exit status. `await CONDITION` asks again and again until it holds, the container has
/// ended, or patience has. `finish` waits for the container's end; if it does not come, it says `lives` and ends it
/// without our code (`finish now`: at once). `trees NAME…` counts the trees that have one of these controllers.
const WORDS: &str = r#"
set +e
top=/sys/fs/cgroup
if [ -f $top/cgroup.controllers ]; then v2=yes; else v2=; fi
folder() { if [ $v2 ]; then echo $top/${2:-coracle-t}; else echo $top/$1/${2:-coracle-t}; fi; }
ch05() { "$CH05" "$@"; }
start() {
    mkfifo rootfs/ready 2>/dev/null
    exec 3<>rootfs/ready
    ( ch05 --name coracle-t "$@"; echo $? > ended; echo ended >&3 ) &
    container=$!
    read word <&3
    echo start $word
}
await() {
    for try in $(seq 100); do
        eval "$1" 2>/dev/null && return
        [ -s ended ] && return 1
        sleep 0.1
    done
    return 1
}
lines() { grep "^[0-9]*:\([^:]*,\)*$2\(,[^:]*\)*:${3-}" $1; }
trees() {
    if [ $v2 ]; then echo 1; return; fi
    for name in "$@"; do [ -d $top/$name ] && lines /proc/self/cgroup $name; done | sort -u | grep -c .
}
status() { wait $container; echo status $(cat ended); }
finish() {
    [ $1 ] || await '[ -s ended ]' || [ -s ended ] || echo lives
    ice=$(folder freezer)
    [ -e $ice/freezer.state ] && echo THAWED > $ice/freezer.state
    [ -e $ice/cgroup.freeze ] && echo 0 > $ice/cgroup.freeze
    for p in /proc/[0-9]*; do
        [ "$(readlink $p/ns/pid)" = "$(readlink /proc/self/ns/pid)" ] || kill -9 ${p#/proc/}
    done 2>/dev/null
    status
}
stat() { ch05 --stats coracle-t | sed -n "s/^$1 //p"; }
"#;

/// Runs a script in a world with these words.
pub(crate) fn script(text: &str) -> Result<Output, Failure> {
    let world = World::new().env("CH05", crate::BIN).limit(Duration::from_secs(60));
    world.script(&format!("{WORDS}\n{text}"))
}

/// The number after `word`.
pub(crate) fn number(out: &Output, word: &str) -> Option<u64> {
    said(out, word).parse().ok()
}

/// What the programs said on standard error, in their last line.
pub(crate) fn complaint(out: &Output) -> &str {
    out.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing was said on standard error")
}

/// A list for a sentence: an empty one is a word, too.
pub(crate) fn or_none(list: &str) -> &str {
    if list.is_empty() { "none" } else { list }
}

/// The container of [`WORDS`] must have come so far that it said `ready`; otherwise nothing else was seen.
pub(crate) fn started(out: &Output) -> Outcome {
    check(said(out, "start") == "ready")
        .observed(format!("the container ended before its program could say a word: {}", complaint(out)))
        .means("it could not be put into its group, or could not be built there")
        .misconception("read the errno: the last call before it is the one that failed; `strace -f` shows it")
}
