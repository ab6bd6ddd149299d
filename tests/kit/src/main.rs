//! `world`: runs a command in a throwaway world, or photographs the host.

use clap::{Args, Parser, Subcommand};
use coracle_testkit::{Photograph, World};
use std::process::ExitCode;
use std::time::Duration;

/// Run a command in a throwaway world: its own namespaces, the host's files read-only, nothing left afterwards.
#[derive(Parser)]
#[command(name = "world", args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum What {
    /// Print what an engine could leave on this machine: mounts, cgroups, links, nft tables, processes.
    Photograph,
}

#[derive(Args)]
struct Run {
    /// Put a tiny root filesystem into `rootfs`.
    #[arg(long)]
    rootfs: bool,
    /// End everything after this many seconds (times CORACLE_SLOW).
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Add a variable to the environment.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Start here, and not in the empty directory in memory.
    #[arg(long)]
    dir: Option<std::path::PathBuf>,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

fn main() -> ExitCode {
    coracle_testkit::if_part_of_a_world();
    let cli = Cli::parse();
    let done = match cli.what {
        Some(What::Photograph) => photograph(),
        None => run(cli.run),
    };
    done.unwrap_or_else(|error| {
        eprintln!("world: {error}");
        ExitCode::from(125)
    })
}

fn photograph() -> Result<ExitCode, String> {
    let photograph = Photograph::take_of_host().map_err(|error| error.to_string())?;
    print!("{}", photograph.listing());
    Ok(ExitCode::SUCCESS)
}

/// The command's own exit code, or 128 and the signal that ended it; 124 when the time was over, as timeout(1) does.
fn run(run: Run) -> Result<ExitCode, String> {
    let mut world = World::new().limit(Duration::MAX / 1_000_000).inherited();
    if let Some(seconds) = run.timeout {
        world = world.limit(Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?);
    }
    if !run.rootfs {
        world = world.without_rootfs();
    }
    if let Some(dir) = run.dir {
        world = world.dir(dir);
    }
    for pair in &run.env {
        let (name, value) = pair.split_once('=').ok_or(format!("`{pair}` is not NAME=VALUE"))?;
        world = world.env(name, value);
    }
    let output = world.unjudged().run(run.command).map_err(|failure| failure.observed)?;
    for leak in &output.leaks {
        eprintln!("world: {leak}");
    }
    for process in &output.leftovers {
        eprintln!("world: {process} was left behind");
    }
    if output.timed_out {
        eprintln!("world: the time is over; still there: {}", output.running_at_timeout.join(", "));
        return Ok(ExitCode::from(124));
    }
    Ok(ExitCode::from(output.status().clamp(0, 255) as u8))
}
