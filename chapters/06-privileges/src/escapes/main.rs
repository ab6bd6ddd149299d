//! `escape-room ATTACK [ARGUMENT…]`: tries one known way out of a container. It is run inside.
//!
//! Each attack is one file of this directory. Its header says what it does, where it comes from, in which of the
//! book's runtimes it still succeeds, and which single fix stops it. All of them end at the proof: a file of the
//! host that was opened is not written, a clock that may be set is not set.
//!
//! ```text
//!   escaped: …    the attack has what it wanted; status 0
//!   stopped: …    the kernel's answer, and what this process lacks; status 1
//! ```
//!
//! `escape-room` alone lists the attacks. Three more words are for the host's side of an attack: `handle-of FILE`
//! prints a file's handle; `listening-on NAME COMMAND…` runs a command beside a service, `with-secret-key COMMAND…`
//! with a secret in its session keyring.

mod abstract_socket;
mod bpf;
mod clock;
mod disk;
mod handle;
mod io_uring;
mod keyring;
mod leaked_directory;
mod memory;
mod packets;
mod process_root;
mod processes;
mod release_agent;
mod runtime;
mod setting;
mod setuid;
mod terminal;
mod unmask;
mod user_namespace;

use coracle_ground::{Error, Result, sys};
use coracle_privileges::Capability;
use std::process::ExitCode;

/// One attack: its name on the command line, the capability that it would need outside of any user namespace if it is
/// one that decides, and the attack itself, which says what it got.
type Attack = (&'static str, Option<&'static str>, fn(&[String]) -> Result<String>);

const ATTACKS: [Attack; 19] = [
    ("abstract-socket", None, abstract_socket::run),
    ("bpf", Some("BPF"), bpf::run),
    ("clock", Some("SYS_TIME"), clock::run),
    ("core-pattern", Some("SYS_ADMIN"), setting::core_pattern),
    ("disk", Some("MKNOD"), disk::run),
    ("handle", Some("DAC_READ_SEARCH"), handle::run),
    ("io-uring", None, io_uring::run),
    ("keyring", None, keyring::run),
    ("leaked-directory", None, leaked_directory::run),
    ("memory", None, memory::run),
    ("packets", Some("NET_RAW"), packets::run),
    ("process-root", None, process_root::run),
    ("release-agent", Some("SYS_ADMIN"), release_agent::run),
    ("runtime", Some("SYS_PTRACE"), runtime::run),
    ("setuid", None, setuid::run),
    ("sysrq", Some("SYS_ADMIN"), setting::sysrq),
    ("terminal", Some("SYS_ADMIN"), terminal::run),
    ("unmask", Some("SYS_ADMIN"), unmask::run),
    ("user-namespace", None, user_namespace::run),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, arguments)) = words.split_first() else {
        ATTACKS.iter().for_each(|(name, ..)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    match name.as_str() {
        "handle-of" => return report(handle::print(arguments), None),
        "listening-on" => match abstract_socket::listen(arguments) {
            Ok(status) => return status,
            Err(error) => return report(Err(error), None),
        },
        "with-secret-key" => return report(keyring::with_secret(arguments), None),
        _ => {}
    }
    let Some((_, needs, attack)) = ATTACKS.iter().find(|(known, ..)| known == name) else {
        eprintln!("escape-room: there is no attack `{name}`: `escape-room` alone lists them");
        return ExitCode::from(125);
    };
    report(attack(arguments).map(|gain| format!("escaped: {gain}")), *needs)
}

/// Prints what came of it.
fn report(answer: Result<String>, needs: Option<&str>) -> ExitCode {
    match answer {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("stopped: {}: {:?} ({})", error.doing, error.errno, lacks(needs));
            ExitCode::FAILURE
        }
    }
}

/// What this process cannot do, as the kernel has it: of several protections that answer EPERM, which are in place?
fn lacks(needs: Option<&str>) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let says = |name: &str, value: &str| {
        status.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.trim() == value))
    };
    let mut words = Vec::new();
    if let Some(name) = needs {
        let bits = sys::capabilities().map(|bits| bits.effective).unwrap_or(0);
        let has = Capability::parse(name).is_ok_and(|capability| bits >> capability.number() & 1 == 1);
        words.push(format!("{} CAP_{name}", if has { "with" } else { "without" }));
    }
    words.push(if says("Seccomp:", "2") { "seccomp filter" } else { "no seccomp filter" }.into());
    if says("NoNewPrivs:", "1") {
        words.push("no_new_privs".into());
    }
    words.join(", ")
}

/// The standard library's error, as one of ours.
fn named(doing: impl Into<String>, error: &std::io::Error) -> Error {
    let errno = error.raw_os_error().map_or(coracle_ground::Errno::EIO, coracle_ground::Errno::from_raw);
    Error::new(doing, errno)
}
