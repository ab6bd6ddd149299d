//! The milestone's command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "usage: ch07 [--keep DIR [--volatile]] [--old] [--layer DIR]… ROOTFS COMMAND…
       ch07 diff DIR [--layer DIR]… ROOTFS      what a container has changed that was kept in DIR
       ch07 remove DIR                          removes what was kept in DIR
       ch07 way DIR                             whether an overlay can have its changes there
ROOTFS is the lowest layer; the first --layer is the topmost.";

/// What is to be done.
pub(crate) enum Plan {
    Run(Run),
    Diff { kept: PathBuf, lowers: Vec<PathBuf> },
    Remove { kept: PathBuf },
    Way { directory: PathBuf },
}

/// A container.
#[derive(Default)]
pub(crate) struct Run {
    /// Where its changes go and stay; without it, they go when it does.
    pub(crate) keep: Option<PathBuf>,
    pub(crate) volatile: bool,
    /// Mount with one string, as kernels before 6.7 want it.
    pub(crate) old: bool,
    /// The topmost first; the last one is ROOTFS.
    pub(crate) lowers: Vec<PathBuf>,
    pub(crate) argv: Vec<String>,
}

/// Reads the command line; `None` when it makes no sense.
pub(crate) fn parse(args: &[String]) -> Option<Plan> {
    match args {
        [verb, kept, rest @ ..] if verb == "diff" => {
            let run = options(rest)?;
            let plain = run.keep.is_none() && !run.volatile && !run.old && run.argv.is_empty();
            plain.then(|| Plan::Diff { kept: kept.into(), lowers: run.lowers })
        }
        [verb, kept] if verb == "remove" => Some(Plan::Remove { kept: kept.into() }),
        [verb, directory] if verb == "way" => Some(Plan::Way { directory: directory.into() }),
        _ => {
            let run = options(args)?;
            let makes_sense = !run.argv.is_empty() && (run.keep.is_some() || !run.volatile);
            makes_sense.then_some(Plan::Run(run))
        }
    }
}

/// The flags, ROOTFS, and what follows.
fn options(args: &[String]) -> Option<Run> {
    let mut run = Run::default();
    let mut rest = args;
    loop {
        rest = match rest {
            [flag, rest @ ..] if flag == "--volatile" => {
                run.volatile = true;
                rest
            }
            [flag, rest @ ..] if flag == "--old" => {
                run.old = true;
                rest
            }
            [flag, directory, rest @ ..] if flag == "--keep" => {
                run.keep = Some(directory.into());
                rest
            }
            [flag, directory, rest @ ..] if flag == "--layer" => {
                run.lowers.push(directory.into());
                rest
            }
            [root, argv @ ..] if !root.starts_with('-') => {
                run.lowers.push(root.into());
                run.argv = argv.to_vec();
                return Some(run);
            }
            _ => return None,
        };
    }
}
