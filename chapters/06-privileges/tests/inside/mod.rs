//! What the tests of chapter 6 share: a container to look into, how its answers are read, and what usually leads to a
//! container that does not start.

pub(crate) mod capabilities;
pub(crate) mod devices;
pub(crate) mod filter;
pub(crate) mod order;

use coracle_privileges::Filter;
use coracle_privileges::seccomp::{self, Action, Arch};
pub(crate) use coracle_testkit::said;
use coracle_testkit::{Failure, LOOK_IT_UP, Outcome, Output, World, check, not_reached};
use std::collections::BTreeMap;

/// What every script begins with. `box` runs a container, and prints `status N` when it has ended. `bare` runs one
/// without any filter, `filtered` one with a filter that allows everything and is compiled already: so what is wrong in
/// task 6.3 is in nobody else's way. `install_whoami` puts `$WHOAMI` into the image, with its libraries.
const BEGIN: &str = r#"
box() { "$CH06" "$@" || code=$?; echo "status ${code:-0}"; code=; }
bare() { box --security-opt seccomp=unconfined "$@"; }
filtered() { box --filter open.filter "$@"; }
install_whoami() {
    cp "$WHOAMI" rootfs/bin/whoami-really
    for library in $(ldd "$WHOAMI" | grep -o '/[^ ]*'); do
        mkdir -p "rootfs${library%/*}"
        test -e "rootfs$library" || cp "$library" "rootfs$library"
    done
}
"#;

/// A script of the host's shell, in which `$CH06` is the runtime and `$WHOAMI` a program that prints its privileges.
/// Every container in it must start.
pub(crate) fn script(task: &str, text: &str) -> Result<Output, Failure> {
    let out = script_of_failures(text)?;
    began(task, &out)?;
    Ok(out)
}

/// The same, for containers that are to be refused.
pub(crate) fn script_of_failures(text: &str) -> Result<Output, Failure> {
    let world = World::new().env("CH06", crate::BIN).env("WHOAMI", env!("CARGO_BIN_EXE_whoami-really"));
    world.script(&format!("{BEGIN}{}{text}", filter_file("open.filter", &[])))
}

/// A line of the shell that writes a filter into a file. These calls it answers with EPERM, and allows all others.
pub(crate) fn filter_file(name: &str, forbidden: &[&str]) -> String {
    let refuse = || vec![seccomp::answer(Action::Errno(1))];
    let number = |call: &&str| seccomp::call_number(call, Arch::HERE);
    let calls: BTreeMap<i64, Filter> =
        forbidden.iter().filter_map(number).map(|number| (number, refuse())).collect();
    let program = seccomp::program(Arch::HERE, &calls, Action::Allow).expect("it is short");
    let word = |i: &coracle_ground::sys::FilterInstruction| {
        let bytes = [&i.code.to_ne_bytes()[..], &[i.jt, i.jf], &i.k.to_ne_bytes()].concat();
        bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>()
    };
    format!("printf '{}' > {name}\n", program.iter().map(word).collect::<String>())
}

/// Did every container start? A line of ch06's own says that one did not; a test about another task than the one whose
/// step failed says that it was not reached, and accuses nobody.
fn began(task: &str, out: &Output) -> Outcome {
    let own = |line: &&str| line.starts_with("ch06: ") && !line.starts_with("ch06: no cgroup");
    let line = out.stderr.lines().find(own).unwrap_or_default();
    let started = line.is_empty();
    // What ch06 guesses about the cause is not what was done.
    let done = line.split(" (likely: ").next().unwrap_or_default();
    let guilty = task_of(done).unwrap_or(task);
    if guilty != task && !TOGETHER.contains(&(guilty, task)) {
        return not_reached(started, guilty, line);
    }
    check(started)
        .observed(format!("ch06 ended before the program began: `{line}`"))
        .means("the kernel refused one of the last steps, and the program never ran")
        .misconception(usual_reason(done))
}

/// Tasks whose steps lean on one another: what fails in one may be the other's fault.
const TOGETHER: [(&str, &str); 2] = [("6.2", "6.1"), ("6.1", "6.2")];

/// Whose step is it, by the call in the message?
fn task_of(line: &str) -> Option<&'static str> {
    if line.contains("seccomp: a filter") && line.contains("EINVAL") {
        return Some("6.3"); // The kernel has read it, and it is no program.
    }
    let steps = [
        ("capset", "6.1"),
        ("bounding", "6.1"),
        ("ambient", "6.1"),
        ("prctl: keep", "6.2"),
        ("seccomp: a filter", "6.2"),
        ("setres", "6.2"),
        ("setgroups", "6.2"),
        ("make a seccomp filter", "6.3"),
        ("setrlimit", "6.4"),
        ("mknod", "6.4"),
        ("devices.", "6.4"),
        ("bpf", "6.4"),
        ("create `/dev", "6.4"),
        ("mkdir `/dev", "6.4"),
    ];
    steps.into_iter().find(|(words, _)| line.contains(words)).map(|(_, task)| task)
}

/// What usually leads to this answer of the kernel.
fn usual_reason(line: &str) -> &'static str {
    let is = |words: &[&str]| words.iter().all(|word| line.contains(word));
    if is(&["seccomp: a filter", "EACCES"]) {
        "a filter may be installed with CAP_SYS_ADMIN in the effective set, or after no_new_privs. Both are missing at \
         this moment: the change of the user empties the sets unless they are kept (and effective is emptied all the \
         same), or they were given up too early"
    } else if is(&["seccomp: a filter", "EINVAL"]) {
        "the kernel does not accept the program: each path through it must end with an answer"
    } else if is(&["capset", "EPERM"]) {
        "a set may only shrink: keep what is wanted *and* permitted. And a filter that is in force already may forbid \
         capset to us, too: with no_new_privs it comes last"
    } else if is(&["capget", "EPERM"]) {
        "to read one's own sets takes no right at all. So it was a filter, which is in force already, and forbids the \
         call to us, too: with no_new_privs it comes last"
    } else if is(&["bounding", "EPERM"]) {
        "to drop from the bounding set takes CAP_SETPCAP: it must come before the capabilities go"
    } else if ["prctl", "setres", "setgroups"].iter().any(|call| is(&[call, "EPERM"])) {
        "either CAP_SETUID and CAP_SETGID are gone already, or a filter that is in force forbids the call, to us as to \
         anybody: it must come after the change of the user"
    } else if ["mknod `/dev", "mkdir `/dev", "create `/dev"].iter().any(|call| is(&[call])) {
        "this is the host's path, not one below the root: `root.join(path)` with an absolute path forgets the root, so \
         go through the names of `device.inside`"
    } else if is(&["setrlimit", "EINVAL"]) {
        "the soft limit would be above the hard one: the soft value comes first"
    } else if is(&["mknod", "EPERM"]) {
        "root in a user namespace may make no nodes: bind the host's node onto an empty file instead"
    } else if is(&["devices.", "EINVAL"]) {
        "the kernel reads one rule in each write: `c 1:3 rwm`"
    } else {
        LOOK_IT_UP
    }
}
