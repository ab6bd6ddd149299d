//! What the tests of chapter 4 share: a container made in a script, and how its answers are read.

pub(crate) mod maps;
pub(crate) mod user;
pub(crate) mod who;

use coracle_testkit::{Failure, LOOK_IT_UP, Outcome, Output, World, check, not_reached};

/// Runs a script of the host's shell. In it, `voyager` and `ch04` are the two programs, `run COMMAND…` runs one and says
/// with which status it ended, and `users FILE…` puts an `/etc` with these files over the host's.
pub(crate) fn script(text: &str) -> Result<Output, Failure> {
    script_in(World::new(), text)
}

/// The same in this world: one with many users, for instance.
pub(crate) fn script_in(world: World, text: &str) -> Result<Output, Failure> {
    let functions = r#"
        voyager() { "$VOYAGER" "$@"; }
        ch04() { "$CH04" "$@"; }
        run() { status=0; "$@" || status=$?; echo "status $status"; }
        users() { mkdir etc; cp /etc/ld.so.* /etc/login.defs etc 2>/dev/null || true; mv "$@" etc; mount --bind etc /etc; }
        chown -R 2000:2001 rootfs 2>/dev/null || true
    "#;
    world
        .env("VOYAGER", env!("CARGO_BIN_EXE_voyager"))
        .env("CH04", crate::BIN)
        .script(&format!("{functions}\n{text}"))
}

/// Runs a script with one container in it, which must start. `task` is the one that the test is about.
pub(crate) fn container(task: &'static str, world: World, text: &str) -> Result<Output, Failure> {
    let out = script_in(world, text)?;
    began(task, &out)?;
    Ok(out)
}

/// Did the container start? 125 says that ch04 failed before the program began. A test about another task than the one
/// whose step failed says that it was not reached, and accuses nobody.
fn began(task: &'static str, out: &Output) -> Outcome {
    let line = out.stderr.lines().find(|line| line.starts_with("ch04: ")).unwrap_or(out.stderr.trim());
    let fine = said(out, "status") == "0";
    let (guilty, reason) = usual_reason(task, line).unwrap_or((task, LOOK_IT_UP));
    if guilty != task {
        return not_reached(fine, guilty, line);
    }
    check(fine)
        .observed(format!("ch04 ended with status {}: `{line}`", said(out, "status")))
        .means("the kernel refused one of the steps, and the program never began")
        .misconception(reason)
}

/// Whose step is it, and what usually leads to this answer of the kernel?
fn usual_reason(task: &'static str, line: &str) -> Option<(&'static str, &'static str)> {
    let is = |words: &[&str]| words.iter().all(|word| line.contains(word));
    // Both tasks write maps; the test knows which of the two it is about.
    let maps = if task == "4.2" { "4.2" } else { "4.1" };
    Some(if is(&["write \"", "_map`"]) {
        reason_of_a_map(task, line)
    } else if is(&["run `new"]) {
        reason_of_a_helper(task, line)
    } else if is(&["setresuid 0: EINVAL"]) || is(&["setresgid 0: EINVAL"]) {
        (
            maps,
            "no number inside is called 0: the maps of init's namespace are not written (both of them?), and a \
             process without a map is 65534 and cannot become anybody",
        )
    } else if is(&["EOVERFLOW"]) {
        (
            "4.1",
            "a map makes nobody root: init still has its old number, which does not exist inside, and whoever does \
             not exist can own no file. It must become root, user and group, before it builds anything",
        )
    } else if is(&["setgroups", "EPERM"]) {
        (
            "4.4",
            "in a user namespace of an ordinary user setgroups is denied, for good: the groups stay, and that \
             is an error only when one was asked for",
        )
    } else if is(&["setresgid", "EPERM"]) || is(&["setgroups", "EINVAL"]) || is(&["setresuid"]) {
        (
            "4.4",
            "who has given up user 0 may change no group any more: first the groups, then the group, and the \
             user last",
        )
    } else if is(&["become user"]) || is(&["become group"]) {
        match task {
            "4.2" => ("4.2", "who is not in the maps cannot be had: which maps did lay_out_maps give?"),
            _ => (
                "4.3",
                "the maps of this test have every number that it asks for: who did resolve_user find?",
            ),
        }
    } else if is(&["the image"]) {
        ("4.3", "names are those of the image's own files, and a number needs no line in any file")
    } else {
        return None;
    })
}

/// The kernel did not take a map. In the tests of 4.1 the ranges are those of the command line; in those of 4.2
/// `lay_out_maps` gave them, and is to blame when each of them is written as it should be.
fn reason_of_a_map(task: &'static str, line: &str) -> (&'static str, &'static str) {
    let (ranges, well_formed) = ranges_in(line);
    if line.contains("EINVAL") && task == "4.2" && well_formed {
        return (
            "4.2",
            "two ranges overlap, inside or outside: 0 is the caller, and each range begins where the one \
             before it has ended",
        );
    }
    if line.contains("EINVAL") {
        return (
            "4.1",
            "each range on a line of its own: three numbers, and an end of line after every three",
        );
    }
    if task == "4.2" && ranges > 1 {
        return (
            "4.2",
            "an ordinary user with ranges: `write_maps` must hand over to `write_maps_with_helpers`, for the \
             kernel lets nobody but root write such a map",
        );
    }
    if line.contains("gid_map`") {
        return (
            "4.1",
            "an ordinary user who could drop groups could drop one that takes a right away: write `deny` to \
             `setgroups` first, then the gid_map. And is it the caller's group that stands in it, not its user?",
        );
    }
    (
        "4.1",
        "a map is written once, in one piece, and an ordinary user may map only its own number: is this \
         the second write, or another's number?",
    )
}

/// How many ranges the text had that was written, and whether each was three numbers on a line of its own.
fn ranges_in(line: &str) -> (usize, bool) {
    let written = line.split('"').nth(1).unwrap_or_default().replace("\\n", "\n");
    let three = |range: &str| range.split(' ').filter(|word| word.parse::<u32>().is_ok()).count() == 3;
    (
        written.split_whitespace().count() / 3,
        written.lines().all(|range| three(range) && range.split(' ').count() == 3),
    )
}

/// One of the two programs did not write a map. Only the tests of 4.2 have ranges for them.
fn reason_of_a_helper(task: &'static str, line: &str) -> (&'static str, &'static str) {
    if task != "4.2" {
        return (
            "4.1",
            "these ranges are written without help: root may write any map, and an ordinary user itself alone",
        );
    }
    if line.contains("ENOENT") {
        return (
            "4.2",
            "/etc/subuid grants numbers, and somebody must write them: without newuidmap and newgidmap the caller \
             is alone",
        );
    }
    if line.contains("run `newgidmap") {
        return (
            "4.2",
            "newgidmap takes the process, then inside, outside and count, each as an argument of its own, and \
             looks whether /etc/subgid grants at least that: is it the map of the groups?",
        );
    }
    (
        "4.2",
        "newuidmap takes the process, then inside, outside and count, each as an argument of its own, and \
         looks whether /etc/subuid grants at least that",
    )
}

/// The kit's, with one space for each gap: maps are columns.
pub(crate) fn said(out: &Output, word: &str) -> String {
    coracle_testkit::said(out, word).split_whitespace().collect::<Vec<_>>().join(" ")
}
