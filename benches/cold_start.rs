//! How long does it take to start a container, from the command to its end?
//!
//! Each case runs `true` once and waits for it:
//!
//! | case | what it is |
//! |---|---|
//! | `fork_exec` | the floor: a bare fork and exec of `true` |
//! | `unshare` | the baseline: `unshare -fmpinuC --mount-proc true`, the same namespaces and a `/proc`, no root of its own |
//! | `coracle` | `coracle run --rm --network none tiny true`: an overlay on the image's root, all mounts, masks, `/dev`, a control group, Docker's capabilities and filter |
//! | `limited` | the same with `--memory 64m --cpus 1 --pids-limit 64` |
//! | `before` | the same as `coracle` by an older or other engine, where the variable `CORACLE_BEFORE` has its path |
//! | `runc`, `crun` | the same root as an OCI bundle, where they are installed and we are root |
//!
//! On a machine with cgroup v1 and v2 mounted side by side, all of this happens in a mount namespace in which the v2
//! tree is unmounted: crun refuses to run beside both.
//!
//! Milliseconds belong to a machine; ratios travel. So before criterion's own figures this prints one table: all
//! cases in turn, thirty rounds, the median of each, and the median of its ratio to `unshare` in the same round.
//!
//! Run it with `cargo bench --bench cold_start`. Everything lies in one folder below `target/tmp`, and is removed.

use criterion::Criterion;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 30;
const LIMITS: &[&str] = &["--memory", "64m", "--cpus", "1", "--pids-limit", "64"];

/// One way to run `true`.
struct Case {
    name: &'static str,
    command: Box<dyn Fn() -> Command>,
}

/// The folder of this run; dropping it removes everything in it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cold_start: cannot remove `{}`: {error}", self.0.display());
        }
    }
}

fn main() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if is_root() && mounts.contains(&format!(" {UNIFIED} ")) {
        return without_the_unified_tree();
    }
    let folder =
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("coracle-bench-{}", std::process::id())));
    fs::create_dir_all(&folder.0).expect("target/tmp can be written");
    let cases = cases(&folder.0);
    for case in &cases {
        assert!(once(case).is_some(), "the case `{}` fails: {:?}", case.name, (case.command)());
    }
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    paired(&cases);
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("cold_start");
    for case in &cases {
        group.bench_function(case.name, |bencher| bencher.iter(|| once(case)));
    }
    group.finish();
    criterion.final_summary();
}

/// Where a machine with both versions has cgroup v2.
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// Starts this program again, in a mount namespace of its own where cgroup v2 is not mounted.
fn without_the_unified_tree() {
    let script = format!("umount {UNIFIED} && exec \"$@\"");
    let program = std::env::current_exe().expect("this program has a path");
    let mut again = Command::new("unshare");
    again.args(["-m", "sh", "-c", &script, "sh"]).arg(program).args(std::env::args().skip(1));
    std::process::exit(again.status().ok().and_then(|status| status.code()).unwrap_or(1));
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// All cases that can run here. Those that cannot are named with the reason.
fn cases(folder: &Path) -> Vec<Case> {
    let data_root = folder.join("data");
    let is_root = is_root();
    let coracle = |engine: &OsStr, limits: &'static [&'static str]| {
        let (engine, root) = (engine.to_os_string(), data_root.clone());
        Box::new(move || {
            let mut command = Command::new(&engine);
            command.env("CORACLE_ROOT", &root).args(["run", "--rm", "--network", "none"]);
            command.args(limits).args(["tiny", "true"]);
            command
        })
    };
    let ours = OsStr::new(env!("CARGO_BIN_EXE_coracle"));
    let unshare = move || {
        let mut command = Command::new("unshare");
        command.args(if is_root { &[][..] } else { &["-Ur"] }).args(["-fmpinuC", "--mount-proc", "true"]);
        command
    };
    let runs = coracle(ours, &[])().status().is_ok_and(|status| status.success());
    assert!(runs, "coracle cannot run `tiny` here");
    let mut cases = vec![
        Case { name: "fork_exec", command: Box::new(|| Command::new("true")) },
        Case { name: "unshare", command: Box::new(unshare) },
        Case { name: "coracle", command: coracle(ours, &[]) },
    ];
    if is_root {
        cases.push(Case { name: "limited", command: coracle(ours, LIMITS) });
    }
    if let Some(before) = std::env::var_os("CORACLE_BEFORE") {
        cases.push(Case { name: "before", command: coracle(&before, &[]) });
    }
    for runtime in ["runc", "crun"] {
        match is_root.then(|| bundle(folder, runtime)).flatten() {
            Some(bundle) => cases.push(runtime_case(folder, runtime, bundle)),
            None => println!("cold_start: no case `{runtime}`: it needs root, and {runtime} installed"),
        }
    }
    cases
}

/// `runc run` or `crun run` on a bundle.
fn runtime_case(folder: &Path, runtime: &'static str, bundle: PathBuf) -> Case {
    let state = folder.join(format!("{runtime}-state"));
    let command = move || {
        let mut command = Command::new(runtime);
        command.arg("--root").arg(&state);
        command.arg("run").arg("--bundle").arg(&bundle).arg("coracle-bench");
        command
    };
    Case { name: runtime, command: Box::new(command) }
}

/// An OCI bundle of the `tiny` image's root, with the runtime's own default configuration, for `true`.
fn bundle(folder: &Path, runtime: &str) -> Option<PathBuf> {
    let bundle = folder.join(runtime);
    fs::create_dir_all(&bundle).ok()?;
    let root = folder.join("data/images/tiny/latest/rootfs");
    let copied = Command::new("cp").arg("-a").args([&root, &bundle.join("rootfs")]).status().ok()?;
    let specified = Command::new(runtime).arg("spec").current_dir(&bundle).status().ok()?;
    if !copied.success() || !specified.success() {
        return None;
    }
    let file = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["true"]);
    config["root"]["readonly"] = json!(false);
    fs::write(&file, config.to_string()).ok()?;
    Some(bundle)
}

/// Runs a case once: how long it took, or `None` if it failed.
fn once(case: &Case) -> Option<Duration> {
    let mut command = (case.command)();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status().ok()?;
    status.success().then(|| began.elapsed())
}

/// All cases in turn, so that a machine that grows slower grows slower for all of them; then the table. Every second
/// round goes backwards: the kernel clears namespaces away after their processes have ended, and who comes next pays.
fn paired(cases: &[Case]) {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    for number in 0..ROUNDS {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        let mut round = vec![0.0; cases.len()];
        for index in order {
            let time =
                once(&cases[index]).unwrap_or_else(|| panic!("the case `{}` failed", cases[index].name));
            round[index] = time.as_secs_f64() * 1000.0;
        }
        rounds.push(round);
    }
    let Some(baseline) = cases.iter().position(|case| case.name == "unshare") else { return };
    println!(
        "{ROUNDS} rounds, all cases in turn, forwards and backwards\n{:<12}{:>12}{:>24}",
        "case", "median ms", "median of case/unshare"
    );
    for (index, case) in cases.iter().enumerate() {
        let time = median(rounds.iter().map(|round| round[index]));
        let ratio = median(rounds.iter().map(|round| round[index] / round[baseline]));
        println!("{:<12}{time:>12.2}{ratio:>24.2}", case.name);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
