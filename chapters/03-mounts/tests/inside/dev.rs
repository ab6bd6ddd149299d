//! Task 3.2: what stands in the container's `/dev`, and whether it works.

use super::{Mount, container, container_of_a_user, mounts, said};
use coracle_mounts::{DEV_LINKS, DEVICES};
use coracle_testkit::{Outcome, Output, check};

pub(crate) fn devices_are_open_to_everybody_whatever_the_umask() -> Outcome {
    let out = container("3.2", "umask 077", &[], DEVICES_SCRIPT, "")?;
    for (name, major, minor) in DEVICES {
        let seen = said(&out, &format!("/dev/{name}"));
        check(seen.starts_with("character"))
            .observed(format!("`/dev/{name}` in the container: {}", seen_or_missing(&seen)))
            .means("programs that open it get no device")
            .misconception("a new `/dev` is empty: each device is made with mknod(), by its two numbers")?;
        check(seen.ends_with(&format!(" {major}:{minor}")))
            .observed(format!("`/dev/{name}` is {seen}, and should be device {major}:{minor}"))
            .means("it is another device under this name")
            .misconception(
                "the name says nothing to the kernel; the major and minor numbers say which device it is",
            )?;
        check(seen.contains(" 666 "))
            .observed(format!(
                "`/dev/{name}` is {seen}: mode, major and minor number, started with umask 077"
            ))
            .means("a program that is not root cannot use it")
            .misconception(
                "the kernel takes the bits of the umask away from the mode that mknod() is given, and the \
                 umask came with whoever started the engine: set it to 0 for this moment",
            )?;
    }
    umask_is_put_back(&out)?;
    devices_work(&out)
}

pub(crate) fn devices_are_the_hosts_own_where_mknod_is_forbidden() -> Outcome {
    let out = container_of_a_user("3.2", "umask 077", DEVICES_SCRIPT, "")?;
    for (name, major, minor) in DEVICES {
        let seen = said(&out, &format!("/dev/{name}"));
        check(seen.starts_with("character") && seen.ends_with(&format!(" {major}:{minor}")))
            .observed(format!("`/dev/{name}`, for root in a user namespace: {}", seen_or_missing(&seen)))
            .means("an ordinary user's container has no such device")
            .misconception("where mknod() answers EPERM, bind the host's node: its numbers come with it")?;
    }
    umask_is_put_back(&out)?;
    devices_work(&out)
}

/// Says of each device what it is, then uses some.
const DEVICES_SCRIPT: &str = "for d in null zero full random urandom tty; do
        test -e /dev/$d && stat -c '%n %F %a %t:%T' /dev/$d; done
    echo umask $(umask)
    echo x > /dev/null; echo null $(cat /dev/null | wc -c)
    echo zero $(head -c 4 /dev/zero | wc -c)
    (echo x > /dev/full) 2>/dev/null && echo full took it; true";

/// What `stat` said, or that there was nothing to say.
fn seen_or_missing(seen: &str) -> &str {
    if seen.is_empty() { "not there" } else { seen }
}

/// The umask belongs to the process, and goes on to the program.
fn umask_is_put_back(out: &Output) -> Outcome {
    let umask = said(out, "umask");
    check(umask.ends_with("077"))
        .observed(format!("ch03 was started with umask 0077, and the program in it runs with umask {umask}"))
        .means("each file that the program makes can be written by everybody")
        .misconception(
            "the umask belongs to the process and survives exec: sys::umask answers the old one, put it \
             back when the node is made",
        )
}

/// Writing to them and reading from them does what it should.
fn devices_work(out: &Output) -> Outcome {
    let (null, zero, full) = (said(out, "null"), said(out, "zero"), said(out, "full"));
    let wrong = [
        (null != "0", "what was written to `/dev/null` could be read again"),
        (zero != "4", "four bytes were to be read from `/dev/zero`, and were not"),
        (!full.is_empty(), "`/dev/full` took what was written to it, and should say that it is full"),
    ];
    let wrong: Vec<_> = wrong.into_iter().filter(|(bad, _)| *bad).map(|(_, what)| what).collect();
    check(wrong.is_empty())
        .observed(format!("{}; the kernel said: {}", wrong.join("; "), out.stderr.trim()))
        .means("the nodes are there, and the devices behind them cannot be used")
        .misconception(
            "a mount with `nodev` makes every node below it useless; `/dev` is one that must not have it",
        )
}

pub(crate) fn terminals_shared_memory_and_queues_are_its_own() -> Outcome {
    let out = container(
        "3.2",
        "",
        &[],
        "stat -c '%n %a' /dev /dev/shm /dev/pts/ptmx; echo names $(ls /dev)
        for l in fd stdin stdout stderr ptmx core; do echo link-$l $(readlink /dev/$l); done
        (exec 3<>/dev/ptmx && echo terminals $(ls /dev/pts))",
        "",
    )?;
    let mounts = mounts(&out)?;
    only_the_container_s_names(&said(&out, "names"))?;
    for (name, target) in DEV_LINKS {
        let reads = said(&out, &format!("link-{name}"));
        check(reads == target)
            .observed(format!("the link `/dev/{name}` reads {reads:?}, and should read {target:?}"))
            .means(format!("what opens `/dev/{name}` finds nothing, or the wrong thing"))
            .misconception(
                "a link is only text, and is read when somebody follows it: inside, where `/` is the new \
                 root",
            )?;
    }
    let hosts = std::fs::read_to_string("/proc/self/mountinfo")?;
    for (path, filesystem) in [("/dev/pts", "devpts"), ("/dev/shm", "tmpfs"), ("/dev/mqueue", "mqueue")] {
        let found = mounts.iter().rev().find(|mount| mount.path == path);
        let line = found.map_or("not there", |mount| mount.line.as_str());
        let is_hosts =
            |mount: &&Mount| hosts.lines().any(|line| line.split(' ').nth(2) == Some(&mount.device));
        check(found.filter(|m| m.filesystem == filesystem && !is_hosts(m)).is_some())
            .observed(format!("the mount on `{path}` is `{line}`"))
            .means(format!(
                "the container has no {filesystem} of its own: what is in it is the host's, or nobody's"
            ))
            .misconception(
                "each mount of devpts, tmpfs or (in a new IPC namespace) mqueue is a new, empty one; a \
                 bind is the host's",
            )?;
    }
    flags_and_sizes(&mounts)?;
    let mode = said(&out, "/dev");
    check(mode == "755")
        .observed(format!("`/dev` has mode {mode}, and should have 755"))
        .means("every user of the container can put files into `/dev`")
        .misconception("a new tmpfs has mode 1777, as `/tmp`, unless the option `mode=755` says otherwise")?;
    let mode = said(&out, "/dev/shm");
    check(mode == "1777")
        .observed(format!("`/dev/shm` has mode {mode}"))
        .means("not every user of the container can share memory there, or one can delete another's")
        .misconception(
            "a directory for everybody needs mode 1777: the 1, the sticky bit, protects one user's files \
             from the others",
        )?;
    let mode = said(&out, "/dev/pts/ptmx");
    check(mode == "666")
        .observed(format!("`/dev/pts/ptmx` has mode {mode}"))
        .means("nobody but root can open a terminal in the container")
        .misconception(
            "a new devpts makes its ptmx with mode 000, for the sake of old systems, unless \
             `ptmxmode=0666` says otherwise",
        )?;
    check(said(&out, "terminals") == "0 ptmx")
        .observed(format!(
            "after opening `/dev/ptmx`, `ls /dev/pts` prints {:?}; {}",
            said(&out, "terminals"),
            out.stderr
        ))
        .means(
            "a program in the container cannot have a terminal of its own: no `script`, no `ssh`, no \
             `docker exec -t`",
        )
        .misconception(
            "opening ptmx makes terminal 0 of the devpts that it belongs to; with MS_NODEV on that devpts, \
             its ptmx and its terminals are files that nobody can open",
        )
}

/// What the mounts in `/dev` must not allow, and how much memory they may take.
fn flags_and_sizes(mounts: &[Mount]) -> Outcome {
    let wanted: [(&str, &[&str]); 4] = [
        ("/dev", &["nosuid"]),
        ("/dev/pts", &["nosuid", "noexec"]),
        ("/dev/shm", &["nosuid", "nodev", "noexec"]),
        ("/dev/mqueue", &["nosuid", "nodev", "noexec"]),
    ];
    for (path, flags) in wanted {
        let options = mounts.iter().rev().find(|mount| mount.path == path).map_or("", |m| &m.options);
        let lacks = |flag: &&&str| !options.split(',').any(|option| option == **flag);
        let missing: Vec<&str> = flags.iter().filter(lacks).copied().collect();
        check(missing.is_empty())
            .observed(format!("`{path}` is mounted `{options}`, without {}", missing.join(",")))
            .means("a program there could raise privileges, be executed or be a device")
            .misconception("flags of a mount are no defaults: those that are not named are off")?;
    }
    let line = mounts.iter().rev().find(|mount| mount.path == "/dev/shm").map_or("", |m| &m.line);
    check(line.contains("size=65536k"))
        .observed(format!("`/dev/shm` has no limit of 64 MiB: `{line}`"))
        .means("one container may fill half of the machine's memory with files")
        .misconception("a tmpfs is memory, and takes up to half of it unless `size=` says less")
}

/// In `/dev` there is nothing but what Docker puts there, too.
fn only_the_container_s_names(names: &str) -> Outcome {
    let known = DEVICES.map(|(name, ..)| name).into_iter().chain(DEV_LINKS.map(|(name, _)| name));
    let known: Vec<&str> = known.chain(["pts", "shm", "mqueue"]).collect();
    let strange: Vec<&str> = names.split_whitespace().filter(|name| !known.contains(name)).collect();
    check(strange.is_empty())
        .observed(format!("in the container's `/dev` there is also {}", strange.join(", ")))
        .means("the container reaches devices of the machine: disks, memory, the kernel's log")
        .misconception(
            "the host's `/dev` holds far more than a program needs, and root opens all of it: make a new one",
        )
}
