//! What the tests share: how they run `ch01`, and a program that does not start.

use super::BIN;
use coracle_testkit::{Failure, Outcome, Output, World, check};

/// Runs a script of the host's shell, for which `$CH01` is the binary under test.
pub(crate) fn script(text: &str) -> Result<Output, Failure> {
    World::new().env("CH01", BIN).script(text)
}

/// How it ended and what it printed, in one line.
pub(crate) fn told(output: &Output) -> String {
    let (printed, said) = (output.stdout.trim(), output.stderr.trim());
    format!("ended with {}, printed {printed:?} and said {said:?}", output.status())
}

/// A test speaks about its own task. When another task stopped the program before, then it says only that.
pub(crate) fn stopped_before(out: &Output, tasks: &str) -> Outcome {
    let outcome = check(false)
        .observed(format!("ch01 {}", told(out)))
        .means(format!(
            "this test saw nothing of its own task: another one, {tasks}, stopped it, or its output was closed"
        ))
        .misconception("none here: let the tests of the tasks before pass first");
    outcome.map_err(|failure| Failure { blocked_by: tasks.get(..3).map(str::to_string), ..failure })
}

/// Runs `ch01 rootfs COMMAND` for each command, in one world. Gives each one's status, and what it said.
pub(crate) fn statuses<const N: usize>(
    setup: &str,
    commands: [&str; N],
) -> Result<[(i32, String); N], Failure> {
    let run = |command| {
        format!("if said=$(\"$CH01\" rootfs {command} 2>&1); then echo 0 $said; else echo $? $said; fi\n")
    };
    // What it prints counts, not its status, for that is what the tests are about; other output does not matter.
    let first = run("/bin/sh -c 'echo \"<$*>\"' sh 1 2");
    let out = script(&format!("{setup}\nset -f\n{first}{}", commands.map(run).concat()))?;
    let mut lines = out.stdout.lines();
    if lines.next().is_none_or(|line| !line.contains("<1 2>")) {
        stopped_before(&out, "1.1 to 1.3")?;
    }
    Ok(commands.map(|_| {
        let line = lines.next().unwrap_or_default();
        let (status, said) = line.split_once(' ').unwrap_or((line, ""));
        (status.parse().unwrap_or(-1), said.to_string())
    }))
}

/// Is `path` in what was said, but with the zero byte that ends it in the file?
pub(crate) fn goes_on_with_a_zero(said: &str, path: &str) -> bool {
    ["\0", "\\0", "\\u{0}", "\\x00"].iter().any(|zero| said.contains(&format!("{path}{zero}")))
}

/// The path, other than the program's own, that the message names.
pub(crate) fn other_path(said: &str) -> Option<&str> {
    let mut words = said.split(|c: char| c.is_whitespace() || "\"'`,;:".contains(c));
    words.rfind(|word| word.starts_with('/') && *word != "/bin/app")
}

/// A program of this machine without code, whose fifth program header of nine asks for the loader `path`. As in
/// real ones there are many: who takes their number for their length, or the other way round, misses that header.
pub(crate) fn program_with_loader(path: &str) -> Vec<u8> {
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let (table, size, count) = (80u64, 56u16, 9u16);
    let place = table + u64::from(size * count);
    let mut bytes = vec![0; place as usize];
    let mut put = |at: usize, number: &[u8]| bytes[at..at + number.len()].copy_from_slice(number);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &[2u16.to_le_bytes(), machine.to_le_bytes(), [1, 0]].concat()); // an executable, version 1
    put(32, &table.to_le_bytes());
    put(52, &[64u16.to_le_bytes(), size.to_le_bytes(), count.to_le_bytes()].concat());
    put(80, &1u32.to_le_bytes()); // PT_LOAD, of nothing
    let fifth = (table + 4 * u64::from(size)) as usize;
    put(fifth, &3u32.to_le_bytes()); // PT_INTERP
    put(fifth + 8, &place.to_le_bytes());
    put(fifth + 32, &(path.len() as u64 + 1).to_le_bytes());
    bytes.extend(path.bytes().chain([0]));
    bytes
}
