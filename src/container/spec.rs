//! What a container is: one struct that says all of it.
//!
//! The kernel has no containers. It has processes, namespaces and mounts; "container" is our word for some of them
//! that belong together, and this struct is where we write down which. `coracle run` fills it from the image and the
//! flags; [`super::run`] builds what it describes and writes down how that ended; the store keeps it as `state.json`.
//!
//! What we leave out: volumes (chapter 8), addresses (chapter 10).

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use coracle_cgroups::Limits;
use coracle_users::Identity;
use nix::mount::MsFlags;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Everything there is to know about one container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Container {
    /// 64 hexadecimal digits; the name of its directory in the store too.
    pub(crate) id: ContainerId,
    /// What people call it; no two containers of one data root share a name.
    pub(crate) name: String,
    /// The image as the user wrote it (`tiny`, `alpine:3.20`).
    pub(crate) image: String,
    /// Its root filesystem on the host, an absolute path.
    pub(crate) rootfs: PathBuf,
    /// The program and its arguments: entrypoint and command joined. Never empty once it is to run.
    pub(crate) argv: Vec<String>,
    /// The whole environment of the program, `NAME=value` each, no name twice. Nothing else of the host's may leak in.
    pub(crate) env: Vec<String>,
    /// An absolute path inside; made if it is missing, as Docker does.
    pub(crate) workdir: String,
    /// The name that `hostname` prints inside.
    pub(crate) hostname: String,
    /// Who the program runs as, by number (chapter 4).
    pub(crate) user: Identity,
    /// Give it a terminal of its own.
    pub(crate) tty: bool,
    /// Keep its standard input connected to ours; without it, it reads from `/dev/null`.
    pub(crate) interactive: bool,
    /// Put a small init between PID 1's duties and the program.
    pub(crate) init: bool,
    /// Its root cannot be written; mounts on it can.
    pub(crate) read_only: bool,
    /// Memory filesystems to mount in it.
    pub(crate) tmpfs: Vec<Tmpfs>,
    /// Which network it sees.
    pub(crate) network: Network,
    /// Which other namespaces of the host's it shares.
    #[serde(default)]
    pub(crate) shared: Vec<Shared>,
    /// What it may use (chapter 5).
    #[serde(default)]
    pub(crate) limits: Limits,
    /// What it may do.
    #[serde(default)]
    pub(crate) security: Security,
    /// The folders of its control group, one in each tree.
    #[serde(default)]
    pub(crate) cgroups: Vec<PathBuf>,
    /// Remove it as soon as it ends.
    pub(crate) rm: bool,
    /// When `run` was called.
    pub(crate) created: Timestamp,
    /// Where in its life it is; the only part that changes.
    pub(crate) state: State,
}

/// The 64 hexadecimal digits that name a container for ever. People use the first twelve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ContainerId(pub(crate) String);

impl ContainerId {
    /// Is this how an id looks?
    pub(crate) fn is_one(name: &OsStr) -> bool {
        name.len() == 64 && name.as_encoded_bytes().iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// The first twelve digits: enough to tell containers apart, short enough to be typed.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a container may do besides the usual, in the words of the flags (chapter 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Security {
    /// All capabilities and devices, no filter, no masks.
    pub(crate) privileged: bool,
    /// Capabilities that are added to the default ones.
    pub(crate) cap_add: Vec<String>,
    /// Capabilities that are taken away.
    pub(crate) cap_drop: Vec<String>,
    /// `no-new-privileges`, `seccomp=…`.
    pub(crate) security_opt: Vec<String>,
    /// `NAME=SOFT[:HARD]`.
    pub(crate) ulimits: Vec<String>,
    /// `HOST[:INSIDE[:rwm]]`.
    pub(crate) devices: Vec<String>,
    /// `NAME=VALUE`.
    pub(crate) sysctls: Vec<String>,
    /// -1000 to 1000.
    pub(crate) oom_score_adj: Option<String>,
}

/// A memory filesystem: `--tmpfs /run:size=64m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tmpfs {
    /// An absolute path inside; made if it is missing.
    pub(crate) target: String,
    /// Mount options as mount(8) writes them, Docker's defaults included: `rw,noexec,nosuid,nodev,size=64m`.
    pub(crate) options: String,
}

impl Tmpfs {
    /// The options as mount(2) wants them: flags for the kernel's mount table, the rest as text for tmpfs itself.
    pub(crate) fn for_mount(&self) -> (MsFlags, String) {
        let mut flags = MsFlags::empty();
        let mut data = Vec::new();
        for word in self.options.split(',').filter(|word| !word.is_empty()) {
            match flag(word) {
                Some((bit, on)) => flags.set(bit, on),
                None => data.push(word),
            }
        }
        (flags, data.join(","))
    }
}

/// The mount flag that a word of mount(8) stands for, and whether the word sets or clears it.
pub(crate) fn flag(word: &str) -> Option<(MsFlags, bool)> {
    Some(match word {
        "ro" => (MsFlags::MS_RDONLY, true),
        "rw" => (MsFlags::MS_RDONLY, false),
        "noexec" => (MsFlags::MS_NOEXEC, true),
        "exec" => (MsFlags::MS_NOEXEC, false),
        "nosuid" => (MsFlags::MS_NOSUID, true),
        "suid" => (MsFlags::MS_NOSUID, false),
        "nodev" => (MsFlags::MS_NODEV, true),
        "dev" => (MsFlags::MS_NODEV, false),
        "sync" => (MsFlags::MS_SYNCHRONOUS, true),
        "async" => (MsFlags::MS_SYNCHRONOUS, false),
        "dirsync" => (MsFlags::MS_DIRSYNC, true),
        "noatime" => (MsFlags::MS_NOATIME, true),
        "atime" => (MsFlags::MS_NOATIME, false),
        "nodiratime" => (MsFlags::MS_NODIRATIME, true),
        "diratime" => (MsFlags::MS_NODIRATIME, false),
        "relatime" => (MsFlags::MS_RELATIME, true),
        "norelatime" => (MsFlags::MS_RELATIME, false),
        "strictatime" => (MsFlags::MS_STRICTATIME, true),
        "nostrictatime" => (MsFlags::MS_STRICTATIME, false),
        _ => return None,
    })
}

/// A namespace that can be the host's own: `--pid host`, `--uts host`, `--ipc host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shared {
    /// It sees the host's processes, and has no PID 1 of its own.
    Pid,
    /// It has the host's name.
    Uts,
    /// It has the host's message queues and shared memory.
    Ipc,
}

/// Which network a container sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Network {
    /// A network namespace of its own with nothing but loopback in it.
    #[default]
    None,
    /// The host's network, whole: no namespace at all.
    Host,
}

/// Where in its life a container is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The word that `ps` begins with.
    pub(crate) status: Status,
    /// The container's PID 1 as the host numbers it, while it runs.
    pub(crate) init: Option<Process>,
    /// The engine that looks after it, from its first instant to its end.
    pub(crate) engine: Option<Process>,
    /// How it ended; meaningful once `exited`.
    pub(crate) exit_code: u8,
    /// The kernel has killed one of its processes, because they used more memory than they may.
    #[serde(default)]
    pub(crate) oom_killed: bool,
    /// When its program started.
    pub(crate) started: Option<Timestamp>,
    /// When it ended.
    pub(crate) finished: Option<Timestamp>,
    /// One sentence about an unusual end.
    pub(crate) note: Option<String>,
}

/// The states of Docker that chapters 1 to 3 can reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It exists, its program has not started.
    #[default]
    Created,
    /// Its program runs.
    Running,
    /// Its program ended; its files are still there.
    Exited,
}

/// One process for certain. A pid alone may be somebody else's tomorrow; a pid with its start time cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its pid as the host numbers it.
    pub(crate) pid: i32,
    /// Field 22 of `/proc/<pid>/stat`: clock ticks from boot until its start (proc_pid_stat(5)).
    pub(crate) start: u64,
}

impl Process {
    /// The process with this pid now, or `None` if there is none.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Self::look(pid).map(|(process, _)| process)
    }

    /// Is it still there? A zombie that nobody has waited for counts.
    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Does it still do anything? A zombie does not.
    pub(crate) fn is_at_work(self) -> bool {
        Self::look(self.pid).is_some_and(|(process, state)| process == self && !matches!(state, 'Z' | 'X'))
    }

    /// The process with this pid, and the letter of its state: fields 22 and 3.
    fn look(pid: i32) -> Option<(Self, char)> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
        let (_, after_name) = stat.rsplit_once(") ")?;
        let start = after_name.split(' ').nth(19)?.parse().ok()?;
        Some((Self { pid, start }, after_name.chars().next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmpfs_options_are_split_into_flags_and_data() {
        let tmpfs =
            Tmpfs { target: "/run".into(), options: "rw,noexec,nosuid,nodev,exec,size=64m,mode=1777".into() };
        let (flags, data) = tmpfs.for_mount();
        assert_eq!(flags, MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
        assert_eq!(data, "size=64m,mode=1777");
    }

    #[test]
    fn a_process_is_known_by_pid_and_start() {
        let me = Process::of(std::process::id() as i32).unwrap();
        assert!(me.is_alive() && me.is_at_work());
        assert!(!Process { start: me.start + 1, ..me }.is_alive());
        assert_eq!(Process::of(-1), None);
    }
}
