//! A session of commands that fail, told as a terminal would show it, and what each of them left.

use crate::engine::{self, LOOK, long_world, masked, script_in};
use coracle_testkit::{Failure, Outcome, Verdict, World};

/// After each command: is the data root as it was, and does the next command work?
const AFTERWARDS: &str = r#"afterwards() {
    listing >after; cmp -s before after || { echo 'LEFT BEHIND:'; diff before after | grep '^[<>]'; cp after before; }
    [ "$(coracle run --rm tiny echo well 2>&1)" = well ] || echo 'THE NEXT COMMAND FAILS'
}
listing() { find data \( -path 'data/images/tiny/*/*' -o -path 'data/containers/*/*' \) -prune -o -print | sort; }
"#;

/// Runs the commands one after the other in one world, after `setup`, and returns the session.
pub(crate) fn session(setup: &str, commands: &[&str]) -> Result<String, Failure> {
    session_in(long_world(), setup, commands)
}

/// The same in this world.
pub(crate) fn session_in(world: World, setup: &str, commands: &[&str]) -> Result<String, Failure> {
    let mut script = format!("{AFTERWARDS}coracle images >/dev/null\n{setup}\nlisting >before\n");
    for command in commands {
        script += &format!("cat <<'END'\n$ {command}\nEND\n{{ {command}\n}} 2>&1; echo [$?]; afterwards\n");
    }
    told(world, &script)
}

/// A session that the script itself writes: `told 'COMMAND'` shows a command, what it says, and its status.
pub(crate) fn told(world: World, script: &str) -> Result<String, Failure> {
    let tell = r#"told() { echo "$ $1"; eval "$1" 2>&1; echo "[$?]"; }"#;
    let out = script_in(world, &format!("{tell}\n{script}"))?;
    if !out.stderr.is_empty() {
        let seen = format!("outside of the commands: {:?}", out.stderr);
        return Err(Failure::new(Verdict::Failed, seen, "the script of the test is wrong", LOOK));
    }
    Ok(without_names_of_files(&masked(&without_usage(&out.stdout))))
}

/// Compares a session with the one in `snapshots/`.
pub(crate) fn is_as_pinned(name: &str, session: &str) -> Outcome {
    engine::is_as_pinned(&format!("bad_input_{name}"), session)
}

/// Which file it was that could not be copied is up to the order of a directory, and to what `tiny` is made from.
fn without_names_of_files(text: &str) -> String {
    let mut parts = text.split("copy `");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole = whole + "copy `…" + &part[part.find('`').unwrap_or_default()..];
    }
    whole
}

/// The usage that follows a wrong flag is the same each time: one word stands for it.
fn without_usage(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text.lines().peekable();
    while let Some(line) = rest.next() {
        let is_usage = |line: &&str| line.starts_with("Usage:") || line.starts_with("Run '");
        if line.is_empty() && rest.peek().is_some_and(is_usage) {
            rest.next();
        } else {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}
