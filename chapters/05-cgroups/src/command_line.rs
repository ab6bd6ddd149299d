//! What `ch05` is asked for. Bytes and numbers only: Docker's `64m` is the engine's affair.

use coracle_cgroups::{Controller, CpuQuota, Limits, Swap, Version};
use std::path::Path;
use std::str::FromStr;

pub(crate) const USAGE: &str = "\
usage: ch05 [LIMIT…] [--name NAME] ROOTFS COMMAND…
       ch05 --own MOUNTINFO CGROUP            task 5.1: where our own group is in each tree
       ch05 --enable FOLDER CONTROLLER…                 hands controllers down from a v2 folder
       ch05 --make NAME | --remove NAME                 makes a group, removes it
       ch05 --settings v1|v2 [LIMIT…]         task 5.2: what would be written
       ch05 --stats NAME                      task 5.4: what was used
       ch05 --freeze NAME | --thaw NAME | --kill NAME   (./NAME: one folder, as in a v1 freezer)
limits: --memory BYTES, --memory-swap BYTES|-1, --memory-reservation BYTES, --cpus NUMBER, --cpu-shares NUMBER,
        --cpuset-cpus LIST, --pids NUMBER, --blkio-weight NUMBER";

/// One of the things that `ch05` can do.
pub(crate) enum Command<'a> {
    Run(Plan<'a>),
    Own {
        mountinfo: &'a Path,
        cgroup: &'a Path,
    },
    Enable(&'a Path, Vec<Controller>),
    Make(&'a str),
    Settings(Version, Limits),
    /// Something with a group that exists: `--freeze`, and its name.
    Act(&'a str, &'a str),
}

/// A container.
pub(crate) struct Plan<'a> {
    pub(crate) limits: Limits,
    pub(crate) name: String,
    pub(crate) root: &'a Path,
    pub(crate) argv: &'a [String],
}

/// Reads the arguments. An error is a sentence.
pub(crate) fn parse(args: &[String]) -> Result<Command<'_>, String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    Ok(match words[..] {
        ["--own", mountinfo, cgroup] => {
            Command::Own { mountinfo: Path::new(mountinfo), cgroup: Path::new(cgroup) }
        }
        ["--enable", folder, ref names @ ..] => Command::Enable(Path::new(folder), controllers(names)?),
        ["--make", name] => Command::Make(name),
        ["--settings", version @ ("v1" | "v2"), ..] => {
            let version = if version == "v1" { Version::V1 } else { Version::V2 };
            Command::Settings(version, options(&args[2..])?.0)
        }
        [verb @ ("--freeze" | "--thaw" | "--kill" | "--stats" | "--remove"), name] => {
            Command::Act(verb, name)
        }
        _ => Command::Run(plan(args)?),
    })
}

fn plan(args: &[String]) -> Result<Plan<'_>, String> {
    let (limits, name, rest) = options(args)?;
    let name = name.unwrap_or_else(|| format!("coracle-{}", std::process::id()));
    match rest {
        [root, argv @ ..] if !root.starts_with("--") && !argv.is_empty() => {
            Ok(Plan { limits, name, root: Path::new(root), argv })
        }
        _ => Err(USAGE.into()),
    }
}

/// The limits and the name at the beginning of `args`, and what comes after them.
fn options(args: &[String]) -> Result<(Limits, Option<String>, &[String]), String> {
    let (mut limits, mut name) = (Limits::default(), None);
    let mut rest = args;
    while let [flag, value, after @ ..] = rest {
        match flag.as_str() {
            "--memory" => limits.memory = Some(number(flag, value)?),
            "--memory-swap" if value == "-1" => limits.memory_swap = Some(Swap::Unlimited),
            "--memory-swap" => limits.memory_swap = Some(Swap::Total(number(flag, value)?)),
            "--memory-reservation" => limits.memory_reservation = Some(number(flag, value)?),
            "--cpus" => {
                limits.cpus = Some(CpuQuota::from_nano_cpus((number::<f64>(flag, value)? * 1e9) as u64));
            }
            "--cpu-shares" => limits.cpu_shares = Some(number(flag, value)?),
            "--cpuset-cpus" => limits.cpuset_cpus = Some(value.parse()?),
            "--pids" => limits.pids = Some(number(flag, value)?),
            "--blkio-weight" => limits.blkio_weight = Some(number(flag, value)?),
            "--name" => name = Some(value.clone()),
            _ => break,
        }
        rest = after;
    }
    Ok((limits, name, rest))
}

fn number<T: FromStr>(flag: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{flag} needs a number, and `{text}` is none"))
}

fn controllers(names: &[&str]) -> Result<Vec<Controller>, String> {
    let known = |name: &str| {
        let found = Controller::ALL.into_iter().find(|c| c.v1_name() == name || c.v2_name() == Some(name));
        found.ok_or_else(|| format!("there is no controller `{name}`"))
    };
    names.iter().map(|name| known(name)).collect()
}
