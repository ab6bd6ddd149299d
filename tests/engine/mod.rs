//! What the engine's tests share: a world in which `coracle` is a command, and a short way to say what must come out.
//!
//! A test is a script of the host's shell, typed as a user would type it, and the lines that it must print. The
//! container's own programs say what they see; nothing is asked of the engine but what anybody could ask it.
//!
//! The data root is `data` in the world's scratch directory, and empty at first: the image `tiny` is made there by
//! the first command that wants it.

#![allow(dead_code, reason = "each test program uses some of this")]

use coracle_testkit::{Failure, Outcome, Output, World, check, rootfs};
use std::path::Path;
use std::time::Duration;

/// What a failure of an engine's test says at the end: there is no learner's misconception behind it.
pub(crate) const LOOK: &str =
    "a regression: `coracle --explain` on the last command of the script shows which step goes another way";

/// Shell functions for the scripts. `says FILE TEXT` waits until the text is in the file; `init` is the PID of the
/// only running container's PID 1; `left` lists what is in the data root besides images.
const PRELUDE: &str = r#"set +e
says() { until grep -q "$2" "$1" 2>/dev/null; do sleep 0.01; done; }
init() { grep -A 1 '"init": {' data/containers/*/state.json | grep -o '[0-9]*,' | tr -d ,; }
left() { find data/containers data/images -mindepth 1 -maxdepth 1 2>/dev/null | grep -v images/tiny; }
"#;

/// An empty scratch directory with `coracle` in PATH and a data root.
pub(crate) fn world() -> World {
    let ours = Path::new(env!("CARGO_BIN_EXE_coracle")).parent();
    world_with(ours.expect("a program lies in a directory"))
}

/// The same with the `coracle` of another directory.
pub(crate) fn world_with(folder: &Path) -> World {
    let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", folder.display());
    let world = World::new().without_rootfs().env("PATH", &path).env("LC_ALL", "C");
    world.env("CORACLE_ROOT", &scratch("data"))
}

/// The same for tests that run many containers one after the other.
pub(crate) fn long_world() -> World {
    world().limit(Duration::from_secs(60))
}

/// The absolute path of something in every world's scratch directory.
pub(crate) fn scratch(name: &str) -> String {
    let rootfs = rootfs();
    format!("{}{name}", rootfs.trim_end_matches("rootfs"))
}

/// A script with the functions of the prelude.
pub(crate) fn with_prelude(script: &str) -> String {
    format!("{PRELUDE}{script}")
}

/// Runs a script in a world of its own. `set -e` is off: many scripts are about failures.
pub(crate) fn script(text: &str) -> Result<Output, Failure> {
    script_in(world(), text)
}

/// Runs a script in this world.
pub(crate) fn script_in(world: World, text: &str) -> Result<Output, Failure> {
    world.script(&with_prelude(text))
}

/// Fails unless `script`, in a world of its own, prints these lines and nothing on standard error.
pub(crate) fn shows(script: &str, lines: &[&str], means: &str) -> Outcome {
    shows_in(world(), script, lines, means)
}

/// The same in this world.
pub(crate) fn shows_in(world: World, script: &str, lines: &[&str], means: &str) -> Outcome {
    let out = script_in(world, script)?;
    said(&out, lines, means)
}

/// Fails unless these lines were printed, and nothing on standard error.
pub(crate) fn said(out: &Output, lines: &[&str], means: &str) -> Outcome {
    let printed: Vec<&str> = out.stdout.lines().collect();
    let differs = |at: &usize| printed.get(*at) != lines.get(*at);
    let first = (0..printed.len().max(lines.len())).find(differs);
    let observed = match first {
        Some(at) => format!("line {} is {:?}, and should be {:?}", at + 1, printed.get(at), lines.get(at)),
        None => "something on standard error".to_string(),
    };
    check(first.is_none() && out.stderr.is_empty())
        .observed(format!("{observed}; standard error: {:?}", out.stderr))
        .means(means)
        .misconception(LOOK)
}

/// A check with the usual end.
pub(crate) fn holds(condition: bool, observed: impl Into<String>, means: &str) -> Outcome {
    check(condition).observed(observed).means(means).misconception(LOOK)
}

/// What differs between two runs of one test: ids, the scratch directory.
pub(crate) fn masked(text: &str) -> String {
    let text = text.replace(scratch("").trim_end_matches('/'), "WORLD");
    let mut masked = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        if matches!(digits, 12 | 16 | 64) {
            masked.push_str("<id>");
        } else if digits > 0 {
            masked.push_str(&rest[..digits]);
        }
        rest = &rest[digits..];
        let other = rest.char_indices().find(|(_, c)| matches!(c, '0'..='9' | 'a'..='f'));
        let end = other.map_or(rest.len(), |(at, _)| at);
        masked.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    masked
}

/// Compares a text with the one in `tests/snapshots`. The first lines of the failure say how to accept a new one.
pub(crate) fn is_as_pinned(name: &str, text: &str) -> Outcome {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
    Ok(())
}
