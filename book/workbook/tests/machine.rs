//! `doctor` and `restore` on this machine, through the real command. Whatever is left behind for `restore` to find is left in
//! throwaway namespaces (unshare(1)), so that nothing can happen to the host.

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::Value;
use std::process::{Command, ExitCode, Output};

/// The command under test.
const WORKBOOK: &str = env!("CARGO_BIN_EXE_workbook");

/// Checks one thing; the sentence is the failure.
fn check(holds: bool, sentence: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(sentence.into().into()) }
}

/// Standard output and standard error together.
fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A test that says what it needs where it cannot run.
fn trial(name: &str, needs: Option<String>, test: fn() -> Result<(), Failed>) -> Trial {
    // nextest asks for the list and leaves out what is marked there. A run of our own says the reason.
    let marked = needs.is_some() && std::env::args().any(|argument| argument == "--list");
    let run = move || match needs {
        Some(what) => Ok(Completion::ignored_with(format!("skipped: needs {what}"))),
        None => test().map(|()| Completion::Completed),
    };
    Trial::ignorable_test(name, run).with_ignored_flag(marked)
}

fn main() -> ExitCode {
    let (namespaces, hierarchy) = (why_no_namespaces(), why_no_hierarchy());
    let namespaces = || namespaces.clone();
    let trials = vec![
        trial("doctor_answers_for_every_chapter", None, doctor_answers_for_every_chapter),
        trial("doctor_leaves_nothing_behind", None, doctor_leaves_nothing_behind),
        trial("doctor_names_the_refusal", why_no_user_namespaces(), doctor_names_the_refusal),
        trial(
            "restore_finds_nothing_on_a_clean_machine",
            namespaces(),
            restore_finds_nothing_on_a_clean_machine,
        ),
        trial("restore_tells_first_and_removes_then", namespaces(), restore_tells_first_and_removes_then),
        trial("restore_leaves_the_living_alone", namespaces(), restore_leaves_the_living_alone),
        trial("restore_goes_on_after_an_error", namespaces(), restore_goes_on_after_an_error),
        trial("restore_removes_cgroups_that_are_old_and_empty", hierarchy, restore_removes_cgroups),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

// --- doctor -----------------------------------------------------------------------------------------------------------

fn doctor_answers_for_every_chapter() -> Result<(), Failed> {
    let output = Command::new(WORKBOOK).args(["doctor", "--format", "json"]).output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let chapters = answer["chapters"].as_array().map_or(0, Vec::len);
    check(chapters == 18, format!("{chapters} chapters"))?;
    let ready = answer["ready"] == true;
    check(output.status.success() == ready, "the exit code should follow from `ready`")?;
    check(answer["facts"]["kernel"].as_str().is_some_and(|kernel| !kernel.is_empty()), "no kernel")
}

fn doctor_leaves_nothing_behind() -> Result<(), Failed> {
    let root = tempfile::tempdir()?;
    let before = std::fs::read_to_string("/proc/self/mountinfo")?;
    Command::new(WORKBOOK).arg("doctor").env("CORACLE_ROOT", root.path().join("data")).output()?;
    let left = std::fs::read_dir(root.path())?.count();
    check(left == 0, format!("{left} things are left where the data root would be"))?;
    check(before == std::fs::read_to_string("/proc/self/mountinfo")?, "the mounts have changed")
}

/// Below a user namespace whose limit is 0, nobody makes another one.
fn doctor_names_the_refusal() -> Result<(), Failed> {
    let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$0\" doctor --format json";
    let output = Command::new("unshare").args(["-Ur", "sh", "-c", script, WORKBOOK]).output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    check(answer["facts"]["switches"]["max_user_namespaces"] == 0, "the limit is not seen")?;
    let failed = &answer["facts"]["in_user_namespace"]["namespaces"]["fails"];
    check(failed["at"] == "unshare(CLONE_NEWUSER)" && failed["errno"] == "ENOSPC", failed.to_string())
}

/// Why no user namespace can be made, if so.
fn why_no_user_namespaces() -> Option<String> {
    let works =
        Command::new("unshare").args(["-Ur", "true"]).output().is_ok_and(|output| output.status.success());
    (!works).then(|| "user namespaces".into())
}

// --- restore ----------------------------------------------------------------------------------------------------------

/// Why no throwaway namespaces can be made, if so.
fn why_no_namespaces() -> Option<String> {
    let output = throwaway("true");
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("namespaces ({})", words(&output).lines().next().unwrap_or_default())),
        Err(error) => Some(format!("unshare(1) ({error})")),
    }
}

/// Runs a script of the shell as root of new namespaces. `$W` is the workbook, `$D` an empty directory in memory with a data root.
fn throwaway(script: &str) -> std::io::Result<Output> {
    let folder = tempfile::tempdir()?;
    let mut unshare = Command::new("unshare");
    if !nix::unistd::Uid::effective().is_root() {
        unshare.arg("-Ur");
    }
    // A tmpfs first: whatever the script makes is in memory and goes with the mount namespace. A new /sys, because links are
    // looked up there and the old one shows those of the host.
    let prepare =
        "mount -t tmpfs tmpfs \"$D\" && mount -t sysfs sysfs /sys && mkdir \"$D/tmp\" && cd \"$D\"\n";
    unshare
        .args(["-mpnuif", "--mount-proc", "--propagation=private", "sh", "-c", &format!("{prepare}{script}")])
        .env("D", folder.path())
        .env("W", WORKBOOK)
        .env("COLUMNS", "100")
        .env("TMPDIR", folder.path().join("tmp"))
        .env("CORACLE_ROOT", folder.path().join("data"))
        .env_remove("CORACLE_WORLD")
        .output()
}

/// Fails with the whole output when one of the phrases is missing.
fn check_has(text: &str, phrases: &[&str]) -> Result<(), Failed> {
    phrases.iter().try_for_each(|phrase| check(text.contains(phrase), format!("no {phrase:?} in:\n{text}")))
}

fn restore_finds_nothing_on_a_clean_machine() -> Result<(), Failed> {
    let output = throwaway("$W restore && $W restore --dry-run")?;
    check(output.status.success(), words(&output))?;
    check(words(&output) == "Nothing was left behind.\n".repeat(2), words(&output))
}

/// A half-made container with mounts in it, a process that got out of a world, a doctor's directory, a bridge, a table.
const MESS: &str = r#"
dead=$(printf 'dead%060d' 0); ended=$(printf 'e%063d' 0)
mkdir -p data/containers/$dead/rootfs/proc data/containers/$ended data/images/.importing-1 tmp/coracle-doctor-4000001
mount -t tmpfs tmpfs data/containers/$dead/rootfs
mkdir data/containers/$dead/rootfs/proc && mount -t proc proc data/containers/$dead/rootfs/proc
touch data/containers/$dead/lock; touch -d '1 hour ago' tmp/coracle-doctor-4000001
echo '{"state":{"status":"exited"}}' >data/containers/$ended/state.json
CORACLE_WORLD=4000001-1 sleep 1000 & stray=$!
ip link add coracle0 type bridge
nft add table inet coracle 2>/dev/null
"#;

fn restore_tells_first_and_removes_then() -> Result<(), Failed> {
    let output = throwaway(&format!(
        "{MESS}
        $W restore --dry-run; kill -0 $stray && echo STILL THERE
        $W restore; echo CODE $?
        kill -0 $stray 2>/dev/null && ! grep -q '^State:.*Z' /proc/$stray/status && echo STRAY LIVES
        ls data/containers data/images tmp; ip -o link; grep $D /proc/self/mountinfo | wc -l
        $W restore"
    ))?;
    let text = words(&output);
    check_has(
        &text,
        &["would remove", "would be removed; run it without --dry-run", "STILL THERE", "CODE 0"],
    )?;
    check_has(
        &text,
        &["removed       process", "removed       mount", "removed       container dead00000000"],
    )?;
    check_has(&text, &["removed       link coracle0", "process 4000001, which made it, is gone"])?;
    check(!text.contains("STRAY LIVES"), "the stray process still lives")?;
    let after = text.split("CODE 0").nth(1).unwrap_or_default();
    check(!after.contains("coracle0:"), format!("the bridge is still there:\n{after}"))?;
    check(
        after.contains("e0000") && !after.contains("dead0"),
        format!("an ended container is the user's:\n{after}"),
    )?;
    check(after.contains("\n1\n"), format!("only our own tmpfs should be mounted:\n{after}"))?;
    check(text.ends_with("Nothing was left behind.\n"), text.clone())
}

fn restore_leaves_the_living_alone() -> Result<(), Failed> {
    let output = throwaway(
        r#"
        live=$(printf 'a%063d' 0)
        mkdir -p data/containers/$live/rootfs tmp/coracle-notes-2025 tmp/coracle-unit-$$-x other
        mount -t tmpfs tmpfs data/containers/$live/rootfs
        flock data/containers/$live/lock sleep 1000 & holder=$!
        while ! [ -e data/containers/$live/lock ] || flock -n data/containers/$live/lock true; do :; done
        mount -t tmpfs tmpfs other
        CORACLE_WORLD=$$-1 sleep 1000 & inhabitant=$!
        CORACLE_WORLD=mine sleep 1000 & stranger=$!
        ip link add core0 type bridge
        $W restore; echo CODE $?
        ls tmp data/containers; ip -o link; grep -c "$D/" /proc/self/mountinfo
        kill -0 $holder && kill -0 $inhabitant && kill -0 $stranger && echo ALL LIVE"#,
    )?;
    let text = words(&output);
    check_has(
        &text,
        &[
            "left alone    container a00000000000",
            "an engine looks after it",
            "Nothing else was left behind.",
            "CODE 0",
        ],
    )?;
    check(!text.contains("removed   "), text.clone())?;
    check_has(&text, &["coracle-notes-2025", "coracle-unit-", "core0", "a0000"])?;
    check(
        text.ends_with("\n2\nALL LIVE\n"),
        format!("two mounts and three processes should be left:\n{text}"),
    )
}

fn restore_goes_on_after_an_error() -> Result<(), Failed> {
    // A read-only mount plays the stubborn disk: nothing can be removed through it, and everything beside it.
    let output = throwaway(
        r#"
        one=$(printf '1%063d' 0); two=$(printf '2%063d' 0)
        mkdir -p data/containers/$one/rootfs data/containers/$two/rootfs
        mkdir keep && mount --bind data keep && mount -o remount,bind,ro keep
        CORACLE_ROOT=$D/keep $W restore; echo CODE $?
        $W restore; echo CODE $?
        ls data/containers | wc -l"#,
    )?;
    let text = words(&output);
    let (first, second) = text.split_once("CODE 1").ok_or_else(|| format!("no failure:\n{text}"))?;
    check(
        first.matches("failed        remove container").count() == 2,
        format!("both should be tried:\n{text}"),
    )?;
    check_has(first, &["Read-only file system", "2 things could not be done."])?;
    check(second.contains("2 things removed.") && second.ends_with("CODE 0\n0\n"), text.clone())
}

/// A cgroup hierarchy of our own: named, without controllers, seen in this mount namespace only (cgroups(7)). The kernel forgets a
/// hierarchy when it is unmounted, but not while removed groups are still being freed: so it is tried until the name is gone.
const HIERARCHY: &str = r#"
name=coracle-test-$(date +%s%N); mkdir cg
leave() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.05; umount cg; sleep 0.05
        grep -q "name=$name:" /proc/self/cgroup || return
        mount -t cgroup -o none,name=$name cgroup cg
    done
}
mount -t cgroup -o none,name=$name cgroup cg || exit 1
trap leave EXIT
"#;

/// Why there can be no such hierarchy, if so. Only the machine's root may mount one.
fn why_no_hierarchy() -> Option<String> {
    match throwaway(HIERARCHY) {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("root, to mount a cgroup hierarchy".into()),
        Err(error) => Some(format!("unshare(1) ({error})")),
    }
}

/// In a PID namespace it cannot be seen whether the maker of a world lives outside, so only what is old and empty goes.
fn restore_removes_cgroups() -> Result<(), Failed> {
    let output = throwaway(&format!(
        r#"{HIERARCHY}
        mkdir -p cg/coracle-world-4000001-1/inner cg/coracle-world-4000001-2 cg/coracle-world-4000001-3 cg/coracle-mine cg/other
        touch -d '1 hour ago' cg/coracle-* cg/coracle-world-4000001-1/inner
        mkdir cg/coracle-young
        sleep 1000 & inhabitant=$!; echo $inhabitant >cg/coracle-world-4000001-2/cgroup.procs
        $W restore; echo CODE $?
        ls cg | grep -E '^(coracle|other)'; kill -0 $inhabitant && echo LIVES
        kill $inhabitant; wait 2>/dev/null; rmdir cg/coracle-world-4000001-2 cg/coracle-young cg/other; echo END"#
    ))?;
    let text = words(&output);
    check(text.matches("removed       cgroup").count() == 4, text.clone())?;
    check_has(&text, &["/cg/coracle-young", "it is new, or something that we do not know", "CODE 0"])?;
    check(text.ends_with("coracle-world-4000001-2\ncoracle-young\nother\nLIVES\nEND\n"), text.clone())
}
