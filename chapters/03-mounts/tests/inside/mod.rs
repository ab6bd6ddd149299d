//! What the tests of chapter 3 share: a container to look into, and how its answers are read.

pub(crate) mod dev;
mod setup;
pub(crate) mod sys;

pub(crate) use coracle_testkit::said;
use coracle_testkit::{Failure, Output, World, check};
pub(crate) use setup::began;
use setup::in_the_new_root;

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

/// Runs the script `inside` with the shell of a container, which must start; before it, the container prints its
/// mountinfo. The host's shell runs `before` and `after` in the same world. `task` is the one that the test is about.
pub(crate) fn container(
    task: &str,
    before: &str,
    options: &[&str],
    inside: &str,
    after: &str,
) -> Result<Output, Failure> {
    started_by(&[], task, before, options, inside, after)
}

/// The same, for root in a user namespace of its own: what an ordinary user has.
pub(crate) fn container_of_a_user(
    task: &str,
    before: &str,
    inside: &str,
    after: &str,
) -> Result<Output, Failure> {
    started_by(&["unshare", "-Ur"], task, before, &[], inside, after)
}

fn started_by(
    launcher: &[&str],
    task: &str,
    before: &str,
    options: &[&str],
    inside: &str,
    after: &str,
) -> Result<Output, Failure> {
    let script = format!("{before}\nstatus=0; \"$@\" || status=$?\n{after}\nexit $status");
    let inside = format!("cat /proc/self/mountinfo; {inside}");
    let shell = ["/bin/sh", "-ec", &script, "sh"];
    let command = ["rootfs", "/bin/sh", "-c", &inside];
    let out = World::new().run([&shell[..], launcher, &[crate::BIN], options, &command].concat())?;
    began(task, &out.status().to_string(), &out.stderr)?;
    if task != "3.1" {
        in_the_new_root(&out)?;
    }
    Ok(out)
}

/// The container's mounts, out of the mountinfo that it printed.
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
