//! `--security-opt`: which of the chapter's protections are asked for.

use crate::seccomp::Profile;
use crate::{CapabilitySet, Filter, Refused, compile};
use coracle_ground::Result;
use std::path::PathBuf;

/// Which system calls a container may make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// Those of Docker's default profile.
    #[default]
    Default,
    /// All: `seccomp=unconfined`, and `--privileged`.
    Unconfined,
    /// Those of the profile in this file.
    File(PathBuf),
}

/// What the `--security-opt` of one command say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityOptions {
    /// `no-new-privileges`.
    pub no_new_privileges: bool,
    /// `seccomp=…`; `None` when nothing was said of it.
    pub seccomp: Option<Seccomp>,
}

impl SecurityOptions {
    /// Reads them. Both `name=value` and `name:value`, as in Docker; the last one of a name wins.
    ///
    /// # Errors
    /// An option that does not exist, or that needs something this project leaves out (AppArmor, SELinux).
    pub fn parse(options: &[String]) -> std::result::Result<SecurityOptions, Refused> {
        let mut all = SecurityOptions::default();
        for option in options {
            let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
            let has_value = option.len() > name.len();
            match (name, value) {
                ("no-new-privileges", "true") => all.no_new_privileges = true,
                ("no-new-privileges", "false") => all.no_new_privileges = false,
                ("no-new-privileges", "") if !has_value => all.no_new_privileges = true,
                ("seccomp", "unconfined") => all.seccomp = Some(Seccomp::Unconfined),
                ("seccomp", "builtin") => all.seccomp = Some(Seccomp::Default),
                ("seccomp", file) if !file.is_empty() => all.seccomp = Some(Seccomp::File(file.into())),
                ("apparmor" | "label", _) => {
                    return Err(Refused(format!(
                        "`--security-opt {option}`: AppArmor and SELinux labels are not part of this engine"
                    )));
                }
                _ => {
                    return Err(Refused(format!(
                        "`--security-opt {option}`: write no-new-privileges[=true|false] or \
                         seccomp=unconfined|builtin|FILE"
                    )));
                }
            }
        }
        Ok(all)
    }
}

impl Seccomp {
    /// The profile; `None` when there is to be none.
    ///
    /// # Errors
    /// The file cannot be read, or is no profile.
    pub fn profile(&self) -> std::result::Result<Option<Profile>, Refused> {
        match self {
            Seccomp::Default => Ok(Some(Profile::docker_default())),
            Seccomp::Unconfined => Ok(None),
            Seccomp::File(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Refused(format!("cannot read the seccomp profile `{name}`: {error}")))?;
                Profile::parse(&text, &name).map(Some)
            }
        }
    }
}

/// The filter of a profile for a container with these capabilities, on this machine and this kernel.
///
/// # Errors
/// Those of [`compile`].
pub fn filter_for(profile: &Profile, capabilities: CapabilitySet) -> Result<Filter> {
    let release = nix::sys::utsname::uname()
        .map_err(|errno| coracle_ground::Error::new("uname", errno))?
        .release()
        .to_string_lossy()
        .into_owned();
    compile(&profile.for_container(capabilities, crate::seccomp::Arch::HERE, &release))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> std::result::Result<SecurityOptions, Refused> {
        SecurityOptions::parse(&options.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_in_dockers_forms() {
        assert_eq!(parse(&[]).unwrap(), SecurityOptions::default());
        for on in ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"] {
            assert!(parse(&[on]).unwrap().no_new_privileges, "{on}");
        }
        assert!(!parse(&["no-new-privileges", "no-new-privileges=false"]).unwrap().no_new_privileges);
        let seccomp = |option: &str| parse(&[option]).unwrap().seccomp.unwrap();
        assert_eq!(seccomp("seccomp=unconfined"), Seccomp::Unconfined);
        assert_eq!(seccomp("seccomp:builtin"), Seccomp::Default);
        assert_eq!(seccomp("seccomp=/a:b.json"), Seccomp::File("/a:b.json".into()));
    }

    #[test]
    fn nonsense_is_refused() {
        for option in ["", "seccomp", "seccomp=", "no-new-privileges=yes", "no-new-privileges=", "privileged"]
        {
            let refused = parse(&[option]).expect_err(option).to_string();
            assert!(refused.starts_with(&format!("`--security-opt {option}`: write ")), "{refused}");
        }
        assert!(parse(&["apparmor=x"]).unwrap_err().to_string().contains("not part of this engine"));
        let missing = Seccomp::File("/no/such.json".into()).profile().map(drop).unwrap_err().to_string();
        assert!(
            missing.starts_with("cannot read the seccomp profile `/no/such.json`: No such file"),
            "{missing}"
        );
    }
}
