//! Reads the table of facts, and answers out of it.

use coracle_privileges::seccomp::Arch;
use coracle_privileges::{Capability, CapabilitySet};

/// What Docker's profile does with a call.
pub(crate) enum Answer {
    Allow,
    Errno(u32),
}

/// The lines of `table.txt`: when, and which calls.
pub(crate) struct Table(Vec<(String, Vec<String>)>);

impl Table {
    pub(crate) fn read() -> Table {
        let mut lines: Vec<(String, Vec<String>)> = Vec::new();
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        for line in include_str!("table.txt").lines().filter(|line| !line.starts_with('#')) {
            match (line.strip_prefix("    "), line.split_once(": ")) {
                (Some(more), _) => lines.last_mut().expect("a line before it").1.extend(words(more)),
                (None, Some((when, calls))) => lines.push((when.into(), words(calls))),
                (None, None) => assert!(line.is_empty(), "{line}"),
            }
        }
        Table(lines)
    }

    /// All names in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|(_, calls)| calls).map(String::as_str)
    }

    pub(crate) fn answer(
        &self,
        name: &str,
        argument: u64,
        capabilities: CapabilitySet,
        arch: Arch,
        release: &str,
    ) -> Answer {
        let is_admin = capabilities.has(Capability::SYS_ADMIN);
        for (when, _) in self.0.iter().filter(|(_, calls)| calls.iter().any(|call| call == name)) {
            let holds = match when.as_str() {
                "always" => true,
                "kernel 4.8" => release != "4.7.0",
                "arm64" => arch == Arch::Aarch64,
                "x86_64" => arch == Arch::X86_64,
                capability if capability.starts_with("CAP_") => {
                    capabilities.has(Capability::parse(capability).expect("a capability"))
                }
                "argument 0 has no bit of 2114060288, unless CAP_SYS_ADMIN" => {
                    !is_admin && argument & 2_114_060_288 == 0
                }
                "never, and ENOSYS (errno 38), unless CAP_SYS_ADMIN" if !is_admin => {
                    return Answer::Errno(38);
                }
                "never, and ENOSYS (errno 38), unless CAP_SYS_ADMIN" => false,
                list => {
                    let numbers = list.strip_prefix("argument 0 ").expect(list);
                    let below = numbers.strip_prefix("below ").and_then(|rest| rest.split(',').next());
                    let below = below.and_then(|number| number.parse().ok()).unwrap_or(0);
                    argument < below || numbers.split(' ').any(|word| word.parse() == Ok(argument))
                }
            };
            if holds {
                return Answer::Allow;
            }
        }
        Answer::Errno(1)
    }
}
