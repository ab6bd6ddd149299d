//! `--ulimit nofile=1024:2048`: limits of one process, by Docker's names.
//!
//! A limit has two values. The soft one is in force, the hard one says how far the process itself may raise it. A
//! limit is not a cgroup's: it counts what *one process* uses, or (nproc) all processes of one user, on the whole host.
//! Man page: `getrlimit(2)`.

use crate::{Capability, CapabilitySet, Refused};
use coracle_ground::sys::{self, Resource, UNLIMITED};
use std::fmt;

/// Docker's names (`ulimitNameMapping` in docker/go-units), which are those of `ulimit` and of limits.conf.
const NAMES: [(&str, Resource); 15] = [
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("locks", Resource::RLIMIT_LOCKS),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE),
    ("nice", Resource::RLIMIT_NICE),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("nproc", Resource::RLIMIT_NPROC),
    ("rss", Resource::RLIMIT_RSS),
    ("rtprio", Resource::RLIMIT_RTPRIO),
    ("rttime", Resource::RLIMIT_RTTIME),
    ("sigpending", Resource::RLIMIT_SIGPENDING),
    ("stack", Resource::RLIMIT_STACK),
];

/// One limit of a container's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub resource: Resource,
    /// What is in force; [`UNLIMITED`] for no limit.
    pub soft: u64,
    /// How far the program may raise it by itself.
    pub hard: u64,
}

impl Limit {
    /// Reads `NAME=SOFT[:HARD]`. Without a hard value it is the soft one; `-1` and `unlimited` mean no limit.
    ///
    /// # Errors
    /// An unknown name, something that is no number, a soft value above the hard one.
    pub fn parse(text: &str) -> Result<Limit, Refused> {
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| Refused(format!("`--ulimit {text}` has no value: write NAME=SOFT[:HARD]")))?;
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let Some((_, resource)) = known else {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(Refused(format!(
                "`--ulimit {text}`: there is no limit `{name}`, only {}",
                names.join(", ")
            )));
        };
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let value = |word: &str| {
            value(word)
                .ok_or_else(|| Refused(format!("`--ulimit {text}`: `{word}` is no number of 0 or more")))
        };
        let (soft, hard) = (value(soft)?, value(hard)?);
        if soft > hard {
            return Err(Refused(format!(
                "`--ulimit {text}`: the soft limit must not be above the hard one: {} > {}",
                say(soft),
                say(hard)
            )));
        }
        Ok(Limit { resource: *resource, soft, hard })
    }

    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        NAMES.iter().find(|(_, resource)| *resource == self.resource).map_or("?", |(name, _)| name)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}:{}", self.name(), say(self.soft), say(self.hard))
    }
}

/// A number, or no limit.
fn value(word: &str) -> Option<u64> {
    match word {
        "-1" | "unlimited" => Some(UNLIMITED),
        digits if digits.starts_with('+') => None,
        digits => digits.parse().ok(),
    }
}

fn say(value: u64) -> String {
    if value == UNLIMITED { "unlimited".into() } else { value.to_string() }
}

/// The first of the limits that this process may not set, with the reason. Asked before anything is made.
///
/// # Errors
/// From reading this process's own limits and capabilities.
pub fn impossible(limits: &[Limit]) -> coracle_ground::Result<Option<Refused>> {
    // In a user namespace this capability is worth nothing: limits are the machine's.
    let has = CapabilitySet(sys::capabilities()?.effective).has(Capability::SYS_RESOURCE);
    let may_raise = has && sys::is_root_of_the_machine();
    for limit in limits {
        let (_, highest) = sys::limit(limit.resource)?;
        if limit.hard > highest && !may_raise {
            return Ok(Some(Refused(format!(
                "`--ulimit {limit}`: here the hard limit is {} and only CAP_SYS_RESOURCE on the whole machine, which \
                 this process does not have, could raise it",
                say(highest)
            ))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_dockers_forms() {
        let table = [
            ("nofile=64", Resource::RLIMIT_NOFILE, 64, 64),
            ("nofile=64:128", Resource::RLIMIT_NOFILE, 64, 128),
            ("core=0", Resource::RLIMIT_CORE, 0, 0),
            ("memlock=-1:-1", Resource::RLIMIT_MEMLOCK, UNLIMITED, UNLIMITED),
            ("stack=8388608:unlimited", Resource::RLIMIT_STACK, 8_388_608, UNLIMITED),
        ];
        for (text, resource, soft, hard) in table {
            assert_eq!(Limit::parse(text).unwrap(), Limit { resource, soft, hard }, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_one_sentence() {
        let table = [
            ("", "has no value"),
            ("nofile", "has no value"),
            ("nofile=", "`` is no number"),
            ("nofile=a", "`a` is no number"),
            ("nofile=-2", "`-2` is no number"),
            ("nofile=+5", "`+5` is no number"),
            ("nofile=1.5", "`1.5` is no number"),
            ("nofile=5:", "`` is no number"),
            ("nofile=5:6:7", "`6:7` is no number"),
            ("nofile=99999999999999999999", "is no number"),
            ("nofile=5:4", "the soft limit must not be above the hard one: 5 > 4"),
            ("nofile=-1:4", "unlimited > 4"),
            ("NOFILE=5", "there is no limit `NOFILE`, only core, cpu"),
            ("as=5", "there is no limit `as`"),
            ("=5", "there is no limit ``"),
        ];
        for (text, expected) in table {
            let refused = Limit::parse(text).expect_err(text).to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
