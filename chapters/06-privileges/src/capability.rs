//! Capabilities: root's power, cut into pieces with names. And the rules by which Docker chooses among them.
//!
//! Man page: `capabilities(7)`. The numbers are those of `linux/capability.h`; a kernel may know fewer.

use crate::Refused;
use coracle_ground::{Result, sys};
use std::fmt;

/// All names, at their number.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// One capability.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(u8);

impl Capability {
    /// The power over mounts, namespaces, and a hundred other things.
    pub const SYS_ADMIN: Capability = Capability(21);
    /// Raising limits.
    pub const SYS_RESOURCE: Capability = Capability(24);

    /// Its number in `linux/capability.h`, and its bit in `/proc/PID/status`.
    pub fn number(self) -> u8 {
        self.0
    }

    /// All that have a name.
    pub fn all() -> impl Iterator<Item = Capability> {
        (0..NAMES.len() as u8).map(Capability)
    }

    /// The capability of that name, with or without `CAP_`, in any case.
    ///
    /// # Errors
    /// No capability has that name.
    pub fn parse(name: &str) -> std::result::Result<Capability, Refused> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        match NAMES.iter().position(|known| *known == bare) {
            Some(number) => Ok(Capability(number as u8)),
            None => Err(Refused(format!(
                "there is no capability `{name}`: see `man 7 capabilities` for their names (or use ALL)"
            ))),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CAP_{}", NAMES[usize::from(self.0)])
    }
}

impl fmt::Debug for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Some capabilities: one bit each, as `/proc/PID/status` shows them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CapabilitySet(pub u64);

impl CapabilitySet {
    /// None at all.
    pub const EMPTY: CapabilitySet = CapabilitySet(0);

    /// The fourteen that Docker leaves to a container: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID,
    /// SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP.
    /// Source: `DefaultCapabilities` in `daemon/pkg/oci/caps/defaults.go` of Moby.
    pub const DOCKER_DEFAULT: CapabilitySet = CapabilitySet(0xa804_25fb);

    /// What this process can hand on at all: its bounding set. Even root lacks some in a container or a sandbox.
    pub fn available() -> Result<CapabilitySet> {
        let mut set = CapabilitySet::EMPTY;
        for capability in Capability::all() {
            if sys::is_in_bounding(capability.number())? == Some(true) {
                set = set.with(capability);
            }
        }
        Ok(set)
    }

    /// Is it in the set?
    pub fn has(self, capability: Capability) -> bool {
        self.0 & 1 << capability.number() != 0
    }

    /// The set and this one.
    #[must_use]
    pub fn with(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 | 1 << capability.number())
    }

    /// The set without this one.
    #[must_use]
    pub fn without(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 & !(1 << capability.number()))
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 & other.0)
    }

    /// Those in it, by number.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::all().filter(move |capability| self.has(*capability))
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|capability| capability.to_string()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} ({self})", self.0)
    }
}

/// The capabilities of a container, out of `--cap-add`, `--cap-drop` and `--privileged`, by Docker's rules, and never
/// more than are `available` (see [`CapabilitySet::available`]).
///
/// `--privileged`: all, whatever else was said. `--cap-add ALL`: all but those dropped by name. `--cap-drop ALL`: only
/// those that are added. Otherwise Docker's fourteen, less those dropped, and those added.
///
/// # Errors
/// A name that no capability has; one that is added by name and cannot be had here.
pub fn wanted(
    add: &[String],
    drop: &[String],
    privileged: bool,
    available: CapabilitySet,
) -> std::result::Result<CapabilitySet, Refused> {
    let (add_all, add) = names(add)?;
    let (drop_all, drop) = names(drop)?;
    if privileged {
        return Ok(available);
    }
    if let Some(missing) = add.iter().find(|capability| !available.has(**capability)) {
        return Err(Refused(format!(
            "cannot add {missing}: the process that starts the container does not have it in its own bounding set"
        )));
    }
    let less_dropped = |set: CapabilitySet| drop.iter().fold(set, |set, capability| set.without(*capability));
    if add_all {
        return Ok(less_dropped(available));
    }
    let start = if drop_all { CapabilitySet::EMPTY } else { less_dropped(CapabilitySet::DOCKER_DEFAULT) };
    Ok(add.into_iter().fold(start, CapabilitySet::with).and(available))
}

/// Is `ALL` among the names, and which capabilities are?
fn names(list: &[String]) -> std::result::Result<(bool, Vec<Capability>), Refused> {
    let is_all = |name: &&String| name.eq_ignore_ascii_case("ALL") || name.eq_ignore_ascii_case("CAP_ALL");
    let all = list.iter().any(|name| is_all(&name));
    let named = list.iter().filter(|name| !is_all(name)).map(|name| Capability::parse(name));
    Ok((all, named.collect::<std::result::Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: CapabilitySet = CapabilitySet((1 << 41) - 1);

    fn of(names: &[&str]) -> CapabilitySet {
        let parse = |name: &&str| Capability::parse(name).unwrap();
        names.iter().map(parse).fold(CapabilitySet::EMPTY, CapabilitySet::with)
    }

    fn wanted_of(add: &str, drop: &str) -> std::result::Result<CapabilitySet, Refused> {
        let list = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        wanted(&list(add), &list(drop), false, ALL)
    }

    #[test]
    fn the_default_is_dockers_fourteen() {
        let fourteen = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW \
                        SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP";
        let names: Vec<&str> = fourteen.split(' ').collect();
        assert_eq!(names.len(), 14);
        assert_eq!(CapabilitySet::DOCKER_DEFAULT, of(&names));
        assert_eq!(wanted_of("", "").unwrap().0, 0xa80425fb);
    }

    #[test]
    fn added_and_dropped_by_dockers_rules() {
        let table: [(&str, &str, CapabilitySet); 10] = [
            ("", "ALL", CapabilitySet::EMPTY),
            ("net_bind_service", "all", of(&["NET_BIND_SERVICE"])),
            ("CAP_SYS_ADMIN", "", CapabilitySet::DOCKER_DEFAULT.with(Capability::SYS_ADMIN)),
            ("", "cap_chown Kill", CapabilitySet(0xa80425fb & !0b100001)),
            ("ALL", "", ALL),
            ("ALL", "SYS_ADMIN", ALL.without(Capability::SYS_ADMIN)),
            ("ALL", "ALL", ALL),
            ("CAP_ALL SYS_ADMIN", "SYS_ADMIN", ALL.without(Capability::SYS_ADMIN)),
            ("CHOWN", "CHOWN", CapabilitySet::DOCKER_DEFAULT),
            ("SYS_TIME", "CHOWN ALL", of(&["SYS_TIME"])),
        ];
        for (add, drop, expected) in table {
            assert_eq!(wanted_of(add, drop).unwrap(), expected, "--cap-add {add} --cap-drop {drop}");
        }
    }

    #[test]
    fn nobody_gets_more_than_there_is() {
        let here = ALL.without(Capability::SYS_RESOURCE).without(Capability(0));
        assert_eq!(wanted(&[], &[], false, here).unwrap().0, 0xa80425fa);
        assert_eq!(wanted(&[], &[], true, here).unwrap(), here);
        assert_eq!(wanted(&["ALL".into()], &[], false, here).unwrap(), here);
        let refused = wanted(&["sys_resource".into()], &[], false, here).unwrap_err();
        assert!(refused.to_string().starts_with("cannot add CAP_SYS_RESOURCE: "), "{refused}");
    }

    #[test]
    fn unknown_names_are_refused_in_one_sentence() {
        for name in ["", "CAP_", "SYS_ADMINS", "CAP_CAP_CHOWN", "21", "-1", "chown "] {
            let refused = wanted(&[name.to_string()], &[], true, ALL).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("there is no capability `{name}`")), "{refused}");
        }
    }
}
