//! The exact commands that repair what is missing. Text only: `doctor` never runs them.

use super::facts::{Facts, Place};

/// Tools and the package that holds each: Debian and Ubuntu, Fedora, Arch, openSUSE, Alpine.
const PACKAGES: [(&str, [&str; 5]); 8] = [
    ("unshare", ["util-linux", "util-linux", "util-linux", "util-linux", "util-linux-misc"]),
    ("nsenter", ["util-linux", "util-linux", "util-linux", "util-linux", "util-linux-misc"]),
    ("busybox", ["busybox-static", "busybox", "busybox", "busybox", "busybox"]),
    ("strace", ["strace", "strace", "strace", "strace", "strace"]),
    ("newuidmap", ["uidmap", "shadow-utils", "shadow", "shadow", "shadow-uidmap"]),
    ("newgidmap", ["uidmap", "shadow-utils", "shadow", "shadow", "shadow-uidmap"]),
    ("ip", ["iproute2", "iproute", "iproute2", "iproute2", "iproute2"]),
    ("nft", ["nftables", "nftables", "nftables", "nftables", "nftables"]),
];

/// The package managers, in the order of the columns above, with the ids of `/etc/os-release` that lead to them.
const MANAGERS: [(&str, &[&str]); 5] = [
    ("apt-get install", &["debian", "ubuntu"]),
    ("dnf install", &["fedora", "rhel", "centos"]),
    ("pacman -S --needed", &["arch"]),
    ("zypper install", &["suse", "opensuse", "opensuse-tumbleweed", "opensuse-leap"]),
    ("apk add", &["alpine"]),
];

/// Where the set-up for other machines begins. The template is part of the workbook.
pub(crate) const LAB: &str = "limactl start --name=coracle --mount \"$PWD:w\" tests/lab/lima.yaml";

/// The flags with which Docker lets a container make namespaces and mounts of its own; `.devcontainer/` has them too.
pub(crate) const CONTAINER_FLAGS: &str = "docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined \
     --security-opt apparmor=unconfined --security-opt systempaths=unconfined …";

/// One command that installs all these tools. Without a known package manager: a sentence.
pub(crate) fn install(facts: &Facts, tools: &[&str]) -> String {
    let known = |ids: &[&str]| facts.distribution.ids.iter().any(|id| ids.contains(&id.as_str()));
    let column = MANAGERS.iter().position(|(_, ids)| known(ids));
    let mut packages = Vec::new();
    for tool in tools {
        let row = PACKAGES.iter().find(|(name, _)| name == tool);
        let package = row.map_or(*tool, |(_, packages)| packages[column.unwrap_or(0)]);
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    match column {
        Some(column) => as_root(facts, &format!("{} {}", MANAGERS[column].0, packages.join(" "))),
        None => format!("install with your package manager: {}", packages.join(" ")),
    }
}

/// `sudo` in front, unless we are root already.
pub(crate) fn as_root(facts: &Facts, command: &str) -> String {
    if facts.user.uid == 0 { command.to_owned() } else { format!("sudo {command}") }
}

/// Runs one chapter's check as root. The toolchain stays the user's (PATH, HOME), and so do the files in `target/`.
pub(crate) fn check_as_root(chapter: u32) -> String {
    format!(
        "sudo env \"PATH=$PATH\" \"HOME=$HOME\" CARGO_TARGET_DIR=target/root cargo workbook check {chapter}"
    )
}

/// A kernel setting, for now and until the next boot. Inside a container the setting belongs to the host.
pub(crate) fn sysctl(facts: &Facts, setting: &str) -> String {
    match facts.place {
        Place::Container { .. } => format!("sudo sysctl -w {setting}   # on the host, not in this container"),
        _ => as_root(facts, &format!("sysctl -w {setting}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Distribution, User};
    use super::*;

    /// Facts of an ordinary user on a distribution.
    fn on(ids: &[&str]) -> Facts {
        let ids = ids.iter().map(ToString::to_string).collect();
        Facts {
            distribution: Distribution { ids, name: String::new() },
            user: User { uid: 1000, ..User::default() },
            ..Facts::default()
        }
    }

    #[test]
    fn each_distribution_has_its_own_names() {
        let tools = ["unshare", "nsenter", "newuidmap", "ip"];
        for (ids, expected) in [
            (&["debian"][..], "sudo apt-get install util-linux uidmap iproute2"),
            (&["linuxmint", "ubuntu", "debian"], "sudo apt-get install util-linux uidmap iproute2"),
            (&["fedora"], "sudo dnf install util-linux shadow-utils iproute"),
            (&["arch"], "sudo pacman -S --needed util-linux shadow iproute2"),
            (&["opensuse-leap", "suse"], "sudo zypper install util-linux shadow iproute2"),
            (&["alpine"], "sudo apk add util-linux-misc shadow-uidmap iproute2"),
            (&["nixos"], "install with your package manager: util-linux uidmap iproute2"),
        ] {
            assert_eq!(install(&on(ids), &tools), expected);
        }
    }

    #[test]
    fn root_needs_no_sudo() {
        let root = Facts { user: User::default(), ..on(&["debian"]) };
        assert_eq!(install(&root, &["nft"]), "apt-get install nftables");
    }
}
