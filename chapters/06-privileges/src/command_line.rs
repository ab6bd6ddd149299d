//! The milestone's command line: the flags of `docker run` that this chapter is about.

use coracle_privileges::{
    CapabilitySet, Device, DeviceRequest, Limit, Privileges, Seccomp, SecurityOptions, filter_for,
    impossible, wanted,
};
use std::path::PathBuf;

/// What the command line asks for, checked, and made ready on the host's side.
pub(crate) struct Plan {
    pub(crate) privileged: bool,
    /// Print what the kernel says before the program begins.
    pub(crate) look: bool,
    pub(crate) privileges: Privileges,
    pub(crate) limits: Vec<Limit>,
    pub(crate) devices: Vec<Device>,
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) root: PathBuf,
    pub(crate) argv: Vec<String>,
}

const USAGE: &str = "usage: ch06 [--cap-add NAME]… [--cap-drop NAME]… [--privileged] [--security-opt OPTION]… \
                     [--ulimit NAME=SOFT[:HARD]]… [--device HOST[:INSIDE[:rwm]]]… [--user UID[:GID]] \
                     [--look] ROOTFS COMMAND…";

/// The flags as they were written.
#[derive(Default)]
struct Words {
    add: Vec<String>,
    drop: Vec<String>,
    options: Vec<String>,
    limits: Vec<String>,
    devices: Vec<String>,
    user: Option<String>,
    privileged: bool,
    look: bool,
}

/// Reads the command line. The error is one sentence.
pub(crate) fn parse(args: &[String]) -> Result<Plan, String> {
    let mut words = Words::default();
    let mut rest = args;
    while let [flag, after @ ..] = rest {
        if !flag.starts_with("--") {
            break;
        }
        if flag == "--privileged" || flag == "--look" {
            words.privileged |= flag == "--privileged";
            words.look |= flag == "--look";
            rest = after;
            continue;
        }
        let [value, after @ ..] = after else { return Err(USAGE.into()) };
        match flag.as_str() {
            "--cap-add" => words.add.push(value.clone()),
            "--cap-drop" => words.drop.push(value.clone()),
            "--security-opt" => words.options.push(value.clone()),
            "--ulimit" => words.limits.push(value.clone()),
            "--device" => words.devices.push(value.clone()),
            "--user" => words.user = Some(value.clone()),
            _ => return Err(USAGE.into()),
        }
        rest = after;
    }
    match rest {
        [root, argv @ ..] if !argv.is_empty() => words.into_plan(root.into(), argv.to_vec()),
        _ => Err(USAGE.into()),
    }
}

impl Words {
    /// Gives the words their meaning.
    fn into_plan(self, root: PathBuf, argv: Vec<String>) -> Result<Plan, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let available = CapabilitySet::available().map_err(|error| text(&error))?;
        let capabilities =
            wanted(&self.add, &self.drop, self.privileged, available).map_err(|error| text(&error))?;
        let options = SecurityOptions::parse(&self.options).map_err(|error| text(&error))?;
        let default = if self.privileged { Seccomp::Unconfined } else { Seccomp::Default };
        let profile = options.seccomp.unwrap_or(default).profile().map_err(|error| text(&error))?;
        let filter = profile.map(|profile| filter_for(&profile, capabilities)).transpose();
        let parse_limit = |word: &String| Limit::parse(word).map_err(|error| text(&error));
        let limits = self.limits.iter().map(parse_limit).collect::<Result<Vec<_>, _>>()?;
        if let Some(refused) = impossible(&limits).map_err(|error| text(&error))? {
            return Err(text(&refused));
        }
        let mut devices = Vec::new();
        for word in &self.devices {
            let found = DeviceRequest::parse(word).and_then(|request| request.find());
            devices.extend(found.map_err(|error| text(&error))?);
        }
        Ok(Plan {
            privileged: self.privileged,
            look: self.look,
            privileges: Privileges {
                capabilities,
                no_new_privileges: options.no_new_privileges,
                filter: filter.map_err(|error| text(&error))?,
            },
            limits,
            devices,
            user: self.user.map(|word| user(&word)).transpose()?,
            root,
            argv,
        })
    }
}

/// `1000` or `1000:1000`: numbers only; names are chapter 4's.
fn user(word: &str) -> Result<(u32, u32), String> {
    let (uid, gid) = word.split_once(':').unwrap_or((word, "0"));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) => Ok((uid, gid)),
        _ => Err(format!("`--user {word}`: write UID[:GID], as numbers")),
    }
}
