//! The milestone's command line: the flags of `docker run` that this chapter is about.

use coracle_ground::sys::FilterInstruction;
use coracle_privileges::{
    CapabilitySet, Device, DeviceRequest, Filter, Limit, Privileges, Seccomp, SecurityOptions, filter_for,
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
                     [--filter FILE] [--look] ROOTFS COMMAND…";

/// The flags as they were written.
#[derive(Default)]
struct Words {
    add: Vec<String>,
    drop: Vec<String>,
    options: Vec<String>,
    limits: Vec<String>,
    devices: Vec<String>,
    user: Option<String>,
    filter: Option<String>,
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
            "--filter" => words.filter = Some(value.clone()),
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
        let filter = match &self.filter {
            Some(file) => Some(compiled(file)?),
            None => {
                let profile = options.seccomp.unwrap_or(default).profile().map_err(|error| text(&error))?;
                let filter = profile.map(|profile| filter_for(&profile, capabilities)).transpose();
                filter.map_err(|error| text(&error))?
            }
        };
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
            privileges: Privileges { capabilities, no_new_privileges: options.no_new_privileges, filter },
            limits,
            devices,
            user: self.user.map(|word| user(&word)).transpose()?,
            root,
            argv,
        })
    }
}

/// `--filter`: a program that is compiled already, in place of a profile, in the form that libseccomp writes and
/// bubblewrap reads: 8 bytes an instruction. So the order of the last steps can be tried before a compiler is there.
fn compiled(file: &str) -> Result<Filter, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read the filter `{file}`: {error}"))?;
    if bytes.is_empty() || bytes.len() % 8 != 0 {
        return Err(format!("`{file}` is no filter: its length is not a multiple of 8 bytes"));
    }
    let instruction = |i: &[u8]| FilterInstruction {
        code: u16::from_ne_bytes([i[0], i[1]]),
        jt: i[2],
        jf: i[3],
        k: u32::from_ne_bytes([i[4], i[5], i[6], i[7]]),
    };
    Ok(bytes.chunks_exact(8).map(instruction).collect())
}

/// `1000` or `1000:1000`: numbers only; names are chapter 4's.
fn user(word: &str) -> Result<(u32, u32), String> {
    let (uid, gid) = word.split_once(':').unwrap_or((word, "0"));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) => Ok((uid, gid)),
        _ => Err(format!("`--user {word}`: write UID[:GID], as numbers")),
    }
}
