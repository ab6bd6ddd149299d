//! Compares what the page promises with what a run gave.

use super::redact::redact;
use similar::{Algorithm, capture_diff_slices};

/// Is `real` what `promised` says? `…` alone stands for any lines, within a line for any text.
pub(crate) fn same(promised: &[String], real: &[String]) -> bool {
    let masked = |lines: &[String]| lines.iter().map(|line| redact(line)).collect::<Vec<_>>();
    let (mut promised, mut real) = (masked(promised), masked(real));
    for lines in [&mut promised, &mut real] {
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
    }
    lines_match(&promised, &real)
}

/// What a run gave, but with the page's own lines wherever they hold: so that a difference, and an update, shows only
/// what is new, and no other id or time.
pub(crate) fn aligned(promised: &[String], real: &[String]) -> Vec<String> {
    let masked = |lines: &[String]| lines.iter().map(|line| redact(line)).collect::<Vec<_>>();
    let (page, run) = (masked(promised), masked(real));
    let holds = |old: usize, new: usize| line_matches(&page[old], &run[new]);
    let mut lines = Vec::new();
    for part in capture_diff_slices(Algorithm::Myers, &page, &run) {
        let (_, old, new) = part.as_tag_tuple();
        for (offset, number) in new.enumerate() {
            let other = old.start + offset;
            let kept = other < old.end && holds(other, number);
            lines.push(if kept { promised[other].clone() } else { real[number].clone() });
        }
    }
    lines
}

/// Matches line by line; `…` tries all lengths.
fn lines_match(promised: &[String], real: &[String]) -> bool {
    match promised.split_first() {
        None => real.is_empty(),
        Some((first, rest)) if is_gap(first) => {
            (0..=real.len()).any(|skipped| lines_match(rest, &real[skipped..]))
        }
        Some((first, rest)) => {
            real.first().is_some_and(|line| line_matches(first, line)) && lines_match(rest, &real[1..])
        }
    }
}

/// A line that stands for any lines.
fn is_gap(line: &str) -> bool {
    matches!(line.trim(), "…" | "...")
}

/// The pieces between `…` occur in this order; the first at the start, the last at the end.
fn line_matches(promised: &str, real: &str) -> bool {
    let mut pieces = promised.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut left) = real.strip_prefix(first) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return left.is_empty() };
    for piece in pieces {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{aligned, same};

    #[test]
    fn lines_that_hold_stay_as_the_page_has_them() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let page = lines("pid 4711\nCOLUMN … END\nold\ntook 3 ms");
        let run = lines("pid 815\nCOLUMN x END\nnew\nmore\ntook 5 ms");
        assert_eq!(aligned(&page, &run), lines("pid 4711\nCOLUMN … END\nnew\nmore\ntook 3 ms"));
    }

    #[test]
    fn gaps_stand_for_lines_or_for_text() {
        let table = [
            ("a\nb", "a\nb", true),
            ("a\nb", "a\nc", false),
            ("a\n…\nd", "a\nb\nc\nd", true),
            ("a\n...\nd", "a\nd", true),
            ("a\n…", "a", true),
            ("a\n…\nd", "a\nb", false),
            ("…\nb\n…\nd", "a\nb\nb\nd", true),
            ("total …", "total 12", true),
            ("a … c … e", "a b c d e", true),
            ("a … c", "a b d", false),
            ("pid 4711", "pid 815", true),
            ("pid 1", "pid 815", false),
            ("a\n", "a", true),
            ("", "", true),
            ("", "surprise", false),
        ];
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        for (promised, real, expected) in table {
            assert_eq!(same(&lines(promised), &lines(real)), expected, "{promised:?} and {real:?}");
        }
    }
}
