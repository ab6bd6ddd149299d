//! `--explain`: the engine tells what it does, truly and in order; and without the flag it does nothing for it.

use coracle_testkit::{Failure, Outcome, Output, Verdict, milestone};
use std::collections::BTreeMap;

mod engine;
use engine::{LOOK, holds, is_as_pinned, said, script, shows};

milestone! { bin: "coracle", tests: {
    "told" => each_line_has_a_time_and_a_process_and_a_chapter_or_a_call,
    "told" => the_steps_are_the_tables_of_contents_of_host_and_init,
    "told" => host_and_init_wait_for_each_other,
    "told" => a_failure_is_told_with_its_errno,
    "told" => other_flags_tell_their_own_steps,
    "told" => the_story_reaches_nobody_else,
    "told" => the_story_is_what_the_kernel_saw needs Tool("strace"),
    "silent" => without_the_flag_nothing_is_said,
    "silent" => without_the_flag_there_is_no_system_call_for_it needs Tool("strace"),
}}

/// One line of a story.
struct Line<'a> {
    ms: f64,
    who: &'a str,
    /// Of a step.
    chapter: Option<u8>,
    /// The reason of a step, or a call and its answer.
    text: &'a str,
}

/// Reads a story; `None` for a line that is none.
fn parse(line: &str) -> Option<Line<'_>> {
    let (ms, rest) = line.split_once(" ms  ")?;
    let (who, rest) = rest.split_at_checked(6)?;
    let (chapter, text) = match rest.strip_prefix("  chapter ") {
        Some(rest) => {
            let (number, why) = rest.split_at_checked(2)?;
            (Some(number.trim().parse().ok()?), why.strip_prefix("  ")?)
        }
        None => (None, rest.strip_prefix(&" ".repeat(15))?),
    };
    Some(Line { ms: ms.trim().parse().ok()?, who: who.trim(), chapter, text })
}

/// The story of one run, each line of it read.
fn story(out: &Output) -> Result<Vec<Line<'_>>, Failure> {
    let line = |line| {
        parse(line).ok_or_else(|| {
            let means = "somebody who reads the story does not know who did this, or when";
            Failure::new(Verdict::Failed, format!("the line {line:?}"), means, LOOK)
        })
    };
    out.stderr.lines().map(line).collect()
}

/// `coracle images` first, so that the story is that of a run and not also of making the image.
fn explained(command: &str) -> Result<Output, Failure> {
    script(&format!("coracle images >/dev/null; {command}"))
}

fn each_line_has_a_time_and_a_process_and_a_chapter_or_a_call() -> Outcome {
    let out = explained("coracle --explain run --rm tiny echo hello")?;
    let story = story(&out)?;
    holds(
        out.stdout == "hello\n" && story.len() > 60,
        format!("{out:?}"),
        "the story changes what it tells of",
    )?;
    for who in ["host", "init"] {
        let lines: Vec<&Line<'_>> = story.iter().filter(|line| line.who == who).collect();
        let in_order = lines.windows(2).all(|pair| pair[0].ms <= pair[1].ms);
        holds(in_order && lines.len() > 10, format!("{who}: {} lines", lines.len()), "times go backwards")?;
    }
    let others: Vec<&str> =
        story.iter().map(|line| line.who).filter(|who| !["host", "init"].contains(who)).collect();
    holds(others.is_empty(), format!("{others:?}"), "somebody speaks who is not there")?;
    let steps = story.iter().filter_map(|line| line.chapter);
    holds(
        steps.clone().all(|chapter| (1..=18).contains(&chapter)),
        format!("{:?}", steps.collect::<Vec<_>>()),
        "a step names a chapter that does not exist",
    )?;
    // A call is told with the kernel's answer: `ok`, or an errno in capitals.
    let is_errno = |text: &str| text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let is_answer = |text: &str| ["ok", "answers only if it fails"].contains(&text) || is_errno(text);
    let unanswered = story.iter().filter(|line| line.chapter.is_none()).find(|line| {
        !line.text.contains(" stands for ")
            && !line.text.rsplit_once(": ").is_some_and(|(_, answer)| is_answer(answer))
    });
    holds(
        unanswered.is_none(),
        format!("{:?}", unanswered.map(|line| line.text)),
        "a call is told without the kernel's answer",
    )
}

fn the_steps_are_the_tables_of_contents_of_host_and_init() -> Outcome {
    // Only root of the machine can say who may open devices; for others there is no such step.
    let of_root_alone = |line: &Line| line.text.starts_with("Which devices may be opened");
    let mut text = String::new();
    for command in ["run --rm tiny echo hello", "run --name kept tiny echo hello"] {
        let out = explained(&format!("coracle --explain {command}"))?;
        let story = story(&out)?;
        text += &format!("$ coracle --explain {command}\n");
        for who in ["host", "init"] {
            for line in story.iter().filter(|line| line.who == who && !of_root_alone(line)) {
                if let Some(chapter) = line.chapter {
                    text += &format!("{who}  chapter {chapter:<2}  {}\n", line.text);
                }
            }
        }
    }
    is_as_pinned("explain_steps", &text)
}

fn host_and_init_wait_for_each_other() -> Outcome {
    let out = explained("coracle --explain run --rm --init -t tiny true")?;
    let story = story(&out)?;
    let at = |who: &str, begins: &str| {
        story.iter().position(|line| line.who == who && line.text.starts_with(begins))
    };
    let last = |who: &str| story.iter().rposition(|line| line.who == who);
    let order = [
        ("the child is made", at("host", "clone3 ")),
        ("init begins", at("init", "No mount of ours may travel")),
        ("the root is changed", at("init", "pivot_root ")),
        ("the terminal is there", at("init", "open `/dev/ptmx`")),
        ("the host says the word", at("host", "All is built")),
        ("the program is looked for", at("init", "look for ")),
        ("the program starts", at("init", "execve ")),
        ("init reaps it", at("init", "waitpid for any child: ok")),
        ("the host waits for init", at("host", "waitpid ")),
        ("the end", last("host")),
    ];
    let places: Vec<Option<usize>> = order.iter().map(|(_, place)| *place).collect();
    holds(
        places.iter().all(Option::is_some) && places.is_sorted(),
        format!("{order:?}"),
        "the story tells the conversation of host and init in another order than it happens",
    )
}

fn a_failure_is_told_with_its_errno() -> Outcome {
    for (command, told, status) in [
        ("coracle --explain run --rm tiny nothing", "look for `/bin/nothing`: ENOENT", 127),
        ("coracle --explain run --rm tiny /etc/passwd", "execve `/etc/passwd`: EACCES", 126),
        ("coracle --explain run -w /etc/passwd/x tiny true", "mkdir `/etc/passwd/x`: ENOTDIR", 125),
        ("coracle --explain run --tmpfs /a:size=x tiny true", "mount tmpfs on `/a` (size=x): EINVAL", 125),
        ("coracle --explain run --init tiny nothing", "look for `/bin/nothing`: ENOENT", 127),
    ] {
        let out = explained(command)?;
        let last = out.stderr.lines().last().unwrap_or_default();
        let calls: Vec<&str> = out.stderr.lines().filter_map(parse).map(|line| line.text).collect();
        holds(
            calls.contains(&told) && last.starts_with("coracle: cannot ") && out.code == Some(status),
            format!("{command}: {}", out.stderr),
            "the call that failed is missing in the story",
        )?;
    }
    Ok(())
}

fn other_flags_tell_their_own_steps() -> Outcome {
    let out = explained("coracle run --explain --rm --read-only --tmpfs /run --init -t tiny true | cat")?;
    let story = story(&out)?;
    let steps: Vec<&str> = story.iter().filter(|line| line.chapter.is_some()).map(|line| line.text).collect();
    for step in ["A memory filesystem", "The root is read-only", "--init: PID 1", "The terminal: the size"] {
        holds(
            steps.iter().any(|text| text.starts_with(step)),
            format!("{steps:?}"),
            "a flag does something that the story does not tell",
        )?;
    }
    Ok(())
}

fn the_story_reaches_nobody_else() -> Outcome {
    shows(
        r#"coracle images >/dev/null
        coracle --explain run --rm tiny sh -c 'echo $(ls /proc/self/fd); env | grep -i explain; echo err >&2' 2>story
        grep -v ' ms  ' story
        coracle --explain run --rm tiny echo works 2>&-; coracle --explain run --rm tiny echo works 2>/dev/full
        coracle --explain run --rm tiny echo works 2>&1 >/dev/null | head -n 1 | wc -l"#,
        &["0 1 2 3", "err", "works", "works", "1"],
        "the program can write into the story, or a story that nobody reads stops the container",
    )
}

/// How often each system call was made, by strace's log.
fn counts(log: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        let call = line.split_once(' ').map_or("", |(_, call)| call.trim_start());
        // `+++ exited`, `--- SIGCHLD`, and the second halves of interrupted lines are no calls.
        if let Some((name, _)) = call
            .split_once('(')
            .filter(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

fn the_story_is_what_the_kernel_saw() -> Outcome {
    let command = "coracle --explain run --rm --read-only --tmpfs /run tiny true";
    let out = explained(&format!("strace -f -qq -o log {command}; cat log"))?;
    let story = story(&out)?;
    let number = |line: &Line<'_>| Some(line.text.split_once("process ")?.1.split(':').next()?.to_owned());
    let init =
        story.iter().filter(|line| line.text.starts_with("clone3 ")).find_map(number).unwrap_or_default();
    // What strace saw of init. Directories and nodes of the image's copy, which name no path but a single name in an
    // open directory, are told in one line together.
    let is_of_init = |line: &&str| line.split(' ').next() == Some(&init);
    let is_of_the_copy = |line: &&str| {
        ["mkdirat(", "mknodat("]
            .iter()
            .any(|call| line.split_once(call).is_some_and(|(_, rest)| !rest.starts_with("AT_FDCWD")))
    };
    let log: Vec<&str> = out.stdout.lines().filter(is_of_init).filter(|line| !is_of_the_copy(line)).collect();
    let log = log.join("\n");
    let seen = counts(&log);
    for (told_as, calls) in [
        ("mount ", &["mount"][..]),
        ("umount ", &["umount2"]),
        ("pivot_root ", &["pivot_root"]),
        ("sethostname ", &["sethostname"]),
        ("mkdir ", &["mkdir", "mkdirat"]),
        ("mknod ", &["mknod", "mknodat"]),
        ("symlink ", &["symlink", "symlinkat"]),
        ("chdir ", &["chdir"]),
        ("setsid", &["setsid"]),
        ("dup2 ", &["dup2", "dup3"]),
        ("close_range ", &["close_range"]),
        ("execve ", &["execve"]),
    ] {
        let is_told =
            |line: &&Line<'_>| line.who == "init" && line.chapter.is_none() && line.text.starts_with(told_as);
        let told = story.iter().filter(is_told).count();
        let happened: usize = calls.iter().filter_map(|call| seen.get(call)).sum();
        // Links of the image are copied too; they are the only other calls of these names.
        let enough = if told_as == "symlink " { told <= happened } else { told == happened };
        holds(
            enough && (told > 0 || told_as == "mknod "),
            format!("{told_as}: told {told} times, made {happened} times"),
            "the story leaves out what happened, or tells what did not",
        )?;
    }
    Ok(())
}

fn without_the_flag_nothing_is_said() -> Outcome {
    let out =
        explained("coracle run --rm tiny true; coracle run tiny true; EXPLAIN=1 coracle ps -q | wc -l")?;
    said(&out, &["0"], "the engine talks without being asked")
}

fn without_the_flag_there_is_no_system_call_for_it() -> Outcome {
    let out = explained(
        "strace -f -qq -o off coracle run --rm tiny true; strace -f -qq -o on coracle --explain run --rm tiny true 2>story
        cat off; echo; cat on; echo; cat story",
    )?;
    let mut parts = out.stdout.split("\n\n");
    let [off, on, story] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let clock_or_error = off.lines().find(|line| {
        ["clock_gettime(", "gettimeofday(", " time("].iter().any(|call| line.contains(call))
            || line.contains(" write(2,")
    });
    // The system clock is read for `created` and the like; where there is no vDSO, that is a call too.
    let clock_or_error = clock_or_error.filter(|line| !line.contains("CLOCK_REALTIME"));
    holds(
        clock_or_error.is_none(),
        format!("{clock_or_error:?}"),
        "a silent engine reads clocks, or writes",
    )?;
    let (off, on) = (counts(off), counts(on));
    // How often one waits, and how memory is asked for, is chance.
    let chance =
        ["poll", "ppoll", "read", "restart_syscall", "brk", "mmap", "munmap", "mremap", "madvise", "futex"];
    let more = off.iter().filter(|(name, _)| !chance.contains(name));
    let more: Vec<_> = more.filter(|(name, count)| on.get(*name).is_none_or(|told| told < count)).collect();
    holds(
        more.is_empty(),
        format!("more often without the flag: {more:?}"),
        "being silent costs system calls",
    )?;
    let writes = |counts: &BTreeMap<&str, usize>| counts.get("write").copied().unwrap_or_default();
    let lines = story.lines().count();
    holds(
        writes(&on) == writes(&off) + lines && lines > 60,
        format!(
            "{} writes with the flag, {} without, and a story of {lines} lines",
            writes(&on),
            writes(&off)
        ),
        "a line of the story is more than one write, or there are writes that are not in it",
    )
}
