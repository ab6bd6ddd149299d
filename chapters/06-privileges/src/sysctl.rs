//! Settings of the kernel that are a container's own, and the one number that tells whom to kill first.
//!
//! Most of `/proc/sys` is the whole machine's. Only what belongs to a namespace may be set for a container: message
//! queues and shared memory (IPC namespace), and the network (network namespace). Docker's list is the same.
//! Man pages: `proc_sys(5)`, `ipc_namespaces(7)`, `network_namespaces(7)`, `proc_pid_oom_score_adj(5)`.

use crate::Refused;
use coracle_ground::{Errno, Error, Result, sys};
use std::path::Path;

/// Settings of an IPC namespace, by their full names.
const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// `--sysctl NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    /// With dots, as sysctl(8) has it.
    pub name: String,
    /// As it is written into the file.
    pub value: String,
}

impl Sysctl {
    /// Reads one, and checks that it belongs to a namespace which the container has of its own.
    ///
    /// # Errors
    /// No `=`; a name that is none; a setting of the whole machine, or of a namespace shared with the host.
    pub fn parse(text: &str, own_network: bool, own_ipc: bool) -> std::result::Result<Sysctl, Refused> {
        let refused = |why: String| Refused(format!("`--sysctl {text}`: {why}"));
        let (name, value) = text.split_once('=').ok_or_else(|| refused("write NAME=VALUE".into()))?;
        let proper = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        };
        if !name.split('.').all(proper) {
            return Err(refused(format!("`{name}` is not a name of words with dots between them")));
        }
        let network = name.starts_with("net.");
        let ipc = IPC.contains(&name) || name.starts_with("fs.mqueue.");
        match (network, ipc) {
            (true, _) if !own_network => {
                Err(refused(format!("`{name}` is the host's, as the container shares the host's network")))
            }
            (_, true) if !own_ipc => Err(refused(format!(
                "`{name}` is the host's, as the container shares the host's IPC namespace"
            ))),
            (false, false) => Err(refused(format!(
                "`{name}` is not allowed: it has no namespace, and would change the whole machine"
            ))),
            _ => Ok(Sysctl { name: name.into(), value: value.into() }),
        }
    }
}

/// Writes the settings into the `/proc` that is mounted below `root`, before it is made read-only.
///
/// # Errors
/// ENOENT: this kernel has no such setting; EINVAL: it does not take that value; EACCES: not this user's.
pub fn apply_sysctls(root: &Path, settings: &[Sysctl]) -> Result<()> {
    settings.iter().try_for_each(|setting| {
        let file = root.join("proc/sys").join(setting.name.replace('.', "/"));
        sys::write_setting(&file, &setting.value).map_err(|error| plainer(setting, error))
    })
}

/// The two errors that come from what was typed, in its words.
fn plainer(setting: &Sysctl, error: Error) -> Error {
    let Sysctl { name, value } = setting;
    match error.errno {
        Errno::ENOENT => {
            Error::new(format!("write the setting `{name}`, which this kernel does not have"), Errno::ENOENT)
        }
        Errno::EINVAL => Error::new(
            format!("write `{value}` to the setting `{name}`, which does not take it"),
            Errno::EINVAL,
        ),
        _ => error,
    }
}

/// Reads `--oom-score-adj`: -1000 (never kill this) to 1000 (kill this first).
///
/// # Errors
/// Anything else.
pub fn parse_oom_score_adj(text: &str) -> std::result::Result<i32, Refused> {
    let value = text.parse().ok().filter(|value| (-1000..=1000).contains(value));
    value.ok_or_else(|| Refused(format!("`--oom-score-adj {text}`: must be a number from -1000 to 1000")))
}

/// Tells the kernel how willingly to kill this process, and those that come from it, when memory runs out.
///
/// # Errors
/// EACCES: lowering it below the lowest value it ever had needs CAP_SYS_RESOURCE.
pub fn set_oom_score_adj(value: i32) -> Result<()> {
    sys::write_setting(Path::new("/proc/self/oom_score_adj"), &value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_with_a_namespace_of_the_containers_own_are_allowed() {
        let table = [
            ("net.ipv4.ip_forward=1", true, true, ""),
            ("net.core.somaxconn=1024", true, true, ""),
            ("kernel.shmmax=1", true, true, ""),
            ("fs.mqueue.msg_max=8", true, true, ""),
            ("kernel.sem=", true, true, ""),
            ("net.ipv4.ip_forward=1", false, true, "shares the host's network"),
            ("kernel.shmmax=1", true, false, "shares the host's IPC"),
            ("kernel.core_pattern=|/x", true, true, "has no namespace"),
            ("kernel.shmmaxx=1", true, true, "has no namespace"),
            ("vm.swappiness=1", true, true, "has no namespace"),
            ("net=1", true, true, "has no namespace"),
            ("net.ipv4.ip_forward", true, true, "write NAME=VALUE"),
            ("", true, true, "write NAME=VALUE"),
            ("=1", true, true, "is not a name"),
            ("net.=1", true, true, "is not a name"),
            ("net./../../kernel/core_pattern=x", true, true, "is not a name"),
            ("net..ipv4=1", true, true, "is not a name"),
        ];
        for (text, network, ipc, expected) in table {
            match Sysctl::parse(text, network, ipc) {
                Ok(_) => assert!(expected.is_empty(), "{text} was accepted"),
                Err(refused) => assert!(
                    !expected.is_empty() && refused.to_string().contains(expected),
                    "{text}: {refused}"
                ),
            }
        }
    }

    #[test]
    fn a_setting_that_the_kernel_lacks_is_said_in_plain_words() {
        let setting = |text: &str| [Sysctl::parse(text, true, true).unwrap()];
        // Below this root there is no `proc` at all, so no setting either.
        let refused = apply_sysctls(Path::new("/no-such-root"), &setting("net.ipv4.no_such=1")).unwrap_err();
        assert_eq!(refused.doing, "write the setting `net.ipv4.no_such`, which this kernel does not have");
        let refused = plainer(&setting("kernel.shmmax=many")[0], Error::new("write", Errno::EINVAL));
        assert_eq!(refused.doing, "write `many` to the setting `kernel.shmmax`, which does not take it");
    }

    #[test]
    fn the_number_for_the_oom_killer_has_limits() {
        assert_eq!(parse_oom_score_adj("-1000").unwrap(), -1000);
        assert_eq!(parse_oom_score_adj("1000").unwrap(), 1000);
        for text in ["", "1001", "-1001", "x", "1.5", "99999999999"] {
            assert!(parse_oom_score_adj(text).is_err(), "{text}");
        }
    }
}
