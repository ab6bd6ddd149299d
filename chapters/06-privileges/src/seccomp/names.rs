//! The names in a profile: of actions, calls, capabilities, architectures and kernels. Each must exist.

use super::Action;
use super::calls::Call;
use crate::Capability;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// `SCMP_ACT_…`, without its errno.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub(super) enum ActionName {
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    #[serde(rename = "SCMP_ACT_TRACE")]
    Trace,
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    #[serde(rename = "SCMP_ACT_KILL", alias = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
}

impl ActionName {
    /// The action, with the errno of its rule; EPERM when it has none, as in Docker.
    pub(super) fn with(self, errno: Option<u32>) -> Action {
        match self {
            ActionName::Allow => Action::Allow,
            ActionName::Log => Action::Log,
            ActionName::Errno => Action::Errno(errno.unwrap_or(1)),
            ActionName::Trace => Action::Trace(errno.unwrap_or(1)),
            ActionName::Trap => Action::Trap,
            ActionName::KillThread => Action::KillThread,
            ActionName::KillProcess => Action::KillProcess,
        }
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Call, D::Error> {
        from.deserialize_str(CallVisitor)
    }
}

/// Takes a name as it stands in the file, without a copy: there are hundreds.
struct CallVisitor;

impl Visitor<'_> for CallVisitor {
    type Value = Call;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a system call")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Call, E> {
        Call::named(name).ok_or_else(|| E::custom(format!("there is no system call `{name}`")))
    }
}

/// The name of a capability that exists.
#[derive(Debug, Clone)]
pub(super) struct CapabilityName(pub(super) Capability);

impl<'de> Deserialize<'de> for CapabilityName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<CapabilityName, D::Error> {
        let name = String::deserialize(from)?;
        Capability::parse(&name).map(CapabilityName).map_err(D::Error::custom)
    }
}

/// The name of an architecture that libseccomp knows.
#[derive(Debug, Clone)]
pub(super) struct ArchName;

/// All of them, without `SCMP_ARCH_`.
const ARCHES: [&str; 22] = [
    "NATIVE",
    "X86",
    "X86_64",
    "X32",
    "ARM",
    "AARCH64",
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PPC",
    "PPC64",
    "PPC64LE",
    "S390",
    "S390X",
    "PARISC",
    "PARISC64",
    "RISCV64",
];

impl<'de> Deserialize<'de> for ArchName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ArchName, D::Error> {
        let name = String::deserialize(from)?;
        match name.strip_prefix("SCMP_ARCH_").is_some_and(|bare| ARCHES.contains(&bare)) {
            true => Ok(ArchName),
            false => Err(D::Error::custom(format!("there is no architecture `{name}`"))),
        }
    }
}

/// `4.8`: version and patch level of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KernelVersion(pub(super) u32, pub(super) u32);

impl KernelVersion {
    /// The first two numbers of `6.18.2-generic`.
    pub(super) fn of(release: &str) -> Option<KernelVersion> {
        let mut numbers = release.split(|character: char| !character.is_ascii_digit());
        Some(KernelVersion(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl<'de> Deserialize<'de> for KernelVersion {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<KernelVersion, D::Error> {
        let text = String::deserialize(from)?;
        KernelVersion::of(&text)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"a kernel's version, like 4.8"))
    }
}
