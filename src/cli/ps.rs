//! `coracle ps`: which containers there are.
//!
//! What we leave out: filters, formats, sizes (chapter 12); published ports, whose column is empty until chapter 10.

use anyhow::Result;

use super::{print, table::table};
use crate::container::{Container, Status};
use crate::store::Store;

/// List containers
#[derive(clap::Args)]
#[command(override_usage = "coracle ps [OPTIONS]", args_override_self = true)]
pub(super) struct Args {
    /// Show all containers (default shows just running)
    #[arg(short, long)]
    all: bool,
    /// Only display container IDs
    #[arg(short, long)]
    quiet: bool,
    /// Don't truncate output
    #[arg(long)]
    no_trunc: bool,
}

/// Prints one line a container, the youngest first.
pub(super) fn run(args: &Args) -> Result<u8> {
    let mut rows = Vec::new();
    for known in Store::open()?.all()? {
        match known.container {
            Ok(container) if args.all || container.state.status == Status::Running => {
                rows.push(row(&container, args.no_trunc));
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("coracle: {error:#}; `coracle rm {}` removes the container", known.id.short())
            }
        }
    }
    if args.quiet {
        return print(&rows.iter().map(|row| format!("{}\n", row[0])).collect::<String>());
    }
    let heading = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
    rows.insert(0, heading.map(str::to_owned).to_vec());
    print(&table(&rows))
}

fn row(container: &Container, whole: bool) -> Vec<String> {
    let command = command(&container.argv);
    vec![
        if whole { container.id.0.clone() } else { container.id.short().to_owned() },
        container.image.clone(),
        // As text in quotes: a line's end in it must not end the table's line.
        format!("{:?}", if whole { command } else { short(&command) }),
        format!("{} ago", container.created.ago()),
        status(container),
        String::new(),
        container.name.clone(),
    ]
}

/// The words in one line, those with spaces in quotes, as Docker shows them.
fn command(argv: &[String]) -> String {
    let quoted = |(at, word): (usize, &String)| match at > 0 && word.contains(' ') {
        true => format!("'{word}'"),
        false => word.clone(),
    };
    argv.iter().enumerate().map(quoted).collect::<Vec<_>>().join(" ")
}

/// `Up 4 minutes`, `Exited (0) 2 hours ago`
fn status(container: &Container) -> String {
    let state = &container.state;
    let ago = |time: Option<crate::time::Timestamp>| time.unwrap_or(container.created).ago();
    match state.status {
        Status::Created => "Created".to_owned(),
        Status::Running => format!("Up {}", ago(state.started)),
        Status::Exited => format!("Exited ({}) {} ago", state.exit_code, ago(state.finished)),
    }
}

/// At most 20 characters, the last of them an ellipsis if there were more.
fn short(text: &str) -> String {
    match text.chars().count() {
        ..=20 => text.to_owned(),
        _ => text.chars().take(19).chain(['…']).collect(),
    }
}
