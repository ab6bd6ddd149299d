//! `coracle run`: a container from its first step to its last.
//!
//! ```text
//!   flags + image.json ──▶ Container ──▶ containers/<id>/ (locked) ──▶ rootfs/ ──▶ container::run ──▶ exit status
//!                                              │                                        │
//!                                              └── whatever fails from here on ─────────┴──▶ removed
//! ```
//!
//! What we leave out: `-d` and everything that outlives this command (chapter 12).

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::ArgAction;
use coracle_ground::trace;
use coracle_users::{Identity, resolve_user};

use super::privileges::Privileges;
use super::resources::Resources;
use super::{environment, values};
use crate::container::{self, Container, Network, NotStarted, Prepared, Rootfs, Shared, Status, Tmpfs};
use crate::fault;
use crate::store::{self, ContainerDir, Image, Reference, Store};
use crate::time::Timestamp;

/// Create and run a new container from an image
#[derive(clap::Args)]
#[command(
    override_usage = "coracle run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    args_override_self = true,
    disable_help_flag = true
)]
pub(super) struct Args {
    /// Set environment variables; a name without a value takes the caller's
    #[arg(short, long, value_name = "NAME[=VALUE]", value_parser = values::variable, allow_hyphen_values = true)]
    env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    env_file: Vec<PathBuf>,
    /// Overwrite the default ENTRYPOINT of the image
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    entrypoint: Option<String>,
    /// Print usage
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Container host name
    #[arg(short = 'h', long, value_name = "NAME", value_parser = values::hostname, allow_hyphen_values = true)]
    hostname: Option<String>,
    /// IPC namespace to use: `private` or `host`
    #[arg(long, value_name = "MODE", value_parser = values::ipc, allow_hyphen_values = true)]
    ipc: Option<values::Mode>,
    /// PID namespace to use: `host`
    #[arg(long, value_name = "MODE", value_parser = values::pid_or_uts, allow_hyphen_values = true)]
    pid: Option<values::Mode>,
    /// UTS namespace to use: `host`
    #[arg(long, value_name = "MODE", value_parser = values::pid_or_uts, allow_hyphen_values = true)]
    uts: Option<values::Mode>,
    /// Run an init inside the container that forwards signals and reaps processes
    #[arg(long)]
    init: bool,
    /// Keep STDIN open even if not attached
    #[arg(short, long)]
    interactive: bool,
    /// Assign a name to the container
    #[arg(long, value_name = "NAME", value_parser = values::name, allow_hyphen_values = true)]
    name: Option<String>,
    /// Connect the container to a network: `none` or `host`
    #[arg(long, alias = "net", value_name = "NETWORK", value_parser = values::network, allow_hyphen_values = true)]
    network: Option<Network>,
    #[command(flatten)]
    privileges: Privileges,
    #[command(flatten)]
    resources: Resources,
    /// Mount the container's root filesystem as read only
    #[arg(long)]
    read_only: bool,
    /// Automatically remove the container when it exits
    #[arg(long)]
    rm: bool,
    /// Mount a tmpfs directory
    #[arg(long, value_name = "PATH[:OPTIONS]", value_parser = values::tmpfs, allow_hyphen_values = true)]
    tmpfs: Vec<Tmpfs>,
    /// Allocate a pseudo-TTY
    #[arg(short, long)]
    tty: bool,
    /// User and group, by name or number
    #[arg(short, long, value_name = "USER[:GROUP]", allow_hyphen_values = true)]
    user: Option<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "PATH", value_parser = values::workdir, allow_hyphen_values = true)]
    workdir: Option<String>,
    /// The image, and the command with all its arguments, which are never read as flags
    #[arg(value_name = "IMAGE", required = true, trailing_var_arg = true, hide = true)]
    image_and_command: Vec<String>,
}

/// Runs the container; the result is its exit status, or 126 or 127 if its command could not start.
pub(super) fn run(mut args: Args) -> Result<u8> {
    if args.tty && args.interactive && !io::stdin().is_terminal() {
        // Docker's client finds this out, not its daemon: 1, not 125.
        eprintln!("coracle: the input device is not a TTY");
        return Ok(1);
    }
    let image_name = args.image_and_command.remove(0);
    let reference = Reference::parse(&image_name)?;
    trace::step(9, "The data root: clean up after engines that died, and find the image");
    let store = Store::open()?;
    let image = store.find_image(&reference)?;
    let mut container = Container { image: image_name, ..describe(args, &store, &reference, &image)? };
    let prepared = Prepared::for_container(&mut container)?;
    trace::step(
        12,
        "The container's directory and its lock: from here on it has a name, and this engine looks after it",
    );
    let dir = store.create(&mut container)?;
    let rootfs = Rootfs::new(&image, store.image_root(&reference)?, container.rm, &container.rootfs)?;
    fault::point("rootfs-ready");

    let outcome = container::run(&mut container, rootfs, &prepared, &dir);
    fault::point("run-returned");
    match outcome {
        Ok(status) => {
            trace::step(12, "The end is written down, or with --rm all is removed");
            if let Err(error) = leave(container, dir, status) {
                // The command has run: its status is worth more than our trouble.
                eprintln!("coracle: {error:#}");
            }
            Ok(status)
        }
        Err(error) => failed(container, dir, error),
    }
}

/// The container has ended.
fn leave(mut container: Container, dir: ContainerDir, status: u8) -> Result<()> {
    if container.rm {
        return dir.remove();
    }
    container.state.status = Status::Exited;
    container.state.exit_code = status;
    container.state.finished = Some(Timestamp::now());
    (container.state.init, container.state.engine) = (None, None);
    dir.keep(&container)
}

/// It could not be run to its end. One that never started is removed, as its directory is dropped; one that did keeps
/// what its program wrote.
fn failed(mut container: Container, dir: ContainerDir, error: anyhow::Error) -> Result<u8> {
    if let Some(not_started) = error.downcast_ref::<NotStarted>() {
        let status = not_started.exit_code();
        drop(dir);
        eprintln!("coracle: {error:#}");
        return Ok(status);
    }
    if container.state.status == Status::Running && !container.rm {
        container.state.note = Some(format!("{error:#}"));
        leave(container, dir, 125)?;
    }
    Err(error)
}

/// Flags and image together: all there is to know about the container but its place and its image's name.
fn describe(args: Args, store: &Store, reference: &Reference, image: &Image) -> Result<Container> {
    let id = store::new_id()?;
    let network = args.network.unwrap_or_default();
    let modes = [(args.pid, Shared::Pid), (args.uts, Shared::Uts), (args.ipc, Shared::Ipc)];
    let shared: Vec<Shared> = modes
        .into_iter()
        .filter(|(mode, _)| *mode == Some(values::Mode::Host))
        .map(|(_, shared)| shared)
        .collect();
    let is_host = network == Network::Host || shared.contains(&Shared::Uts);
    let hostname = match (args.hostname, is_host) {
        (Some(_), _) if shared.contains(&Shared::Uts) => {
            bail!("conflicting options: hostname and the UTS mode")
        }
        (Some(name), _) => name,
        (None, true) => nix::unistd::gethostname()?.to_string_lossy().into_owned(),
        (None, false) => id.short().to_owned(),
    };
    let mut env = environment::base(&hostname, args.tty);
    environment::merge(&mut env, image.config.env.clone());
    for file in &args.env_file {
        environment::merge(&mut env, environment::from_file(file)?);
    }
    for variable in args.env {
        environment::merge(&mut env, vec![environment::from_flag(variable)?]);
    }
    let user = user(args.user, &args.privileges.group_add, &store.rootfs_of(reference), image)?;
    if !environment::has(&env, "HOME") {
        env.push(format!("HOME={}", user.home));
    }
    let workdir = args.workdir.unwrap_or_else(|| image.config.working_dir.clone());
    Ok(Container {
        id,
        name: args.name.unwrap_or_default(),
        argv: argv(args.entrypoint, args.image_and_command, image)?,
        env,
        workdir: if workdir.is_empty() { "/".to_owned() } else { workdir },
        hostname,
        user,
        tty: args.tty,
        interactive: args.interactive,
        init: args.init,
        read_only: args.read_only,
        tmpfs: distinct(args.tmpfs)?,
        network,
        shared,
        limits: args.resources.limits()?,
        security: args.privileges.security(),
        rm: args.rm,
        ..Container::default()
    })
}

/// Entrypoint and command joined. A new entrypoint does not want the old one's arguments.
fn argv(entrypoint: Option<String>, command: Vec<String>, image: &Image) -> Result<Vec<String>> {
    let config = &image.config;
    let default = if command.is_empty() && entrypoint.is_none() { config.cmd.clone() } else { command };
    let mut argv = match entrypoint {
        None => config.entrypoint.clone(),
        Some(program) => Some(program).filter(|program| !program.is_empty()).into_iter().collect(),
    };
    argv.extend(default);
    if argv.is_empty() {
        bail!("no command specified: the image has none, so name one after it");
    }
    Ok(argv)
}

/// Who the program runs as. Names and homes are the image's to say, in its own files.
fn user(wanted: Option<String>, group_add: &[String], root: &Path, image: &Image) -> Result<Identity> {
    let spec = wanted.as_deref().unwrap_or(&image.config.user);
    resolve_user(root, spec, group_add).map_err(|error| match wanted {
        None if !spec.is_empty() => anyhow!("the image's user: {}; choose another with --user", error.doing),
        _ => anyhow!("{}", error.doing),
    })
}

/// Two mounts in one place hide each other.
fn distinct(tmpfs: Vec<Tmpfs>) -> Result<Vec<Tmpfs>> {
    for (index, one) in tmpfs.iter().enumerate() {
        if tmpfs[..index].iter().any(|other| other.target == one.target) {
            bail!("duplicate mount point: {}", one.target);
        }
    }
    Ok(tmpfs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Config;

    #[test]
    fn entrypoint_and_command_are_joined_as_docker_joins_them() {
        let strings = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        let config =
            Config { entrypoint: strings(&["e", "1"]), cmd: strings(&["c", "2"]), ..Config::default() };
        let image = Image { config, ..Image::default() };
        let joined = |entrypoint: Option<&str>, command: &[&str]| {
            argv(entrypoint.map(str::to_owned), strings(command), &image).map_err(|error| error.to_string())
        };
        assert_eq!(joined(None, &[]), Ok(strings(&["e", "1", "c", "2"])));
        assert_eq!(joined(None, &["x"]), Ok(strings(&["e", "1", "x"])));
        assert_eq!(joined(Some("n"), &[]), Ok(strings(&["n"])));
        assert_eq!(joined(Some("n m"), &["x"]), Ok(strings(&["n m", "x"])));
        assert_eq!(joined(Some(""), &["x"]), Ok(strings(&["x"])));
        assert!(joined(Some(""), &[]).is_err_and(|error| error.starts_with("no command specified")));
    }
}
