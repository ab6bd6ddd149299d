//! The report as text: the facts in a few lines, one line a chapter, then the commands that would help.

use super::facts::{Attempt, CgroupMode, Facts, Place, Tries};
use super::texts::human_bytes;
use super::verdict::{Judged, Lack, Verdict};
use crate::paint::{BAD, CARE, FAINT, GOOD, PLACE, STRONG, paint, wrap};

/// The whole report. `next` is the learner's next chapter; `None` when all that are written are passed.
pub(crate) fn text(
    facts: &Facts,
    judged: &[Judged],
    advice: &[Lack],
    next: Option<u32>,
    width: usize,
) -> String {
    let mut out = vec![paint(STRONG, "This machine")];
    for (label, words) in rows(facts) {
        out.push(wrap(&words, &format!("  {label:<12}"), width));
    }
    out.push(String::new());
    out.push(paint(STRONG, "Chapters"));
    out.extend(judged.iter().map(|chapter| chapter_line(chapter, next)));
    let (now, later): (Vec<_>, Vec<_>) =
        judged.iter().partition(|chapter| chapter.verdict != Verdict::NotWritten);
    let general = advice.iter().map(|lack| (None, lack));
    let of = |chapters: Vec<&'_ Judged>| -> Vec<(Option<u32>, Lack)> {
        let all = chapters.into_iter().flat_map(|chapter| {
            chapter.lacks.iter().map(|lack| (Some(chapter.number), lack.clone())).collect::<Vec<_>>()
        });
        all.collect()
    };
    let mut now: Vec<_> = general.map(|(chapter, lack)| (chapter, lack.clone())).chain(of(now)).collect();
    // What stands in the way comes first; the sort is stable.
    now.sort_by_key(|(_, lack)| std::cmp::Reverse(lack.verdict));
    let later: Vec<_> = of(later)
        .into_iter()
        .filter(|(_, lack)| !now.iter().any(|(_, known)| known.what == lack.what))
        .collect();
    out.extend(help("What would help", &now, width));
    out.extend(help("For chapters that are still to come", &later, width));
    out.push(String::new());
    out.push(closing(judged, next, width));
    out.join("\n") + "\n"
}

/// `   1  chroot       runs here`.
fn chapter_line(chapter: &Judged, next: Option<u32>) -> String {
    let (style, words) = match chapter.verdict {
        Verdict::RunsHere => (GOOD, "runs here"),
        Verdict::NeedsFix => (CARE, "needs a fix"),
        Verdict::NeedsRoot => (CARE, "needs root"),
        Verdict::NeedsLab => (BAD, "needs the lab machine"),
        Verdict::NotWritten => (FAINT, "not written yet"),
    };
    let mark = if Some(chapter.number) == next { "   <- next" } else { "" };
    format!("  {:>2}  {:<12}{}{mark}", chapter.number, chapter.name, paint(style, words))
}

/// A list of what is missing, each once, with the chapters that miss it and the commands.
fn help(title: &str, lacks: &[(Option<u32>, Lack)], width: usize) -> Vec<String> {
    let mut out = Vec::new();
    for (at, (_, lack)) in lacks.iter().enumerate() {
        if lacks[..at].iter().any(|(_, earlier)| earlier.what == lack.what) {
            continue;
        }
        if out.is_empty() {
            out.extend([String::new(), paint(STRONG, title)]);
        }
        let same = lacks.iter().filter(|(_, other)| other.what == lack.what);
        let chapters: Vec<_> = same.filter_map(|(chapter, _)| *chapter).collect();
        let whom = if chapters.is_empty() { String::new() } else { format!("{}: ", spans(&chapters)) };
        out.push(wrap(&format!("{whom}{}", lack.what), "  - ", width));
        for (number, command) in lack.fix.iter().enumerate() {
            let or = if number > 0 { "or  " } else { "    " };
            // Commands are not wrapped: they are there to be copied.
            out.push(format!("    {or}{}", paint(PLACE, command)));
        }
    }
    out
}

/// `chapter 4`, `chapters 1 to 3, 7`.
fn spans(chapters: &[u32]) -> String {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for &chapter in chapters {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == chapter => *last = chapter,
            _ => spans.push((chapter, chapter)),
        }
    }
    let words: Vec<_> = spans
        .iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first} to {last}"),
        })
        .collect();
    let noun = if chapters.len() == 1 { "chapter" } else { "chapters" };
    format!("{noun} {}", words.join(", "))
}

/// The last line: what to do now.
fn closing(judged: &[Judged], next: Option<u32>, width: usize) -> String {
    let Some(next) = next else {
        return "You have passed every chapter that is written.".into();
    };
    let verdict = judged.iter().find(|chapter| chapter.number == next).map(|chapter| chapter.verdict);
    match verdict {
        Some(Verdict::RunsHere) => {
            let go = paint(PLACE, format!("cargo workbook start {next}"));
            format!("Chapter {next} can be done here: {go}")
        }
        Some(Verdict::NotWritten) | None => format!("Chapter {next} is not written yet."),
        Some(_) => {
            let words =
                format!("Chapter {next} cannot be done here as things are. The first command above helps.");
            wrap(&words, "", width)
        }
    }
}

/// The facts, one line each.
fn rows(facts: &Facts) -> Vec<(&'static str, String)> {
    if facts.os != "linux" {
        return vec![("system", format!("{}, {}", facts.os, facts.processor))];
    }
    vec![
        ("system", system(facts)),
        ("you", you(facts)),
        ("namespaces", namespaces(facts)),
        ("user ids", user_ids(facts)),
        ("cgroups", cgroups(facts)),
        ("overlay", overlay(facts)),
        ("network", network(facts)),
        ("seccomp", if facts.seccomp_filters { "filters are there" } else { "no filters" }.into()),
        ("disk", disk(facts)),
        ("tools", tools(facts)),
    ]
}

/// Distribution, kernel, and what kind of machine it is.
fn system(facts: &Facts) -> String {
    let place = match &facts.place {
        Place::Machine => String::new(),
        Place::Wsl1 => ", WSL 1".into(),
        Place::Wsl2 => ", WSL 2".into(),
        Place::Container { kind } if kind == "unknown" => ", inside a container".into(),
        Place::Container { kind } => format!(", inside a container ({kind})"),
    };
    let name = if facts.distribution.name.is_empty() { "Linux" } else { &facts.distribution.name };
    format!("{name}, kernel {}, {}{place}", facts.kernel, facts.processor)
}

/// Root or not, and how much of root.
fn you(facts: &Facts) -> String {
    let user = &facts.user;
    if user.uid != 0 {
        let name = if user.name.is_empty() { "a user without a name" } else { &user.name };
        return format!("{name} (uid {}), not root", user.uid);
    }
    let mut words = vec!["root".to_owned()];
    if user.capabilities < user.capabilities_known {
        words.push(format!("{} of {} capabilities", user.capabilities, user.capabilities_known));
        if !user.may_admin {
            words.push("without CAP_SYS_ADMIN".into());
        }
        if !user.may_raise_limits {
            words.push("without CAP_SYS_RESOURCE".into());
        }
    }
    if user.inside_user_namespace {
        words.push("only inside a user namespace".into());
    }
    if user.filtered {
        words.push("behind a seccomp filter".into());
    }
    words.join(", ")
}

/// `works`, or where it stopped.
fn result(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Works => "work".into(),
        Attempt::Fails { at, errno } => format!("fail at {at}: {errno}"),
        Attempt::NotTried => "were not tried".into(),
    }
}

/// The first failure of the three that make a world, or that it works.
fn world(tries: &Tries) -> String {
    let first = [&tries.namespaces, &tries.proc, &tries.sys].into_iter().find(|attempt| !attempt.works());
    result(first.unwrap_or(&Attempt::Works))
}

/// With CAP_SYS_ADMIN both ways, for others the only one.
fn namespaces(facts: &Facts) -> String {
    let inside = world(&facts.in_user_namespace);
    if !facts.user.may_admin {
        return format!("{inside} in a user namespace");
    }
    format!("{} as root; {inside} in a user namespace", world(&facts.as_is))
}

/// The programs and the range.
fn user_ids(facts: &Facts) -> String {
    let has = |tool: &str| facts.tools.iter().any(|name| name == tool);
    let program = if has("newuidmap") && has("newgidmap") { "newuidmap is there" } else { "no newuidmap" };
    let user = &facts.user;
    let range = match user.subordinate_uids.min(user.subordinate_gids) {
        0 => "no range in /etc/subuid".to_owned(),
        count => format!("{count} ids in /etc/subuid"),
    };
    format!("{program}; {range}")
}

/// Mode, controllers, and whether we may use them.
fn cgroups(facts: &Facts) -> String {
    let groups = &facts.cgroups;
    let v2 = if groups.v2.is_empty() { "no controllers".to_owned() } else { groups.v2.join(" ") };
    let what = match groups.mode {
        CgroupMode::None => return "none is mounted".into(),
        CgroupMode::V1 => format!("v1: {}", groups.v1.join(" ")),
        CgroupMode::V2 => format!("v2: {v2}"),
        CgroupMode::Hybrid => format!("hybrid: v1 has {}; v2 has {v2}", groups.v1.join(" ")),
    };
    let may = match (groups.writable, groups.read_only, groups.user_manager) {
        (true, _, _) => "you may make groups",
        (false, true, _) => "mounted read-only",
        (false, _, true) => "not in this shell, but below the user manager you may make groups",
        _ => "only root may make groups",
    };
    format!("{what}; {may}")
}

/// On the data root's disk, and in a user namespace.
fn overlay(facts: &Facts) -> String {
    let tries = facts.tries();
    let place = format!("{} ({})", facts.data_root.path.display(), facts.data_root.disk.kind);
    let here = match &tries.overlay {
        Attempt::Works => format!("works at {place}"),
        Attempt::Fails { at, errno } => format!("fails at {place}: {at}: {errno}"),
        Attempt::NotTried => format!("not tried at {place}"),
    };
    let memory = match (&tries.overlay, &tries.overlay_in_memory) {
        (Attempt::Works, _) | (_, Attempt::NotTried) => "",
        (_, Attempt::Works) => ", works in memory",
        (_, Attempt::Fails { .. }) => ", fails in memory too",
    };
    let user = match (facts.user.may_admin, facts.in_user_namespace.overlay_in_memory.works()) {
        (true, true) => "; also in a user namespace",
        (true, false) => "; not in a user namespace",
        _ => "",
    };
    format!("{here}{memory}{user}")
}

/// nft and forwarding.
fn network(facts: &Facts) -> String {
    let tries = facts.tries();
    let has = facts.tools.iter().any(|name| name == "nft");
    let nft = match &tries.nft {
        Attempt::Works => "nft works in a new network namespace".to_owned(),
        Attempt::Fails { errno, .. } => format!("nft fails: {errno}"),
        Attempt::NotTried if has => "nft was not tried".to_owned(),
        Attempt::NotTried => "no nft".to_owned(),
    };
    let forward = match facts.ip_forward {
        Some(0) => "ip_forward is off",
        Some(_) => "ip_forward is on",
        None => "ip_forward is unknown",
    };
    format!("{nft}; {forward}")
}

/// Free space for building and for containers.
fn disk(facts: &Facts) -> String {
    let (work, data) = (&facts.workspace, &facts.data_root.disk);
    format!(
        "{} free for building ({}), {} for containers",
        human_bytes(work.free),
        work.kind,
        human_bytes(data.free)
    )
}

/// The compiler and the tools that are there.
fn tools(facts: &Facts) -> String {
    let rustc = facts.rustc.as_deref().unwrap_or("not found");
    format!("rustc {rustc}; {}", facts.tools.join(" "))
}
