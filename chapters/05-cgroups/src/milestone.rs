//! `ch05 [LIMIT…] [--name NAME] ROOTFS COMMAND…`: runs a command in a group of its own, with limits.
//! `ch05 --freeze|--thaw|--kill|--stats|--remove NAME`: acts on a group that exists. Chapter 5's runtime.

use coracle_cgroups::{
    Controller, CpuQuota, Group, Layout, Limits, Swap, freeze, kill_all, make_group, oom_kills, remove,
    set_limits, start_in_group, thaw, usage,
};
use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::{End, Errno, Error, InitEnd, Result, Start, sys};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, make_dev, mount_cgroups, mount_sys, pivot_into, protect,
};
use coracle_namespaces::{Namespace, isolate_mounts, mount_proc, set_hostname};
use std::convert::Infallible;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: ch05 [LIMIT…] [--name NAME] ROOTFS COMMAND…
       ch05 --freeze|--thaw|--kill|--stats|--remove NAME
limits: --memory BYTES, --memory-swap BYTES|-1, --memory-reservation BYTES, --cpus NUMBER, --cpu-shares NUMBER,
        --cpuset-cpus LIST, --pids NUMBER, --blkio-weight NUMBER";

/// The controllers of every container here: what is limited, and what is counted or needed to freeze it.
const ALWAYS: [Controller; 5] =
    [Controller::Freezer, Controller::Memory, Controller::Cpu, Controller::Cpuacct, Controller::Pids];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = match words[..] {
        [verb @ ("--freeze" | "--thaw" | "--kill" | "--stats" | "--remove"), name] => act(verb, name),
        _ => match Plan::parse(&args) {
            Ok(plan) => run(&plan).map(exit_code),
            Err(why) => {
                eprintln!("ch05: {why}");
                return ExitCode::from(125);
            }
        },
    };
    match answer {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("ch05: {error}");
            ExitCode::from(125)
        }
    }
}

/// What the command line asks for.
struct Plan<'a> {
    limits: Limits,
    name: String,
    root: &'a Path,
    argv: &'a [String],
}

impl Plan<'_> {
    /// Reads it. An error is a sentence.
    fn parse(args: &[String]) -> std::result::Result<Plan<'_>, String> {
        let mut limits = Limits::default();
        let mut name = format!("coracle-{}", std::process::id());
        let mut rest = args;
        while let [flag, value, after @ ..] = rest {
            match flag.as_str() {
                "--memory" => limits.memory = Some(number(flag, value)?),
                "--memory-swap" if value == "-1" => limits.memory_swap = Some(Swap::Unlimited),
                "--memory-swap" => limits.memory_swap = Some(Swap::Total(number(flag, value)?)),
                "--memory-reservation" => limits.memory_reservation = Some(number(flag, value)?),
                "--cpus" => {
                    limits.cpus = Some(CpuQuota::from_nano_cpus((number::<f64>(flag, value)? * 1e9) as u64))
                }
                "--cpu-shares" => limits.cpu_shares = Some(number(flag, value)?),
                "--cpuset-cpus" => limits.cpuset_cpus = Some(value.parse()?),
                "--pids" => limits.pids = Some(number(flag, value)?),
                "--blkio-weight" => limits.blkio_weight = Some(number(flag, value)?),
                "--name" => name = value.clone(),
                _ => break,
            }
            rest = after;
        }
        match rest {
            [root, argv @ ..] if !root.starts_with("--") && !argv.is_empty() => {
                Ok(Plan { limits, name, root: Path::new(root), argv })
            }
            _ => Err(USAGE.into()),
        }
    }
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|_| format!("{flag} needs a number, and `{text}` is none"))
}

/// The host's side.
fn run(plan: &Plan) -> Result<End> {
    if !plan.root.is_dir() {
        let doing = format!("use `{}` as the root: there is no such directory", plan.root.display());
        return Err(Error::new(doing, Errno::ENOENT));
    }
    let layout = Layout::read()?;
    if let Err(impossible) = plan.limits.check(&layout) {
        eprintln!("ch05: {impossible}");
        return Ok(End::Exited(125));
    }
    let group = make_group(&layout, &plan.name, &[&ALWAYS[..], &plan.limits.controllers()].concat())?;
    let end = run_in(plan, &group);
    let oom_kills = oom_kills(&group);
    remove(&group)?;
    match oom_kills? {
        0 => {}
        kills => eprintln!("ch05: out of memory: the kernel killed {kills} in this container"),
    }
    end
}

/// Limits, child, end: with a group that exists.
fn run_in(plan: &Plan, group: &Group) -> Result<End> {
    set_limits(group, &plan.limits)?;
    let (init, host) = start_in_group(&Namespace::ALL, group, |link| be_container(plan, link))?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => init.wait(),
        Start::Failed(error) => {
            eprintln!("ch05: {error}");
            Ok(End::NotStarted(error.errno))
        }
    }
}

/// Init's side: as in chapter 3. It is in its group already.
fn be_container(plan: &Plan, link: InitEnd) -> Result<Infallible> {
    let link = link.wait_for_go()?;
    isolate_mounts()?;
    set_hostname("box")?;
    sys::loopback_up()?;
    make_dev(plan.root)?;
    mount_proc(plan.root)?;
    mount_sys(plan.root)?;
    mount_cgroups(plan.root, &cgroup_hierarchies()?)?;
    pivot_into(plan.root)?;
    protect(&MASKED, &READ_ONLY)?;
    link.prepared()?.wait_for_exec()?;
    let env = [format!("PATH={DEFAULT_PATH}")];
    exec_program(&find_program(&plan.argv[0], DEFAULT_PATH)?, plan.argv, &env)
}

/// Acts on the group `name`, which somebody else has made.
fn act(verb: &str, name: &str) -> Result<u8> {
    let Some(group) = Group::find(&Layout::read()?, name) else {
        return Err(Error::new(format!("find a group named `{name}`"), Errno::ENOENT));
    };
    match verb {
        "--freeze" => freeze(&group)?,
        "--thaw" => thaw(&group)?,
        "--kill" => kill_all(&group)?,
        "--remove" => remove(&group)?,
        _ => show(&group)?,
    }
    Ok(0)
}

/// The numbers of a group, one a line; `-` for what is not known.
fn show(group: &Group) -> Result<()> {
    let used = usage(group);
    let text = |number: Option<u64>| number.map_or("-".into(), |n| n.to_string());
    let micros = |time: Option<std::time::Duration>| text(time.map(|time| time.as_micros() as u64));
    println!("memory {}", text(used.memory));
    println!("memory_peak {}", text(used.memory_peak));
    println!("oom_kills {}", oom_kills(group)?);
    println!("cpu_usec {}", micros(used.cpu_time));
    println!("periods {}", text(used.periods));
    println!("throttled {}", text(used.throttled_periods));
    println!("throttled_usec {}", micros(used.throttled_time));
    println!("pids {}", text(used.pids));
    Ok(())
}
