//! Task 6.4: limits and devices.

use super::{said, script, script_of_failures};
use coracle_testkit::{Failure, Outcome, Output, check};

pub(crate) fn limits_are_those_that_were_asked_for() -> Outcome {
    let out = script(
        "6.4",
        "bare --ulimit nofile=64:128 --ulimit core=0 rootfs \
             sh -c 'echo soft $(ulimit -S -n); echo hard $(ulimit -H -n); echo core $(ulimit -c)'",
    )?;
    let found = [said(&out, "soft"), said(&out, "hard"), said(&out, "core")];
    check(found == ["64", "128", "0"])
        .observed(format!("with `--ulimit nofile=64:128 --ulimit core=0`, ulimit says {found:?} (soft, hard, core)"))
        .means("the program opens more files than it may, or fewer than it was promised")
        .misconception(
            "a limit has two values: the soft one is in force, and the program may raise it up to the hard one by itself",
        )
}

pub(crate) fn a_device_that_was_asked_for_is_there() -> Outcome {
    let out = script(
        "6.4",
        r#"umask 077
        stat -L -c 'outside %F %t:%T' /dev/zero
        bare --device /dev/zero:/dev/my/zero --device /dev/null rootfs sh -c '
            stat -c "inside %F %t:%T" /dev/my/zero; stat -c "null %F %t:%T" /dev/null
            stat -c "folder %a" /dev/my
            echo bytes $(head -c 5 /dev/my/zero | wc -c)
            umask | sed "s/^/umask /"'"#,
    )?;
    check(said(&out, "inside") == said(&out, "outside") && !said(&out, "inside").is_empty())
        .observed(format!(
            "`--device /dev/zero:/dev/my/zero` gave {:?} inside; /dev/zero of the host is {:?}. {}",
            said(&out, "inside"),
            said(&out, "outside"),
            out.stderr.trim()
        ))
        .means("the program does not find the device that was asked for")
        .misconception(
            "a node is made of kind, major and minor number, at the inner path, with its directories",
        )?;
    check(said(&out, "folder") == "755")
        .observed(format!("with a umask of 077 outside, /dev/my has mode {:?}", said(&out, "folder")))
        .means("only root of the container gets to the device")
        .misconception(
            "the umask takes its bits away from directories, too: set it to 0 before the first of them",
        )?;
    check(said(&out, "umask") == "0077")
        .observed(format!("the umask was 0077 outside, and inside it is {:?}", said(&out, "umask")))
        .means("what was set for the engine's own files is now the program's")
        .misconception("the umask survives execve: put it back")?;
    check(said(&out, "bytes") == "5")
        .observed(format!("reading five bytes of /dev/my/zero gave {:?}", said(&out, "bytes")))
        .means("the node is there, and the device behind it cannot be used")
        .misconception(
            "the group must allow what was asked for, each rule in a write of its own; and the mount must not be nodev",
        )
}

/// A node that is not a device of this machine: opening it gives ENXIO where a group allows it, EPERM where it does not.
const NODES: &str = "umask 077; mknod one c 121 1; chmod 640 one; chown 7:8 one";

pub(crate) fn a_node_has_the_mode_and_the_owner_of_the_hosts() -> Outcome {
    let out = script(
        "6.4",
        &format!(
            r#"{NODES}
            bare --device /dev/zero:/dev/my/zero --device $PWD/one:/dev/one rootfs sh -c '
                stat -c "zero %a" /dev/my/zero; stat -c "one %u:%g %a" /dev/one'"#
        ),
    )?;
    check(said(&out, "zero") == "666")
        .observed(format!("with a umask of 077 outside, /dev/my/zero has mode {:?}", said(&out, "zero")))
        .means("only root of the container can use the device")
        .misconception("the umask takes its bits away from mknod's mode: set it to 0 for this moment")?;
    check(said(&out, "one") == "7:8 640")
        .observed(format!(
            "the host's node has owner and mode 7:8 640, the container's {:?}",
            said(&out, "one")
        ))
        .means("those who may use the device outside may not use it inside")
        .misconception("mknod makes the caller the owner: chown comes after it")
}

/// Paths of the image that mean something else than they say: a link to the host, a node that is there already.
pub(crate) fn no_device_is_made_where_the_image_leads() -> Outcome {
    let out = script_of_failures(
        r#"mkdir host; ln -s "$PWD/host" rootfs/linked
        bare --device /dev/zero:/linked/deep/zero rootfs echo linked ran
        find host -mindepth 1 | sed 's/^/leaked /'
        bare --device /dev/zero:/dev/null rootfs echo other ran"#,
    )?;
    let last = out.stderr.lines().last().unwrap_or_default();
    check(said(&out, "leaked").is_empty() && said(&out, "linked").is_empty())
        .observed(format!(
            "the image's `/linked` is a link to a directory of the host, and `--device /dev/zero:/linked/deep/zero` made \
             `{}` there",
            out.stdout.lines().filter_map(|line| line.strip_prefix("leaked ")).collect::<Vec<_>>().join("`, `")
        ))
        .means("an image decides where on the host root makes directories and devices")
        .misconception(
            "`create_dir_all` and `mknod` follow links, and the root has not been changed yet: make one directory after \
             the other, with `sys::mount_point`",
        )?;
    check(said(&out, "other").is_empty() && last.contains("EEXIST"))
        .observed(format!(
            "/dev/null of the container is there already, and is not /dev/zero: `--device /dev/zero:/dev/null` said \
             {last:?}, and the program {}",
            if said(&out, "other").is_empty() { "did not run" } else { "ran" }
        ))
        .means("the program opens another device than the one that was asked for")
        .misconception("EEXIST is fine only for the same device: compare kind, major and minor")
}

pub(crate) fn devices_are_the_hosts_own_where_mknod_is_forbidden() -> Outcome {
    let out = script(
        "6.4",
        r#"CH=$CH06; box() { unshare -Ur "$CH" "$@" || code=$?; echo "status ${code:-0}"; code=; }
        bare --device /dev/zero:/dev/my/zero:r rootfs sh -c 'stat -c "inside %t:%T" /dev/my/zero; echo bytes $(head -c 5 /dev/my/zero | wc -c)'"#,
    )?;
    check(said(&out, "inside") == "1:5" && said(&out, "bytes") == "5")
        .observed(format!(
            "for root of a user namespace, /dev/my/zero is {:?}, and {:?} bytes could be read",
            said(&out, "inside"),
            said(&out, "bytes")
        ))
        .means("an ordinary user's containers get no devices")
        .misconception(
            "root in a user namespace may make no nodes: bind the host's node onto an empty file instead",
        )
}

/// One device allowed for reading, and a node that the container makes itself.
fn two_nodes() -> Result<Output, Failure> {
    script(
        "6.4",
        &format!(
            r#"{NODES}
            bare --device $PWD/one:/dev/one:r rootfs sh -c '
                echo read $(cat /dev/one 2>&1)
                echo write $( (echo > /dev/one) 2>&1)
                mknod /two c 121 2 && echo made; mknod /disk b 121 2
                echo two $(cat /two 2>&1)
                echo disk $(cat /disk 2>&1)
                echo null $( (echo > /dev/null) 2>&1 && echo fine)
                echo tty $( (exec 3<>/dev/ptmx) 2>&1 && echo fine)'"#
        ),
    )
}

fn a_node_can_be_made_and_not_opened() -> Outcome {
    let out = two_nodes()?;
    let allowed = |word: &str| said(&out, word).contains("No such device");
    let refused = |word: &str| said(&out, word).contains("not permitted");
    check(out.stdout.lines().any(|line| line == "made"))
        .observed(format!("`mknod /two c 121 2` inside failed: {}", out.stderr.trim()))
        .means("packages that bring device nodes cannot be installed in the container")
        .misconception(
            "Docker allows every node to be made (`c *:* m`), and only the harmless ones to be opened",
        )?;
    check(said(&out, "null") == "fine" && said(&out, "tty") == "fine")
        .observed(format!(
            "writing to /dev/null: {:?}; opening /dev/ptmx: {:?}",
            said(&out, "null"),
            said(&out, "tty")
        ))
        .means("the devices that every container has cannot be used")
        .misconception("each rule needs a write of its own, and the default ones belong to the list")?;
    for (word, path) in [("two", "/two (c 121:2)"), ("disk", "/disk (b 121:2)")] {
        check(refused(word))
            .observed(format!("reading {path}, a node that the container has made, was answered {:?}", said(&out, word)))
            .means("whoever can make a node can read every disk of the machine: nobody asks the device group")
            .misconception(
                "a group begins with what its parent may, and that is everything: forbid all first, then allow what is on \
                 the list",
            )?;
    }
    check(allowed("read") && refused("write"))
        .observed(format!(
            "`--device one:/dev/one:r`: reading was answered {:?} (there is no such hardware, so ENXIO is right), writing \
             {:?}",
            said(&out, "read"),
            said(&out, "write")
        ))
        .means("the letters r, w and m are not what the group was told")
        .misconception("the access is a part of the rule: `c 121:1 r`")
}

pub(crate) fn a_node_can_be_made_and_not_opened_on_version_1() -> Outcome {
    a_node_can_be_made_and_not_opened()
}

pub(crate) fn a_node_can_be_made_and_not_opened_on_version_2() -> Outcome {
    a_node_can_be_made_and_not_opened()
}
