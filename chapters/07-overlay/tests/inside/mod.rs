//! What the tests of chapter 7 share: a script with layers in it, how its answers are read, and what usually leads to a
//! container that does not start.

pub(crate) mod changes;
pub(crate) mod mount;
pub(crate) mod removal;

pub(crate) use coracle_testkit::said;
use coracle_testkit::{Failure, LOOK_IT_UP, Outcome, Output, World, check, not_reached};

/// A script of the host's shell. In it, `ch07` is the runtime; `run COMMAND…` runs one and says with which status it
/// ended; `note PATH NAME VALUE` writes a note of overlay's; `gone PATH` puts a whiteout there.
pub(crate) fn script(task: &'static str, text: &str) -> Result<Output, Failure> {
    let functions = r#"
        ch07() { "$CH07" "$@"; }
        note() { "$NOTE" "$@"; }
        run() { status=0; "$@" || status=$?; echo "status $status"; }
        gone() { mknod "$1" c 0 0; }
    "#;
    let world = World::new().env("CH07", crate::BIN).env("NOTE", env!("CARGO_BIN_EXE_note"));
    let out = world.script(&format!("{functions}\n{text}"))?;
    began(task, &out)?;
    Ok(out)
}

/// Did all go well that is not what the test is about? A line of ch07's own says what did not. A test about another task
/// than the one whose step failed says that it was not reached, and accuses nobody.
fn began(task: &'static str, out: &Output) -> Outcome {
    let line = out.stderr.lines().find(|line| line.starts_with("ch07: ")).unwrap_or_default();
    let fine = line.is_empty();
    let guilty = task_of(line).unwrap_or(task);
    if guilty != task {
        return not_reached(fine, guilty, line);
    }
    check(fine)
        .observed(format!("ch07 stopped: `{line}`"))
        .means("the kernel refused a step that works when the layers are given as the task says")
        .misconception(usual_reason(line))
}

/// Whose step is it, by the call in the message?
fn task_of(line: &str) -> Option<&'static str> {
    let steps = [
        ("fsopen", "7.1"),
        ("fsconfig", "7.1"),
        ("fsmount", "7.1"),
        ("move_mount", "7.1"),
        ("mount overlay", "7.1"),
        ("ch07: remove ", "7.3"),
    ];
    steps.into_iter().find(|(words, _)| line.contains(words)).map(|(_, task)| task)
}

/// What usually leads to this answer of the kernel.
fn usual_reason(line: &str) -> &'static str {
    let is = |words: &[&str]| words.iter().all(|word| line.contains(word));
    if is(&["ch07: remove", "ENOENT"]) {
        "that something is not there is what was wanted: ENOENT is no error of a removal"
    } else if is(&["ch07: remove", "EACCES"]) {
        "the kernel makes its `work/work` with mode 000, and a container closes what it likes. The owner may open it up: \
         chmod first, also before a directory is moved, which writes to it"
    } else if is(&["create the filesystem", "EPERM"]) {
        "root of a user namespace can write no `trusted.…` attributes: the overlay needs the flag `userxattr`"
    } else if is(&["create the filesystem", "EINVAL"]) {
        "the keys were taken and the whole was not: are `upperdir` and `workdir` two directories of one filesystem, \
         neither inside the other, and has nobody mounted that upper directory `volatile` before?"
    } else if is(&["move_mount", "EINVAL"]) || is(&["move_mount", "EBADF"]) {
        "a context is not a mount: create the filesystem, then fsmount() makes a mount of it, and that one can be moved"
    } else if is(&["fsmount", "EINVAL"]) {
        "there is no filesystem yet: fsconfig_create() comes between the last key and fsmount()"
    } else if is(&["lowerdir", "EINVAL"]) {
        "each lower layer is a call of its own with the key `lowerdir+`, and before 6.7 all of them are one string"
    } else if is(&["mount overlay", "E2BIG"]) {
        "one string holds a page, about thirty layers. Where the kernel has the key `lowerdir+`, it is set once for each \
         layer, and 500 of them are taken"
    } else if is(&["volatile", "EINVAL"]) || is(&["userxattr", "EINVAL"]) {
        "a flag has no value: it is set, or it is not"
    } else if is(&["mount overlay", "ENOENT"]) || is(&["mount overlay", "EINVAL"]) {
        "in the one string a `:` divides layers, a `,` divides options and a `\\` protects what follows it: those in a \
         name need a `\\` before them, the `\\` itself first of all"
    } else if is(&["ENOENT"]) {
        "a name was changed on its way to the kernel: through fsconfig no byte of it has a meaning"
    } else if is(&["EMFILE"]) {
        "one descriptor for each level: a container can make more levels than a process may have open files"
    } else {
        LOOK_IT_UP
    }
}
