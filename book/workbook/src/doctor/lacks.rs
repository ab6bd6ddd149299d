//! What is missing, need by need: the sentence and the commands that help. Pure functions of the facts.

use super::facts::{Attempt, CgroupMode, Facts, Place};
use super::fixes;
use super::needs::Need;
use super::texts::{human_bytes, version};
use super::verdict::{Lack, Verdict};

/// A debug build of the workspace with its tests takes about this much.
const ROOM: u64 = 3_000_000_000;

/// Short for the three fields.
fn lacking(verdict: Verdict, what: impl Into<String>, fix: Vec<String>) -> Option<Lack> {
    Some(Lack { verdict, what: what.into(), fix })
}

/// No Linux kernel at all.
pub(super) fn elsewhere(facts: &Facts) -> Option<Lack> {
    let lab = || fixes::LAB.to_owned();
    match (facts.os.as_str(), &facts.place) {
        ("linux", Place::Wsl1) => lacking(
            Verdict::NeedsLab,
            "WSL 1 has no Linux kernel: Windows answers the system calls, and it knows no namespaces",
            vec!["wsl --set-version <distribution> 2   # in PowerShell; `wsl -l -v` lists the names".into()],
        ),
        ("linux", _) => None,
        ("windows", _) => lacking(
            Verdict::NeedsLab,
            "containers are made by the Linux kernel: use WSL 2, or open this folder in the devcontainer",
            vec!["wsl --install   # in PowerShell; then go on inside it".into()],
        ),
        (os, _) => lacking(
            Verdict::NeedsLab,
            format!(
                "containers are made by the Linux kernel, and this is {os}: use Lima, or open this folder in the devcontainer"
            ),
            vec![lab()],
        ),
    }
}

/// Compares one need with the facts.
pub(super) fn lack(facts: &Facts, need: Need, chapter: u32) -> Option<Lack> {
    match need {
        Need::Namespaces => namespaces(facts, chapter),
        Need::Sys => sys(facts),
        Need::IdRanges => id_ranges(facts),
        Need::Cgroups => cgroups(facts, chapter),
        Need::Seccomp if facts.seccomp_filters => None,
        Need::Seccomp => {
            lacking(Verdict::NeedsLab, "this kernel has no seccomp filters", vec![fixes::LAB.into()])
        }
        Need::Overlay => overlay(facts, chapter),
        Need::Firewall => firewall(facts),
        Need::Kernel(major, minor, call) => kernel(facts, major, minor, call),
        Need::Tools(tools) => missing_tools(facts, tools),
    }
}

/// `at: EPERM` of an attempt that failed.
fn told(attempt: &Attempt) -> Option<String> {
    match attempt {
        Attempt::Fails { at, errno } => Some(format!("{at}: {errno}")),
        Attempt::Works | Attempt::NotTried => None,
    }
}

/// The namespaces and the fresh `/proc`. A refusal has many possible owners; the switches tell which.
fn namespaces(facts: &Facts, chapter: u32) -> Option<Lack> {
    let tries = facts.tries();
    let failed = told(&tries.namespaces).or_else(|| told(&tries.proc))?;
    let switches = &facts.switches;
    let flags = || vec![fixes::CONTAINER_FLAGS.to_owned()];
    let container = matches!(facts.place, Place::Container { .. });
    let root_instead = |first: String| vec![first, fixes::check_as_root(chapter)];

    if container && (facts.user.uid == 0 || facts.user.filtered) {
        let why = format!(
            "this container may not make namespaces ({failed}): use the devcontainer, or start it with these flags"
        );
        return lacking(Verdict::NeedsLab, why, flags());
    }
    if container && tries.namespaces.works() {
        let why = format!(
            "parts of /proc are masked in this container, so no new one may be mounted ({failed}): start it with these flags"
        );
        return lacking(Verdict::NeedsLab, why, flags());
    }
    if facts.user.uid == 0 {
        return lacking(
            Verdict::NeedsLab,
            format!("root may not make namespaces here ({failed})"),
            vec![fixes::LAB.into()],
        );
    }
    if switches.max_user_namespaces == Some(0) {
        let fix = fixes::sysctl(facts, "user.max_user_namespaces=15000");
        return lacking(Verdict::NeedsRoot, "user namespaces are limited to 0", root_instead(fix));
    }
    if switches.unprivileged_userns_clone == Some(0) {
        let fix = fixes::sysctl(facts, "kernel.unprivileged_userns_clone=1");
        return lacking(
            Verdict::NeedsRoot,
            "user namespaces are for root only on this kernel",
            root_instead(fix),
        );
    }
    if switches.apparmor_restrict_unprivileged_userns == Some(1) {
        let fix = fixes::sysctl(facts, "kernel.apparmor_restrict_unprivileged_userns=0");
        let why = format!("AppArmor keeps user namespaces from programs that it does not know ({failed})");
        return lacking(Verdict::NeedsRoot, why, root_instead(fix));
    }
    let why = format!("a user namespace could not be made and used ({failed})");
    lacking(Verdict::NeedsRoot, why, vec![fixes::check_as_root(chapter)])
}

/// Only asked where a fresh `/proc` works: the kernel refuses `/sys` for the same reason.
fn sys(facts: &Facts) -> Option<Lack> {
    let failed = told(&facts.tries().sys).filter(|_| facts.tries().proc.works())?;
    let why = format!(
        "no new /sys may be mounted ({failed}), most likely because parts of the present one are masked"
    );
    match facts.place {
        Place::Container { .. } => lacking(Verdict::NeedsLab, why, vec![fixes::CONTAINER_FLAGS.into()]),
        _ => lacking(Verdict::NeedsRoot, why, vec![fixes::check_as_root(3)]),
    }
}

/// Without a range an ordinary user can map one id only: most of the chapter works, one task is skipped.
fn id_ranges(facts: &Facts) -> Option<Lack> {
    let user = &facts.user;
    if let Some(lack) = missing_tools(facts, &["newuidmap", "newgidmap"]) {
        return Some(lack);
    }
    if user.uid == 0 || (user.subordinate_uids > 0 && user.subordinate_gids > 0) {
        return None;
    }
    let command =
        format!("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {}", user.name);
    let why = format!("/etc/subuid or /etc/subgid grants no ids to `{}`", user.name);
    lacking(Verdict::RunsHere, why, vec![command])
}

/// Root writes any hierarchy that is not mounted read-only; others need a group that was given to them.
fn cgroups(facts: &Facts, chapter: u32) -> Option<Lack> {
    let groups = &facts.cgroups;
    if groups.mode == CgroupMode::None {
        return lacking(Verdict::NeedsLab, "no cgroup hierarchy is mounted", vec![fixes::LAB.into()]);
    }
    if groups.writable && groups.mode == CgroupMode::V2 {
        let missing: Vec<_> = ["cpu", "memory", "pids"]
            .into_iter()
            .filter(|name| !groups.v2.iter().any(|has| has == name))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let why = format!("our cgroup has no controller for {}", missing.join(", "));
        let fix = match facts.user.uid {
            0 => fixes::LAB.to_owned(),
            _ => fixes::check_as_root(chapter),
        };
        return lacking(Verdict::NeedsRoot, why, vec![fix]);
    }
    if groups.writable && facts.user.uid == 0 {
        return None;
    }
    if groups.read_only && matches!(facts.place, Place::Container { .. }) {
        let remount = "mount -o remount,rw /sys/fs/cgroup";
        let why = "the cgroup filesystem is mounted read-only in this container";
        return lacking(Verdict::NeedsFix, why, vec![fixes::as_root(facts, remount)]);
    }
    if groups.user_manager {
        let command = format!("systemd-run --user --scope -p Delegate=yes cargo workbook check {chapter}");
        return lacking(
            Verdict::NeedsFix,
            "this shell's cgroup is not ours; the user manager's is",
            vec![command],
        );
    }
    lacking(Verdict::NeedsRoot, "only root may make cgroups here", vec![fixes::check_as_root(chapter)])
}

/// On the disk of the data root; a failure there and success in memory means that this disk cannot be an upper layer. The
/// other way round, containers run, and the tests, which make theirs in memory, do not.
fn overlay(facts: &Facts, chapter: u32) -> Option<Lack> {
    let tries = facts.tries();
    let failed = told(&tries.overlay_in_memory).unwrap_or_default();
    if failed.starts_with("make a directory again") && facts.user.uid != 0 {
        let why =
            format!("before Linux 6.6 only root may have an overlay in memory, as the tests do ({failed})");
        return lacking(Verdict::NeedsRoot, why, vec![fixes::check_as_root(chapter)]);
    }
    if tries.overlay.works() || !tries.namespaces.works() {
        return None;
    }
    let data = &facts.data_root;
    let other_disk = || vec!["export CORACLE_ROOT=/a/folder/on/another/disk".to_owned()];
    if !data.writable {
        let why = format!("{} cannot be made or written", data.path.display());
        return lacking(Verdict::NeedsFix, why, other_disk());
    }
    if tries.overlay_in_memory.works() {
        let failed = told(&tries.overlay).unwrap_or_else(|| "not tried".into());
        let why = format!(
            "{} lies on {}, which cannot hold the upper layer of an overlay ({failed})",
            data.path.display(),
            data.disk.kind
        );
        return lacking(Verdict::NeedsFix, why, other_disk());
    }
    let failed = told(&tries.overlay_in_memory).unwrap_or_else(|| "not tried".into());
    if facts.user.uid != 0 && version(&facts.kernel).is_some_and(|version| version < (5, 11)) {
        let why = format!("before Linux 5.11 only root may mount an overlay ({failed})");
        return lacking(Verdict::NeedsRoot, why, vec![fixes::check_as_root(chapter)]);
    }
    let modprobe = fixes::as_root(facts, "modprobe overlay");
    lacking(
        Verdict::NeedsLab,
        format!("no overlay can be mounted ({failed})"),
        vec![modprobe, fixes::LAB.into()],
    )
}

/// The tool, the kernel's side of it, and forwarding, which is a matter of one switch.
fn firewall(facts: &Facts) -> Option<Lack> {
    if let Some(lack) = missing_tools(facts, &["nft"]) {
        return Some(Lack { verdict: Verdict::NeedsFix, ..lack });
    }
    if let Some(failed) = told(&facts.tries().nft) {
        let modprobe = fixes::as_root(facts, "modprobe nf_tables");
        return lacking(
            Verdict::NeedsLab,
            format!("nftables does not work ({failed})"),
            vec![modprobe, fixes::LAB.into()],
        );
    }
    if facts.ip_forward == Some(0) {
        let why = "this machine does not pass packets on, so containers will not reach other machines";
        return lacking(Verdict::RunsHere, why, vec![fixes::sysctl(facts, "net.ipv4.ip_forward=1")]);
    }
    None
}

/// By number, because the call cannot be tried without its chapter's code.
fn kernel(facts: &Facts, major: u32, minor: u32, call: &str) -> Option<Lack> {
    if version(&facts.kernel).is_none_or(|version| version >= (major, minor)) {
        return None;
    }
    let why = format!("Linux {} is too old: `{call}` came with {major}.{minor}", facts.kernel);
    lacking(Verdict::NeedsLab, why, vec![fixes::LAB.into()])
}

/// Tools of the pages. The chapter's tasks run without them.
fn missing_tools(facts: &Facts, tools: &[&str]) -> Option<Lack> {
    let has = |tool: &str| facts.tools.iter().any(|name| name == tool);
    let missing: Vec<_> = tools.iter().copied().filter(|tool| !has(tool)).collect();
    if missing.is_empty() {
        return None;
    }
    let named: Vec<_> = missing.iter().map(|tool| format!("`{tool}`")).collect();
    let verb = if missing.len() == 1 { "is" } else { "are" };
    let what = format!("{} {verb} not installed", named.join(" and "));
    lacking(Verdict::RunsHere, what, vec![fixes::install(facts, &missing)])
}

/// What is worth a word whatever the chapter.
pub(super) fn advice(facts: &Facts) -> Vec<Lack> {
    let mut advice = Vec::new();
    let disk = &facts.workspace;
    let (rustc, needed) = (facts.rustc.as_deref().unwrap_or(""), facts.rustc_needed.as_deref().unwrap_or(""));
    if version(rustc).zip(version(needed)).is_some_and(|(has, needs)| has < needs) {
        let what = format!("rustc {rustc} is older than the workbook's {needed}");
        advice.extend(lacking(Verdict::RunsHere, what, vec!["rustup update stable".into()]));
    }
    if disk.free > 0 && disk.free < ROOM {
        let what = format!("only {} are free where the workbook is built", human_bytes(disk.free));
        advice.extend(lacking(Verdict::RunsHere, what, vec!["cargo clean".into()]));
    }
    if facts.place == Place::Wsl2 && ["9p", "drvfs", "virtiofs"].contains(&disk.kind.as_str()) {
        let what =
            "the workbook lies on the Windows disk, which is slow and forgets file modes: copy it into Linux";
        advice.extend(lacking(Verdict::RunsHere, what, vec!["cp -r . ~/coracle && cd ~/coracle".into()]));
    }
    advice
}
