//! When the container does not start, or not in its root: which task that is, and what usually leads there.

use super::parse;
use coracle_testkit::{LOOK_IT_UP, Outcome, Output, check, not_reached};

/// Did the container start at all? 125 says that ch03 failed before the program began. A test about another task
/// than the one whose step failed says that it was not reached, and accuses nobody.
pub(crate) fn began(task: &str, status: &str, stderr: &str) -> Outcome {
    let line = stderr.lines().find(|line| line.starts_with("ch03: ")).unwrap_or(stderr.trim());
    let not_found = status == "127" && line.starts_with("ch03: ");
    let fine = status != "125" && !not_found;
    let guilty = if not_found { "3.1" } else { task_of(line).unwrap_or(task) };
    if guilty != task {
        return not_reached(fine, guilty, line);
    }
    let how = if not_found { "did not find the program" } else { "ended with 125 before the program began" };
    check(fine)
        .observed(format!("ch03 {how}: `{line}`"))
        .means(if not_found {
            "`/` inside is not the new root, which has that program: is the process in it?"
        } else {
            "the kernel refused one of the steps, and the container was never made"
        })
        .misconception(if not_found {
            "`.` is where the process stands when the call is made: before pivot_root(\".\", \".\") it must \
             be chdir()ed into the new root"
        } else {
            usual_reason(line)
        })
}

/// Whose step is it, by the call in the message?
fn task_of(line: &str) -> Option<&'static str> {
    let steps = [
        ("pivot_root", "3.1"),
        ("umount `", "3.1"),
        ("chdir to", "3.1"),
        ("rootfs` (bind)", "3.1"),
        ("/proc/self/fd/", "3.3"),
        ("rootfs/dev", "3.2"),
        ("devpts", "3.2"),
        ("rootfs/sys", "3.3"),
        ("cgroup", "3.3"),
        ("ch03: open `", "3.3"),
        ("mount `/` again", "3.4"),
    ];
    steps.into_iter().find(|(words, _)| line.contains(words)).map(|(_, task)| task)
}

/// What usually leads to this answer of the kernel.
fn usual_reason(line: &str) -> &'static str {
    let is = |words: &[&str]| words.iter().all(|word| line.contains(word));
    if is(&["pivot_root", "EINVAL"]) || is(&["pivot_root", "EBUSY"]) {
        "pivot_root() exchanges two mounts, and a directory is none: bind the new root onto itself first \
         (or the mounts are still shared: task 2.2)"
    } else if is(&["umount", "EBUSY"]) {
        "the old root is in use as long as anything is mounted below it or stands in it: MNT_DETACH takes \
         it out now, and the kernel lets it go when the last user does"
    } else if is(&["mknod", "EPERM"]) {
        "root in a user namespace is root over what belongs to that namespace, and devices belong to the \
         machine: bind the host's node onto an empty file"
    } else if is(&["devpts", "EINVAL"]) {
        "group 5 is not mapped in this user namespace: then the same options without `gid=5`"
    } else if is(&["`/dev/null`", "ENOENT"]) {
        "there is no `/dev/null` to mount over a masked file: make_dev, task 3.2, makes it"
    } else if is(&["(bind)", "ENOTDIR"]) {
        "a file can be mounted on a file only, and a directory on a directory: `/dev/null` cannot cover a \
         directory, an empty tmpfs can"
    } else if is(&["open `", "ENOENT"]) || is(&["open `", "ENOTDIR"]) {
        "no kernel has all of these paths: where there is nothing, there is nothing to hide"
    } else if is(&["rootfs/sys/fs", "ENOENT"]) {
        "nothing was mounted on `/sys`, and so there is no `fs/cgroup` in it: that is mount_sys, which is \
         called first"
    } else if is(&["again with", "EPERM"]) {
        "a mount or a remount sets exactly the flags that are named; one that is left out is taken away, and in a \
         user namespace that is refused when it came from outside"
    } else if is(&["rootfs/sys", "EPERM"]) {
        "in a user namespace a weaker sysfs than the host's is refused: name all four flags, and where even \
         that is refused, bind the host's `/sys`"
    } else {
        LOOK_IT_UP
    }
}

/// Is the program in the new root, and the host's not on top of it? Else what it says is about the host.
pub(crate) fn in_the_new_root(out: &Output) -> Outcome {
    let mounts: Vec<_> = out.stdout.lines().filter_map(parse).collect();
    // Two of the same directory are no harm: a bind of the root onto itself.
    let roots = mounts.iter().filter(|mount| mount.path == "/").map(|mount| (&mount.device, &mount.root));
    let roots = roots.collect::<std::collections::BTreeSet<_>>().len();
    let host = mounts.iter().find(|mount| mount.path.ends_with("/rootfs/proc"));
    check(!mounts.is_empty())
        .observed("not reached: the container has no `/proc/self/mountinfo` to read")
        .means("this says nothing about this task yet")
        .misconception(
            "`/proc` was mounted below the root and did not come along: see what is said about task 3.1",
        )?;
    check(roots == 1 && host.is_none())
        .observed(format!(
            "not reached: the program is not in a root of its own. It sees {roots} different mounts on `/`{}",
            host.map(|mount| format!(", and the host's `{}`", mount.path)).unwrap_or_default()
        ))
        .means("this says nothing about this task yet")
        .misconception("pivot_into, task 3.1, comes first: see what is said about it")
}
