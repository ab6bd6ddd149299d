//! Looking and removing, in the order in which things stand on one another: processes, mounts, directories, cgroups, links, tables.

use super::remedy::{Leftover, Remedy};
use super::{
    cgroups, containers, mounts, network,
    processes::{self, Worlds},
    temporary,
};
use crate::doctor::place::FIRST_PID_NAMESPACE;
use crate::doctor::{data_root, mountinfo};
use crate::paint::{BAD, CARE, FAINT, GOOD, paint, width, wrap};
use crate::workspace::Workspace;
use anstyle::Style;
use nix::unistd::Uid;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

/// Everything that was found.
#[derive(Debug, Default)]
struct Found {
    leftovers: Vec<Leftover>,
    /// Things, each with the reason.
    in_use: Vec<(String, String)>,
    /// What was tried, and what came of it.
    failures: Vec<(String, String)>,
    /// Holds the data root's lock.
    _containers: containers::Found,
}

/// Finds, tells, removes. Exit code 1 when something could not be looked at or removed.
pub(crate) fn everything(dry_run: bool) -> ExitCode {
    let found = look();
    let mut failures = found.failures;
    for (thing, why) in &found.in_use {
        tell(FAINT, "left alone", thing, why);
    }
    if !dry_run {
        prepare(&found.leftovers);
    }
    for leftover in &found.leftovers {
        if dry_run {
            tell(CARE, "would remove", &leftover.what, &leftover.why);
            continue;
        }
        match leftover.remedy.apply() {
            Ok(()) => tell(GOOD, "removed", &leftover.what, &leftover.why),
            Err(error) => failures.push((format!("remove {}", leftover.what), format!("{error:#}"))),
        }
    }
    for (what, why) in &failures {
        tell(BAD, "failed", what, why);
    }
    anstream::println!("{}", closing(found.leftovers.len(), failures.len(), found.in_use.len(), dry_run));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is dead is thawed first, or its processes could not be ended; and all of those are killed together, so that we wait
/// once for all of them. Those that stay fail again below, each under its own name.
fn prepare(leftovers: &[Leftover]) {
    let mut processes = Vec::new();
    for leftover in leftovers {
        match &leftover.remedy {
            Remedy::EmptyCgroup(group) => cgroups::thaw(group),
            Remedy::Kill(process) => processes.push(*process),
            _ => {}
        }
    }
    let _ = processes::kill_all(&processes);
}

/// `removed  mount …` and the reason below it, both in a column of their own.
fn tell(style: Style, word: &str, what: &str, why: &str) {
    let margin = " ".repeat(14);
    let what = wrap(&shorten_ids(what), &format!("{word:<14}"), width());
    let why = wrap(why, &margin, width());
    anstream::println!("{}\n{}", what.replacen(word, &paint(style, word), 1), paint(FAINT, why));
}

/// Ids of 64 digits as people read them: the first twelve.
fn shorten_ids(text: &str) -> String {
    let shorten = |part: &str| {
        let id = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if id { format!("{}…", &part[..12]) } else { part.to_owned() }
    };
    text.split('/').map(shorten).collect::<Vec<_>>().join("/")
}

/// The last line.
fn closing(count: usize, failures: usize, in_use: usize, dry_run: bool) -> String {
    let things = |count: usize| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
    let root = if Uid::effective().is_root() { "" } else { " As root more may be possible." };
    match (count, failures, dry_run) {
        (0, 0, _) if in_use > 0 => "Nothing else was left behind.".into(),
        (0, 0, _) => "Nothing was left behind.".into(),
        (_, _, true) => format!("{} would be removed; run it without --dry-run to do so.", things(count)),
        (_, 0, _) => format!("{} removed.", things(count)),
        _ => format!("{} could not be done.{root}", things(failures)),
    }
}

/// Looks everywhere, and sorts what was found into the order of removal.
fn look() -> Found {
    let uid = Uid::effective().as_raw();
    let data_root = data_root::path(uid == 0);
    let worlds = Worlds::look();
    let mut containers = containers::look(&data_root);
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mountinfo::parse(&text);
    let places = places(&data_root);

    let mut found = Found { in_use: in_use(&containers), ..Found::default() };
    found.failures.append(&mut containers.failures);
    found.leftovers.extend(worlds.strays());
    let (kills, trees): (Vec<_>, Vec<_>) = std::mem::take(&mut containers.leftovers)
        .into_iter()
        .partition(|leftover| leftover.what.starts_with("process"));
    found.leftovers.extend(kills);
    found.leftovers.extend(mounts::leftovers(&mounts, &places, |id| containers.lives(id)));
    found.leftovers.extend(trees);
    let near: BTreeSet<_> = places.temporary.iter().map(PathBuf::as_path).chain(parent(&data_root)).collect();
    for folder in near {
        found.leftovers.extend(temporary::leftovers(folder, uid));
    }
    // A container of another data root is unknown here: its group goes only if it is empty.
    let container_lives =
        |id: &str| data_root.join("containers").join(id).is_dir().then(|| containers.lives(id));
    let all_seen =
        fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link == Path::new(FIRST_PID_NAMESPACE));
    let world_lives = |id: &str| if worlds.lives(id) { Some(true) } else { all_seen.then_some(false) };
    let known = cgroups::Known { world_lives: &world_lives, container_lives: &container_lives };
    let groups = cgroups::leftovers(&mounts, &known, &mut found.in_use);
    found.leftovers.extend(groups);
    if containers.in_use.is_empty() && !worlds.engine {
        found.leftovers.extend(network::links());
        found.leftovers.extend(network::tables());
    }
    found._containers = containers;
    found
}

/// Containers that live, as people name them.
fn in_use(containers: &containers::Found) -> Vec<(String, String)> {
    let named = |id: &String| (format!("container {}", &id[..12]), "an engine looks after it".to_owned());
    containers.in_use.iter().map(named).collect()
}

/// Where the doctor would have made its directory.
fn parent(data_root: &Path) -> Option<&Path> {
    data_root::nearest_existing(data_root)
}

/// The places of this machine. The test kit's scratch directory is `tmp/world` in cargo's target directory.
fn places(data_root: &Path) -> mounts::Places {
    let mut targets: Vec<PathBuf> = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).into_iter().collect();
    targets.extend(Workspace::find().ok().map(|workspace| workspace.root.join("target")));
    let program = env::current_exe().unwrap_or_default();
    targets
        .extend(program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).map(Path::to_owned));
    let temporary: BTreeSet<_> = ["/tmp".into(), "/var/tmp".into(), env::temp_dir()].into();
    mounts::Places {
        data_root: data_root.to_owned(),
        scratch: targets.into_iter().map(|target| target.join("tmp/world")).collect(),
        temporary: temporary.into_iter().collect(),
    }
}
