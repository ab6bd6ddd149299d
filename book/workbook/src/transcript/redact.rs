//! Masks what differs from run to run, so that two transcripts can be compared.

use regex::{Captures, Regex};
use std::{borrow::Cow, sync::LazyLock};

/// A pattern and what it becomes, in this order.
const RULES: &[(&str, &str)] = &[
    // Container ids and digests, whole or short.
    (r"\b[0-9a-f]{64}\b", "<id>"),
    (r"\b[0-9a-f]{12}\b", "<short id>"),
    // mnt:[4026531841], and the same number alone.
    (r"\[40265\d{5}\]", "[<inode>]"),
    (r"\b40265\d{5}\b", "<inode>"),
    (r"(?i)\binode(:?[ =]+)\d+", "inode${1}<inode>"),
    // A line of mountinfo: mount, parent and device number, then the peer group.
    (r"(?m)^\d+ \d+ \d+:\d+ ", "<mount> <parent> <device> "),
    (r"\b(shared|master|propagate_from):\d+", "${1}:<group>"),
    // Dates and times of day.
    (r"\b\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?( ?[+-]\d\d:?\d\d|Z)?", "<date>"),
    (
        r"\b(Mon |Tue |Wed |Thu |Fri |Sat |Sun )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} +(\d\d:\d\d(:\d\d)?|\d{4})",
        "<date>",
    ),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "<time>"),
    (r"\b\d\d:\d\d\b", "<time>"),
    // How long something took.
    (r"\b\d+(\.\d+)?( ?)(ns|µs|us|ms|s|seconds?|minutes?|min)\b", "<duration>"),
    // Process ids: 1 is worth showing, it is the init; a world's own are small numbers too.
    (r"(?i)\b(pid|ppid|tgid|process|child)([ =:\t]+)\d{2,}\b", "${1}${2}<pid>"),
    (r"/proc/\d{2,}\b", "/proc/<pid>"),
    (r"(?m)^( *)\d{2,7}( +\S)", "<pid>${2}"),
    (r"\(\d{2,7}\)", "(<pid>)"),
    // Names made at random.
    (r"/tmp/(tmp\.|coracle-)?[A-Za-z0-9_.-]{6,}", "/tmp/<random>"),
    // The machine: its kernel's version.
    (r"\b\d+\.\d+\.\d+-[0-9A-Za-z.+~_-]+", "<version>"),
];

/// The compiled rules.
static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let compile = |(pattern, mask): &(&str, &'static str)| {
        (Regex::new(pattern).expect("the patterns above are tested"), *mask)
    };
    RULES.iter().map(compile).collect()
});

/// The text with everything masked that differs from run to run.
pub(crate) fn redact(text: &str) -> String {
    let mut text = Cow::Borrowed(text.trim_end());
    for (pattern, mask) in COMPILED.iter() {
        if pattern.is_match(&text) {
            text = Cow::Owned(pattern.replace_all(&text, *mask).into_owned());
        }
    }
    // A number with more digits moves its neighbours: blanks beside a mask count once.
    BLANKS
        .replace_all(&text, |found: &Captures<'_>| {
            let one = |group: usize| if found[group].is_empty() { "" } else { " " };
            format!("{}{}{}", one(1), &found[2], one(3))
        })
        .trim()
        .to_owned()
}

/// A mask with the blanks on both sides.
static BLANKS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("( *)(<[a-z ]+>)( *)").expect("the pattern is tested"));

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn what_differs_from_run_to_run_is_masked() {
        let id = "0123456789ab".repeat(6)[..64].to_owned();
        let table = [
            (id.as_str(), "<id>"),
            ("sha256:1", "sha256:1"),
            ("container 0123456789ab started", "container <short id> started"),
            ("mnt:[4026531841]", "mnt:[<inode>]"),
            ("4026532278 mnt", "<inode> mnt"),
            ("Inode: 1311", "inode: <inode>"),
            ("523 29 0:45 / /proc rw", "<mount> <parent> <device> / /proc rw"),
            ("shared:12 master:3", "shared:<group> master:<group>"),
            ("2026-11-20T23:17:01.123Z", "<date>"),
            ("2026-11-20 23:17:01 +0100 x", "<date> x"),
            ("drwxr-xr-x 2 root root 4096 Nov 20 23:17 src", "drwxr-xr-x 2 root root 4096 <date> src"),
            ("up 12:01", "up <time>"),
            ("12:01:02", "<time>"),
            ("took 1.25 ms, then 3s", "took <duration>, then <duration>"),
            ("pid 4711, but pid 1 stays", "pid <pid>, but pid 1 stays"),
            ("Pid:\t4711", "Pid:\t<pid>"),
            ("/proc/4711/ns and /proc/1/ns", "/proc/<pid>/ns and /proc/1/ns"),
            ("   4711 pts/0 sh", "<pid> pts/0 sh"),
            ("    1 root sh", "1 root sh"),
            ("sh (4711)", "sh (<pid>)"),
            ("/tmp/tmp.aB3xY9z/a", "/tmp/<random>/a"),
            ("/tmp/coracle-x81 y", "/tmp/<random> y"),
            ("Linux 6.18.0-1-amd64 x86_64", "Linux <version> x86_64"),
            ("version 1.2.3 and exit code 137", "version 1.2.3 and exit code 137"),
            ("134217728", "134217728"),
            ("trailing   ", "trailing"),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text), expected, "for {text:?}");
        }
    }

    #[test]
    fn a_longer_number_does_not_move_its_neighbours() {
        assert_eq!(redact("   12 ?   sh"), redact("12345 ?   sh"));
    }
}
