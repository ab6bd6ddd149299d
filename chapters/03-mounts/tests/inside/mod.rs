//! What the tests of chapter 3 share: a container to look into, and how its answers are read.

pub(crate) mod dev;
pub(crate) mod sys;

use coracle_testkit::{Failure, Outcome, Output, World, check};

/// One line of mountinfo, as the container's kernel wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    /// The whole line.
    pub(crate) line: String,
    /// Which filesystem it is: `0:45`, the same number in all namespaces.
    pub(crate) device: String,
    /// The directory of that filesystem that is seen here.
    pub(crate) root: String,
    /// Where it is mounted.
    pub(crate) path: String,
    /// The mount's own flags: `ro,nosuid`.
    pub(crate) options: String,
    /// The kind of filesystem.
    pub(crate) filesystem: String,
}

impl Mount {
    /// Is this flag set?
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.options.split(',').any(|option| option == flag)
    }

    /// Nothing in it can be executed, be a device, or raise privileges.
    pub(crate) fn is_harmless(&self) -> bool {
        ["nosuid", "nodev", "noexec"].iter().all(|flag| self.has(flag))
    }
}

/// Runs the script `inside` with the shell of a container, which must start. The host's shell runs `before` and
/// `after` in the same world.
pub(crate) fn container(
    before: &str,
    options: &[&str],
    inside: &str,
    after: &str,
) -> Result<Output, Failure> {
    let script = format!("{before}\nstatus=0; \"$@\" || status=$?\n{after}\nexit $status");
    let shell = ["/bin/sh", "-ec", &script, "sh", crate::BIN];
    let command = ["rootfs", "/bin/sh", "-c", inside];
    let out = World::new().run([&shell[..], options, &command[..]].concat())?;
    started(&out)?;
    Ok(out)
}

/// Did the container start at all? 125 says that ch03 failed before the program began.
pub(crate) fn started(out: &Output) -> Outcome {
    began(&out.status().to_string(), &out.stderr)
}

/// The same, of a status and what was written to standard error.
pub(crate) fn began(status: &str, stderr: &str) -> Outcome {
    let line = stderr.lines().find(|line| line.starts_with("ch03: ")).unwrap_or(stderr.trim());
    check(status != "125")
        .observed(format!("ch03 ended with 125 before the program began: `{line}`"))
        .means("the kernel refused one of the steps, and the container was never made")
        .misconception(usual_reason(line))
}

/// What usually leads to this answer of the kernel.
fn usual_reason(line: &str) -> &'static str {
    let is = |words: &[&str]| words.iter().all(|word| line.contains(word));
    if is(&["pivot_root", "EINVAL"]) {
        "pivot_root() exchanges two mounts, and a directory is none: bind the new root onto itself first \
         (or the mounts are still shared: task 2.2)"
    } else if is(&["umount", "EBUSY"]) {
        "the old root is in use as long as anything is mounted below it or stands in it: MNT_DETACH takes \
         it out now, and the kernel lets it go when the last user does"
    } else if is(&["mknod", "EPERM"]) {
        "root in a user namespace is root over what belongs to that namespace, and devices belong to the \
         machine: bind the host's node onto an empty file"
    } else if is(&["(bind)", "ENOTDIR"]) {
        "a file can be mounted on a file only, and a directory on a directory: `/dev/null` cannot cover a \
         directory, an empty tmpfs can"
    } else if is(&["open `", "ENOENT"]) || is(&["open `", "ENOTDIR"]) {
        "no kernel has all of these paths: where there is nothing, there is nothing to hide"
    } else {
        "the line names the call, what it was about, and the errno: look that errno up in the call's man page"
    }
}

/// The container's mounts, out of what its `cat /proc/self/mountinfo` printed.
pub(crate) fn mounts(out: &Output) -> Result<Vec<Mount>, Failure> {
    let mounts: Vec<Mount> = out.stdout.lines().filter_map(parse).collect();
    check(!mounts.is_empty())
        .observed(format!("there is no `/proc/self/mountinfo` in the container: {}", out.stderr.trim()))
        .means("`/proc`, `/dev` and `/sys` were mounted below the new root, and are not there now")
        .misconception(
            "a bind shows the directory alone; what is mounted below it comes along only with MS_REC",
        )?;
    Ok(mounts)
}

/// `36 35 0:29 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw`; any other line is none of the kernel's.
fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut fields = left.split(' ').skip(2).map(String::from);
    Some(Mount {
        line: line.to_string(),
        device: fields.next()?,
        root: fields.next()?,
        path: fields.next()?,
        options: fields.next()?,
        filesystem: right.split(' ').next()?.to_string(),
    })
}

/// What stands after `word` at the beginning of a line of standard output; empty when there is no such line.
pub(crate) fn said(out: &Output, word: &str) -> String {
    let after = |line: &str| {
        line.strip_prefix(word)
            .filter(|rest| rest.is_empty() || rest.starts_with(' '))
            .map(str::trim)
            .map(String::from)
    };
    out.stdout.lines().find_map(after).unwrap_or_default()
}
