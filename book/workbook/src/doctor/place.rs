//! What kind of machine is this? From the kernel's release, from PID namespaces, and from what container engines leave lying about.
//!
//! A file such as `/.dockerenv` proves nothing: many virtual machines boot from an image that was made with Docker. The PID
//! namespace does: the kernel gives its first one a fixed number, and a process that sees another number is inside something.
//!
//! Man pages: namespaces(7), pid_namespaces(7).

use super::facts::Place;

/// `/proc/self/ns/pid` of a process in the first PID namespace (`PROC_PID_INIT_INO` in the kernel's sources).
pub(crate) const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
/// `/proc/self/ns/user` of a process in the first user namespace (`PROC_USER_INIT_INO`).
pub(crate) const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";

/// What `place` is concluded from.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    /// `uname -r`.
    pub(crate) release: String,
    /// What the link `/proc/self/ns/pid` says.
    pub(crate) pid_namespace: String,
    /// `/.dockerenv` exists.
    pub(crate) dockerenv: bool,
    /// `/run/.containerenv` exists.
    pub(crate) containerenv: bool,
    /// `CODESPACES` is set in the environment.
    pub(crate) codespaces: bool,
    /// The variable `container`, or the text of `/run/systemd/container`: `podman`, `lxc`, `systemd-nspawn`.
    pub(crate) container: Option<String>,
}

/// Draws the conclusion. WSL comes first: its distributions live in PID namespaces of their own too.
pub(crate) fn place(signs: &Signs) -> Place {
    let release = signs.release.to_lowercase();
    if release.contains("microsoft") {
        let second = release.contains("wsl2") || release.contains("microsoft-standard");
        return if second { Place::Wsl2 } else { Place::Wsl1 };
    }
    // Without a /proc there is no sign either way.
    if [FIRST_PID_NAMESPACE, ""].contains(&signs.pid_namespace.as_str()) {
        return Place::Machine;
    }
    let kind = match (&signs.container, signs.containerenv, signs.dockerenv) {
        _ if signs.codespaces => "codespaces",
        (Some(named), _, _) if !named.is_empty() => named,
        (_, true, _) => "podman",
        (_, _, true) => "docker",
        _ => "unknown",
    };
    Place::Container { kind: kind.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs with a release and a PID namespace.
    fn signs(release: &str, pid_namespace: &str) -> Signs {
        Signs { release: release.into(), pid_namespace: pid_namespace.into(), ..Signs::default() }
    }

    /// Inside a container of `kind`.
    fn container(kind: &str) -> Place {
        Place::Container { kind: kind.into() }
    }

    #[test]
    fn wsl_is_known_by_its_release() {
        let other = "pid:[4026532247]";
        assert_eq!(place(&signs("5.15.167.4-microsoft-standard-WSL2", other)), Place::Wsl2);
        assert_eq!(place(&signs("6.6.87.2-microsoft-standard", other)), Place::Wsl2);
        assert_eq!(place(&signs("4.4.0-19041-Microsoft", FIRST_PID_NAMESPACE)), Place::Wsl1);
    }

    #[test]
    fn a_file_of_docker_does_not_make_a_machine_a_container() {
        let machine = Signs { dockerenv: true, ..signs("6.18.44", FIRST_PID_NAMESPACE) };
        assert_eq!(place(&machine), Place::Machine);
        let inside = Signs { dockerenv: true, ..signs("6.8.0-generic", "pid:[4026532900]") };
        assert_eq!(place(&inside), container("docker"));
    }

    #[test]
    fn the_kind_of_container_is_named_where_it_tells() {
        let inside = || signs("6.8.0", "pid:[4026532900]");
        assert_eq!(place(&inside()), container("unknown"));
        assert_eq!(place(&Signs { containerenv: true, ..inside() }), container("podman"));
        assert_eq!(place(&Signs { container: Some("lxc".into()), ..inside() }), container("lxc"));
        let codespaces = Signs { codespaces: true, dockerenv: true, ..inside() };
        assert_eq!(place(&codespaces), container("codespaces"));
    }
}
