//! The photograph: everything that a container engine may leave on a machine, as a list that can be compared.
//!
//! One is taken in each world before and after the subject; any difference is a leak and fails the test by name.
//! Processes are counted separately there (see init.rs), because they may take a moment to end. `world photograph`
//! prints one of the host, so that a whole test run can be compared before and after.

use crate::proc::Proc;
use crate::{fence, mountinfo, nftables};
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// What there is, by kind and name, with the details that must not change either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Photograph {
    things: BTreeMap<(Kind, String), String>,
}

/// What a thing is. The order is that of the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Hostname,
    Mount,
    Cgroup,
    Link,
    NftTable,
    Process,
    Temporary,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Hostname => "hostname",
            Kind::Mount => "mount",
            Kind::Cgroup => "cgroup",
            Kind::Link => "link",
            Kind::NftTable => "nft table",
            Kind::Process => "process",
            Kind::Temporary => "temporary",
        }
    }
}

impl Photograph {
    /// Of the namespaces of this process: hostname, mounts, cgroups, links, nft tables.
    pub(crate) fn take(proc: &Proc) -> io::Result<Photograph> {
        Photograph::take_with(proc, false)
    }

    /// In a world (`!of_host`) only those trees of cgroups count that can be written there: the others are the host's, where
    /// somebody else's groups come and go.
    fn take_with(proc: &Proc, of_host: bool) -> io::Result<Photograph> {
        let mut photograph = Photograph::default();
        photograph.add(Kind::Hostname, "hostname", &proc.text("sys/kernel/hostname"));
        let mounts = mountinfo::read(proc)?;
        for mount in &mounts {
            let details = [&mount.filesystem, &mount.options, mount.propagation].map(|s: &str| s).join(" ");
            photograph.add(Kind::Mount, &mount.path.display().to_string(), &details);
        }
        let trees: Vec<_> = mounts.into_iter().filter(|mount| of_host || !mount.has("ro")).collect();
        for cgroup in fence::named_cgroups(&trees, of_host) {
            photograph.add(Kind::Cgroup, &cgroup.display().to_string(), "");
        }
        for link in links(proc) {
            photograph.add(Kind::Link, &link, "");
        }
        // An ordinary user on the host may not ask; in a world everybody may.
        for table in nftables::tables().unwrap_or_default() {
            photograph.add(Kind::NftTable, &table, "");
        }
        Ok(photograph)
    }

    /// Of the host: hostname, mounts, cgroups, links and nft tables, and those processes and temporary files that are
    /// ours by name.
    pub fn take_of_host() -> io::Result<Photograph> {
        let proc = Proc::open()?;
        let mut photograph = Photograph::take_with(&proc, true)?;
        for pid in proc.pids() {
            if let Some(world) = proc.variable(pid, crate::world::VARIABLE) {
                photograph.add(Kind::Process, &proc.name(pid), &format!("of world {world}"));
            }
        }
        for entry in fs::read_dir(std::env::temp_dir())?.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("coracle-") && !name.starts_with(crate::place::PREFIX) {
                photograph.add(Kind::Temporary, &entry.path().display().to_string(), "");
            }
        }
        Ok(photograph)
    }

    /// A second thing of the same name (a mount on a mount) gets a number.
    fn add(&mut self, kind: Kind, name: &str, details: &str) {
        let mut key = (kind, name.to_string());
        let mut number = 1;
        while self.things.contains_key(&key) {
            number += 1;
            key.1 = format!("{name} #{number}");
        }
        self.things.insert(key, details.to_string());
    }

    /// One sentence for each thing that is new, gone or changed since `before`.
    pub fn differences_from(&self, before: &Photograph) -> Vec<String> {
        let mut all = Vec::new();
        for ((kind, name), details) in &self.things {
            let what = format!("{} `{name}`", kind.name());
            match before.things.get(&(*kind, name.clone())) {
                None => all.push(format!("{what} was left behind ({details})").replace(" ()", "")),
                Some(old) if old != details => all.push(format!("{what} was `{old}` and is now `{details}`")),
                Some(_) => {}
            }
        }
        for (kind, name) in before.things.keys() {
            if !self.things.contains_key(&(*kind, name.clone())) {
                all.push(format!("{} `{name}` is gone", kind.name()));
            }
        }
        all
    }

    /// A line a thing, sorted: the same machine gives the same text.
    pub fn listing(&self) -> String {
        let line = |((kind, name), details): (&(Kind, String), &String)| {
            format!("{} {name} {details}", kind.name()).trim().to_string() + "\n"
        };
        self.things.iter().map(line).collect()
    }
}

/// The network links of this network namespace. `/sys/class/net` would show those of whoever mounted `/sys`.
fn links(proc: &Proc) -> Vec<String> {
    let table = proc.text("self/net/dev");
    table.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photograph(mounts: &[(&str, &str)]) -> Photograph {
        let mut photograph = Photograph::default();
        mounts.iter().for_each(|(path, details)| photograph.add(Kind::Mount, path, details));
        photograph
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let before = photograph(&[("/", "ext4 rw shared"), ("/gone", "tmpfs rw")]);
        let after = photograph(&[("/", "ext4 rw private"), ("/new", "proc rw"), ("/new", "proc rw")]);
        assert_eq!(
            after.differences_from(&before),
            [
                "mount `/` was `ext4 rw shared` and is now `ext4 rw private`",
                "mount `/new` was left behind (proc rw)",
                "mount `/new #2` was left behind (proc rw)",
                "mount `/gone` is gone",
            ]
        );
        assert!(after.differences_from(&after).is_empty());
    }
}
