//! The values of `run`'s flags, checked while they are parsed. The rules and most words are Docker's.

use crate::container::{Network, Tmpfs, flag};

/// A container's name.
pub(super) fn name(text: &str) -> Result<String, String> {
    let mut letters = text.bytes();
    let first = letters.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = letters.len() > 0 && letters.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    let wrong = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, two or more of them";
    if first && rest { Ok(text.to_owned()) } else { Err(format!("invalid container name ({text}), {wrong}")) }
}

/// A host name: the kernel keeps 64 bytes, DNS has rules for the rest.
pub(super) fn hostname(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let valid = text.len() <= 63 && text.split('.').all(label);
    if valid { Ok(text.to_owned()) } else { Err(format!("invalid hostname format: {text}")) }
}

/// `none` or `host`; everything else needs what chapter 10 builds.
pub(super) fn network(text: &str) -> Result<Network, String> {
    match text {
        "none" => Ok(Network::None),
        "host" => Ok(Network::Host),
        _ => Err(format!("the network `{text}` comes with chapter 10; until then it is `none` or `host`")),
    }
}

/// Whose namespace a container uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    /// Its own.
    Private,
    /// The host's.
    Host,
}

/// `--pid` and `--uts`: nothing, or `host`.
pub(super) fn pid_or_uts(text: &str) -> Result<Mode, String> {
    match text {
        "" => Ok(Mode::Private),
        "host" => Ok(Mode::Host),
        _ if text.starts_with("container:") => {
            Err(format!("`{text}` comes with chapter 12; until then it is `host`"))
        }
        _ => Err(format!("invalid mode: {text}, it can only be `host`")),
    }
}

/// `--ipc`: like the others; and `private`, which is what everybody gets.
pub(super) fn ipc(text: &str) -> Result<Mode, String> {
    match text {
        "private" => Ok(Mode::Private),
        "shareable" | "none" => {
            Err(format!("`{text}` comes with chapter 12; until then it is `private` or `host`"))
        }
        _ => pid_or_uts(text),
    }
}

/// `PATH[:OPTIONS]`. Docker's own options come first, so that the user's win.
pub(super) fn tmpfs(text: &str) -> Result<Tmpfs, String> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    if !target.starts_with('/') {
        return Err(format!("invalid mount path: '{target}' mount path must be absolute"));
    }
    if std::path::Path::new(target).components().count() < 2 || target.split('/').any(|part| part == "..") {
        return Err(format!("invalid mount path: '{target}' must be a directory below '/'"));
    }
    let mut all = vec!["noexec", "nosuid", "nodev"];
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let key = option.split('=').next().unwrap_or(option);
        if flag(option).is_none() && !TMPFS_KEYS.contains(&key) {
            return Err(format!("invalid tmpfs option `{option}`"));
        }
        all.push(option);
    }
    Ok(Tmpfs { target: target.to_owned(), options: all.join(",") })
}

/// The options that tmpfs(5) itself understands.
const TMPFS_KEYS: &[&str] = &["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

/// `NAME=value`, or a NAME whose value is the engine's own.
pub(super) fn variable(text: &str) -> Result<String, String> {
    match text.split('=').next() {
        None | Some("") => Err(format!("invalid environment variable: {text}")),
        _ => Ok(text.to_owned()),
    }
}

/// An absolute path inside the container.
pub(super) fn workdir(text: &str) -> Result<String, String> {
    let wrong = "is invalid, it needs to be an absolute path";
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err(format!("the working directory '{text}' {wrong}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hostnames_and_directories() {
        for good in ["ab", "web-1", "a.b_c", "1a"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "-ab", "a b", "a/b", "é1"] {
            assert!(name(bad).is_err(), "{bad}");
        }
        for good in ["web", "web-1.example.org", "a_b"] {
            assert!(hostname(good).is_ok(), "{good}");
        }
        for bad in ["", "-web", "web-", "a..b", "a b", &"a".repeat(64)] {
            assert!(hostname(bad).is_err(), "{bad}");
        }
        assert!(workdir("/srv").is_ok() && workdir("srv").is_err() && workdir("").is_err());
    }

    #[test]
    fn tmpfs_takes_dockers_options() {
        let options = |text| tmpfs(text).map(|tmpfs| tmpfs.options);
        assert_eq!(options("/run"), Ok("noexec,nosuid,nodev".to_owned()));
        assert_eq!(options("/run:exec,size=64m"), Ok("noexec,nosuid,nodev,exec,size=64m".to_owned()));
        for bad in ["run", "/", "//", "/a/../b", "", "/run:sizes=1", "/run:bind"] {
            assert!(options(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_of_later_chapters_are_named_as_such() {
        assert_eq!(network("none"), Ok(Network::None));
        assert!(network("bridge").is_err_and(|error| error.contains("chapter 10")));
    }
}
