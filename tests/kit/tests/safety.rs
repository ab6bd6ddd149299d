//! The kit, tested with itself: what it notices, what it ends, and what it says.

use coracle_testkit::{Outcome, Output, Verdict, World, check, milestone};
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

milestone! { bin: "world", tests: {
    "leaks" => a_mount_left_behind_is_named,
    "leaks" => a_mount_taken_away_is_named,
    "leaks" => a_forgotten_private_flag_is_named needs Tool("unshare"),
    "leaks" => a_hostname_is_named,
    "leaks" => a_link_is_named needs Tool("ip"),
    "leaks" => a_process_left_behind_is_named,
    "leaks" => a_table_of_nft_is_named needs Tool("nft"),
    "leaks" => what_ends_a_moment_later_is_no_leak,
    "end" => a_hanging_subject_is_killed_with_its_children,
    "end" => a_flood_of_output_ends_in_time,
    "end" => a_fork_bomb_hurts_only_itself,
    "end" => a_memory_hog_hurts_only_itself needs Root,
    "end" => the_world_dies_with_its_tester,
    "end" => nothing_of_a_world_is_left_on_the_host,
    "end" => what_is_frozen_ends_with_its_world needs Cgroups,
    "end" => a_frozen_world_dies_with_its_tester needs Cgroups,
    "words" => a_todo_is_not_yet,
    "words" => a_leak_fails_a_test_by_name,
    "words" => a_timeout_says_what_still_runs,
}}

const WRONG: &str = "none: the kit is wrong";

/// Runs a script that leaves something, and checks that just this is named.
fn leaves(script: &str, name: &str) -> Outcome {
    let out = World::new().unjudged().script(script)?;
    let named = !out.leaks.is_empty() && out.leaks.iter().all(|leak| leak.contains(name));
    check(named && out.leftovers.is_empty() && out.code == Some(0))
        .observed(format!("`{script}`: {out:?}"))
        .means("a leak was not noticed, or named wrongly")
        .misconception(WRONG)
}

fn a_mount_left_behind_is_named() -> Outcome {
    leaves("mkdir here; mount -t tmpfs left here", "world/here` was left behind (tmpfs")
}

fn a_mount_taken_away_is_named() -> Outcome {
    leaves("umount -l /proc", "mount `/proc #2` is gone")
}

fn a_forgotten_private_flag_is_named() -> Outcome {
    leaves(
        "unshare -m --propagation unchanged sh -ec 'mkdir a; mount -t tmpfs x a'",
        "world/a` was left behind",
    )
}

fn a_hostname_is_named() -> Outcome {
    leaves("hostname other", "and is now `other`")
}

fn a_link_is_named() -> Outcome {
    leaves("ip link add corX type veth peer name corX2", "link `corX")
}

fn a_table_of_nft_is_named() -> Outcome {
    leaves("nft add table inet coracle", "nft table `inet coracle` was left behind")
}

fn a_process_left_behind_is_named() -> Outcome {
    let out = World::new().unjudged().script("sleep 50 & setsid sleep 51 & exit 0")?;
    let has = |name: &str| out.leftovers.iter().any(|left| left.contains(name));
    check(out.leftovers.len() == 2 && has("`sleep 50`") && has("`sleep 51`") && out.leaks.is_empty())
        .observed(format!("{out:?}"))
        .means("a leftover process was not noticed")
        .misconception(WRONG)
}

fn what_ends_a_moment_later_is_no_leak() -> Outcome {
    let out = World::new().script("sleep 0.05 & exit 4")?;
    check(out.leftovers.is_empty() && out.code == Some(4))
        .observed(format!("{out:?}"))
        .means("init does not wait a moment")
        .misconception(WRONG)
}

fn a_hanging_subject_is_killed_with_its_children() -> Outcome {
    let world = World::new().unjudged().limit(Duration::from_millis(500));
    let out = world.script("trap '' TERM INT HUP; setsid sleep 60 & sleep 60")?;
    let sleeping = out.running_at_timeout.iter().filter(|process| process.contains("`sleep 60`")).count();
    check(out.timed_out && sleeping == 2 && out.code.is_none())
        .observed(format!("{out:?}"))
        .means("the time limit does not end everything")
        .misconception(WRONG)
}

fn a_flood_of_output_ends_in_time() -> Outcome {
    let out = World::new().unjudged().limit(Duration::from_millis(500)).run(["yes"])?;
    check(out.timed_out && out.stdout.len() <= 4 << 20)
        .observed(format!("timed out: {}, {} bytes", out.timed_out, out.stdout.len()))
        .means("a program that prints without end fills the tester's memory")
        .misconception(WRONG)
}

fn a_fork_bomb_hurts_only_itself() -> Outcome {
    let started = Instant::now();
    let world = World::new().unjudged().limit(Duration::from_millis(300));
    // Each generation starts two more, none ends.
    let out = world.script("bomb() { bomb & bomb & wait; }; bomb 2>/dev/null; sleep 60")?;
    check(started.elapsed() < Duration::from_secs(60) && !is_alive(&out))
        .observed(format!("{out:?} after {:?}", started.elapsed()))
        .means("a fork bomb is not held by the world")
        .misconception(WRONG)
}

/// Does a process of this world's still run?
fn is_alive(out: &Output) -> bool {
    out.leaks.iter().any(|leak| leak.contains("outside its world"))
}

fn a_memory_hog_hurts_only_itself() -> Outcome {
    // Doubles a string until the kernel ends it.
    let out = World::new().unjudged().script("exec awk 'BEGIN { s = \"x\"; while (1) s = s s }'")?;
    check(out.signal == Some(9) || out.code.is_some_and(|code| code != 0))
        .observed(format!("{out:?}"))
        .means("there is no limit on memory, or the world's init was killed instead of the hog")
        .misconception(WRONG)
}

fn the_world_dies_with_its_tester() -> Outcome {
    let mark = format!("3{}", std::process::id()); // a number of seconds that nobody else sleeps
    let mut tester = Command::new(BIN)
        .args(["--", "sh", "-c", &format!("setsid sleep {mark} & echo up; sleep {mark}")])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut up = [0; 3];
    std::io::Read::read_exact(&mut tester.stdout.take().expect("it is piped"), &mut up)?;
    let until = Instant::now() + Duration::from_secs(10);
    while sleeping(&mark) < 2 && Instant::now() < until {
        sleep(Duration::from_millis(5));
    }
    let before = sleeping(&mark);
    tester.kill()?;
    tester.wait()?;
    let until = Instant::now() + Duration::from_secs(10);
    while sleeping(&mark) > 0 && Instant::now() < until {
        sleep(Duration::from_millis(5));
    }
    check(before == 2 && sleeping(&mark) == 0)
        .observed(format!("{before} processes before, {} after", sleeping(&mark)))
        .means("a killed test leaves processes on the machine")
        .misconception(WRONG)?;
    // Its cgroups stay until a world begins after the last process has left them.
    let name = format!("coracle-world-{}-", tester.id());
    let mut listing = photograph()?;
    while listing.contains(&name) && Instant::now() < until {
        World::new().script("true")?;
        listing = photograph()?;
    }
    check(!listing.contains(&name))
        .observed(listing)
        .means("a killed test leaves cgroups on the machine")
        .misconception(WRONG)
}

/// What `world photograph` prints.
fn photograph() -> std::io::Result<String> {
    let out = Command::new(BIN).arg("photograph").output()?;
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// How many processes of this machine sleep for so long?
fn sleeping(seconds: &str) -> usize {
    let folders = fs::read_dir("/proc").expect("there is a /proc").filter_map(Result::ok);
    let command =
        |folder: fs::DirEntry| fs::read_to_string(folder.path().join("cmdline")).unwrap_or_default();
    folders.map(command).filter(|command| *command == format!("sleep\0{seconds}\0")).count()
}

fn nothing_of_a_world_is_left_on_the_host() -> Outcome {
    let out =
        World::new().unjudged().script("echo $CORACLE_WORLD; mkdir a; mount -t tmpfs a a; sleep 60 &")?;
    let id = out.stdout.trim();
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let listing = photograph()?;
    check(!id.is_empty() && !mounts.contains("/world/a") && !listing.contains(&format!("coracle-world-{id}")))
        .observed(listing)
        .means("a world leaves traces on the host")
        .misconception(WRONG)
}

/// Makes a group with another one below it, in whichever tree freezes, and puts a process into the lower one that sleeps
/// for `$1` seconds. Then freezes both, and thaws neither.
const FREEZE: &str = r#"
cd /sys/fs/cgroup/freezer 2>/dev/null || cd /sys/fs/cgroup
mkdir coracle-ice coracle-ice/deep; mkfifo $HOME/in
sh -c 'echo 0 > coracle-ice/deep/cgroup.procs; echo in > $HOME/in; exec sleep $0' $1 &
read word < $HOME/in
until [ "$(cat /proc/$!/comm)" = sleep ]; do sleep 0.01; done
for group in coracle-ice/deep coracle-ice; do
    if [ -f $group/freezer.state ]; then echo FROZEN > $group/freezer.state; else echo 1 > $group/cgroup.freeze; fi
done
"#;

fn what_is_frozen_ends_with_its_world() -> Outcome {
    let mark = format!("4{}", std::process::id());
    let frozen = |limit: u64, end: &str| {
        let world = World::new().unjudged().limit(Duration::from_secs(limit));
        let script = FREEZE.to_string() + end;
        world.run(["/bin/sh", "-ec", &script, "sh", &mark])
    };
    // Its group is a leak of the script's own; that the kit could not take it away would be ours.
    let is_clean =
        |out: &Output| !is_alive(out) && !out.leaks.iter().any(|leak| leak.contains("could not be"));
    let ended = frozen(30, "echo $CORACLE_WORLD; exit 4")?;
    let named = |list: &[String]| {
        let has = |words: &[&str]| list.iter().any(|text| words.iter().all(|word| text.contains(word)));
        has(&["`sleep", &mark]) && has(&["coracle-ice`, which is frozen"])
    };
    check(ended.code == Some(4) && named(&ended.leftovers) && is_clean(&ended))
        .observed(format!("{ended:?}; {} of them still live", sleeping(&mark)))
        .means("what was frozen is not named, or lives on after its world")
        .misconception(WRONG)?;
    let over = frozen(2, "wait")?;
    check(over.timed_out && named(&over.running_at_timeout) && is_clean(&over))
        .observed(format!("{over:?}; {} of them still live", sleeping(&mark)))
        .means("a timeout does not say what is frozen, or what is frozen outlives it")
        .misconception(WRONG)?;
    let listing = photograph()?;
    let id = ended.stdout.trim();
    check(sleeping(&mark) == 0 && !id.is_empty() && !listing.contains(&format!("coracle-world-{id}")))
        .observed(format!("{} sleep; {listing}", sleeping(&mark)))
        .means("a frozen process keeps its world's groups on the host")
        .misconception(WRONG)
}

/// Nobody is left to thaw it: the next world does.
fn a_frozen_world_dies_with_its_tester() -> Outcome {
    let mark = format!("5{}", std::process::id());
    let script = format!("{FREEZE}\necho frozen; wait");
    let mut tester =
        Command::new(BIN).args(["--", "sh", "-ec", &script, "sh", &mark]).stdout(Stdio::piped()).spawn()?;
    let mut word = [0; 6];
    std::io::Read::read_exact(&mut tester.stdout.take().expect("it is piped"), &mut word)?;
    let before = sleeping(&mark);
    tester.kill()?;
    tester.wait()?;
    let until = Instant::now() + Duration::from_secs(20);
    let name = format!("coracle-world-{}-", tester.id());
    while (sleeping(&mark) > 0 || photograph()?.contains(&name)) && Instant::now() < until {
        World::new().without_rootfs().script("true")?;
    }
    check(before == 1 && sleeping(&mark) == 0 && !photograph()?.contains(&name))
        .observed(format!("{before} slept before, {} afterwards; {}", sleeping(&mark), photograph()?))
        .means("a killed test leaves frozen processes on the machine")
        .misconception(WRONG)
}

fn a_todo_is_not_yet() -> Outcome {
    let panic = "echo 'not yet implemented: task 1.2: find the program' >&2; exit 101";
    let failure = World::new().script(panic).expect_err("a task is missing");
    check(failure.verdict == Verdict::NotYet && failure.blocked_by.as_deref() == Some("1.2"))
        .observed(format!("{failure:?}"))
        .means("an unwritten task looks like a wrong one")
        .misconception(WRONG)
}

fn a_leak_fails_a_test_by_name() -> Outcome {
    let failure = World::new().script("mkdir m; mount -t tmpfs x m").expect_err("something is left");
    check(failure.verdict == Verdict::Failed && failure.observed.contains("/m` was left behind"))
        .observed(format!("{failure:?}"))
        .means("a leak does not fail the test")
        .misconception(WRONG)
}

fn a_timeout_says_what_still_runs() -> Outcome {
    let failure = World::new().limit(Duration::from_millis(300)).run(["sleep", "77"]).expect_err("it hangs");
    check(failure.verdict == Verdict::TimedOut && failure.observed.contains("`sleep 77`"))
        .observed(format!("{failure:?}"))
        .means("a hanging program is not named")
        .misconception(WRONG)
}
