//! A world, described: what runs in it and with what.

use crate::message::Spec;
use crate::outcome::Failure;
use crate::running::{Output, Running};
use crate::{fence::Fence, needs, place, ranges};
use nix::unistd::{Gid, Uid};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The variable that marks everything in a world, so that it could be found if it ever got out.
pub(crate) const VARIABLE: &str = "CORACLE_WORLD";

/// A throwaway place to run one program in. Nothing that the program does is left afterwards.
///
/// The program stands in an empty directory in memory, with a tiny root filesystem in `rootfs` beside it. The rest of
/// the host's tree is there, but read-only. It is root there, with an environment of five variables.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) env: Vec<(String, String)>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) rootfs: bool,
    pub(crate) input: Input,
    pub(crate) limit: Duration,
    pub(crate) judged: bool,
    pub(crate) leftovers_allowed: bool,
    pub(crate) foreground: bool,
    pub(crate) many_users: bool,
}

/// What the subject's standard streams are.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// Standard input holds these bytes, then ends. Output goes through two pipes.
    Bytes(Vec<u8>),
    /// Standard input stays open for [`Running::write`].
    Open,
    /// All three are one terminal.
    Terminal,
    /// The caller's own streams.
    Inherited,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// A world with a root filesystem, no input, and a time limit of ten seconds (times `CORACLE_SLOW`).
    pub fn new() -> World {
        World {
            env: Vec::new(),
            dir: None,
            rootfs: true,
            input: Input::Bytes(Vec::new()),
            limit: Duration::from_secs(10),
            judged: true,
            leftovers_allowed: false,
            foreground: false,
            many_users: false,
        }
    }

    /// Adds a variable to the environment, or replaces it.
    pub fn env(mut self, name: &str, value: &str) -> World {
        self.env.push((name.to_string(), value.to_string()));
        self
    }

    /// Starts the program in `dir` instead of in the scratch directory.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> World {
        self.dir = Some(dir.into());
        self
    }

    /// Without the `rootfs` directory.
    pub fn without_rootfs(mut self) -> World {
        self.rootfs = false;
        self
    }

    /// Gives the program these bytes as standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> World {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Keeps standard input open, for [`Running::write`].
    pub fn stdin_open(mut self) -> World {
        self.input = Input::Open;
        self
    }

    /// Gives the program a terminal of 24 lines and 80 columns. What it prints is then all in `stdout`.
    pub fn terminal(mut self) -> World {
        self.input = Input::Terminal;
        self
    }

    /// Gives the world 60,000 more users and groups, for tests with [`Need::ManyUsers`](crate::Need::ManyUsers). For real
    /// root it has all of the machine's in any case.
    pub fn many_users(mut self) -> World {
        self.many_users = true;
        self
    }

    /// Lets the program use the caller's own streams, and leaves Ctrl-C to it.
    pub fn inherited(mut self) -> World {
        self.input = Input::Inherited;
        self.foreground = true;
        self
    }

    /// Sets the time limit (times `CORACLE_SLOW`).
    pub fn limit(mut self, limit: Duration) -> World {
        self.limit = limit;
        self
    }

    /// The program may end before its children do; they are killed then.
    pub fn allow_leftovers(mut self) -> World {
        self.leftovers_allowed = true;
        self
    }

    /// Leaks and the time limit are reported in [`Output`] and do not fail the test: for tests about leaving traces.
    pub fn unjudged(mut self) -> World {
        self.judged = false;
        self
    }

    /// Runs a program to its end.
    ///
    /// Fails when the world cannot be made, the time is over, a `todo!()` is reached, or something was left behind.
    /// Not when the program fails: look at [`Output::code`].
    pub fn run<S: AsRef<str>>(self, argv: impl IntoIterator<Item = S>) -> Result<Output, Failure> {
        self.start(argv)?.finish()
    }

    /// Runs a script of the host's shell to its end. `set -e` is on.
    pub fn script(self, text: &str) -> Result<Output, Failure> {
        self.run(["/bin/sh", "-ec", text])
    }

    /// Starts a program and does not wait: see [`Running`].
    pub fn start<S: AsRef<str>>(self, argv: impl IntoIterator<Item = S>) -> Result<Running, Failure> {
        let argv: Vec<String> = argv.into_iter().map(|word| word.as_ref().to_string()).collect();
        Running::start(self, argv)
    }

    /// Everything about the world in the form in which its processes want it.
    pub(crate) fn spec(&self, argv: Vec<String>, fence: &Fence, id: &str) -> std::io::Result<Spec> {
        let scratch = place::scratch()?;
        let within = |name: &str| scratch.join(name).display().to_string();
        let mut env = vec![
            ("PATH".to_string(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_string()),
            ("HOME".to_string(), scratch.display().to_string()),
            ("TMPDIR".to_string(), within("tmp")),
            ("TERM".to_string(), "xterm".to_string()),
            (VARIABLE.to_string(), id.to_string()),
        ];
        env.extend(self.env.iter().cloned());
        Ok(Spec {
            id: id.to_string(),
            user: needs::must_make_user_namespace()
                .then(|| (Uid::effective().as_raw(), Gid::effective().as_raw())),
            ranges: match self.many_users && needs::must_make_user_namespace() {
                true => ranges::granted(),
                false => None,
            },
            rootfs: self.rootfs.then(place::tiny).transpose()?,
            join: fence.join.clone(),
            settle: fence.settle.clone(),
            trees: fence.trees.clone(),
            argv,
            env,
            dir: self.dir.as_ref().map_or(scratch.clone(), |dir| scratch.join(dir)),
            scratch,
            terminal: matches!(self.input, Input::Terminal),
            foreground: self.foreground,
        })
    }
}

/// A name that no other world on this machine has now.
pub(crate) fn new_id() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The absolute path of the root filesystem in every world of this program. `rootfs` is the same from the working
/// directory.
pub fn rootfs() -> String {
    place::scratch().unwrap_or_default().join("rootfs").display().to_string()
}

/// How much slower than a usual machine is this one? Time limits are multiplied by it.
pub(crate) fn slowness() -> f64 {
    let told = std::env::var("CORACLE_SLOW").ok().and_then(|text| text.parse().ok());
    told.filter(|factor: &f64| factor.is_finite() && *factor > 0.0).unwrap_or(1.0)
}
