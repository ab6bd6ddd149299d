//! Task 3.3: `/sys`, the cgroups, and the paths of `/proc` and `/sys` that a container may not see or change.

use super::{Mount, began, container, container_of_a_user, mounts, said};
use crate::BIN;
use coracle_mounts::{MASKED, READ_ONLY, cgroup_hierarchies};
use coracle_testkit::{Outcome, Output, World, check};

pub(crate) fn sys_and_cgroups_are_read_only() -> Outcome {
    let out = container("3.3", "", &[], SYS_SCRIPT, "")?;
    sys_is_safe(&out)
}

pub(crate) fn sys_is_the_hosts_where_a_new_one_is_forbidden() -> Outcome {
    // In a user namespace the kernel refuses a new sysfs where the old one is partly covered.
    let cover = "mount -t tmpfs cover /sys/kernel";
    sys_is_safe(&container_of_a_user("3.3", cover, SYS_SCRIPT, "umount /sys/kernel")?)
}

/// Tries to write where nothing may be written.
const SYS_SCRIPT: &str = "echo made $(mkdir /sys/fs/cgroup/new 2>&1 && echo it)";

fn sys_is_safe(out: &Output) -> Outcome {
    let mounts = mounts(out)?;
    let mut expected = vec![("/sys".to_string(), "sysfs".to_string())];
    let hierarchies = cgroup_hierarchies().unwrap_or_default();
    if hierarchies.iter().any(|hierarchy| !hierarchy.name.is_empty()) {
        expected.push(("/sys/fs/cgroup".to_string(), "tmpfs".to_string()));
    }
    for hierarchy in hierarchies {
        let path = format!("/sys/fs/cgroup/{}", hierarchy.name);
        expected.push((path.trim_end_matches('/').to_string(), hierarchy.filesystem));
    }
    let mut found = Vec::new();
    for (path, filesystem) in expected {
        let Some(mount) = mounts.iter().rev().find(|mount| mount.path == path) else {
            check(path != "/sys")
                .observed("nothing was mounted on `/sys`")
                .means("a program in the container finds no `/sys` at all")
                .misconception("`/sys` in an image is an empty directory: mount_sys mounts a sysfs on it")?;
            return check(false)
                .observed(format!("nothing is mounted on `{path}` in the container"))
                .means(format!(
                    "a program that looks for {filesystem} there, a Java runtime for its memory limit, \
                     finds nothing"
                ))
                .misconception(
                    "one mount of sysfs brings no cgroups with it: each hierarchy of the host is a mount \
                     of its own",
                );
        };
        // A bind with everything below it brings all that lay on this path: one mount, and the next one on top of it.
        let alone = path.strip_prefix("/sys/fs/cgroup/").is_none() || !covers_its_like(mount, &mounts);
        check(mount.filesystem == filesystem && mount.root == "/" && alone)
            .observed(format!(
                "`{path}` in the container is `{}`{}",
                mount.line,
                if alone { "" } else { ", and another mount lies below it, on the same path" }
            ))
            .means(format!("it is not a new mount of {filesystem} that begins at the container's own group"))
            .misconception(
                "a bind shows the host's mount, with the host's whole tree; a new mount made inside the \
                 cgroup namespace begins at the container's own group",
            )?;
        found.push(mount);
    }
    for mount in found {
        let path = &mount.path;
        check(mount.has("ro"))
            .observed(format!(
                "`{path}` is mounted `{}`, and not read-only{}",
                mount.options,
                if said(out, "made") == "it" { "; `mkdir /sys/fs/cgroup/new` made a directory" } else { "" }
            ))
            .means("root in the container can change the kernel's settings, or lift its own limits")
            .misconception(
                "a mount is writable unless MS_RDONLY is given, to each mount by itself: below a \
                 read-only one, another may be writable",
            )?;
        check(mount.is_harmless())
            .observed(format!("`{path}` is mounted `{}`, without all of nosuid,nodev,noexec", mount.options))
            .means("a file there could be executed, be a device, or raise privileges")
            .misconception(
                "a mount or a remount sets exactly the flags that are named; those that are left out are off",
            )?;
    }
    Ok(())
}

/// Does this mount lie on another one of the same path? The second field of a line in mountinfo is the id of the mount
/// below: proc_pid_mountinfo(5).
fn covers_its_like(mount: &Mount, mounts: &[Mount]) -> bool {
    let field = |mount: &Mount, number: usize| mount.line.split(' ').nth(number).map(str::to_string);
    let below = field(mount, 1);
    mounts.iter().any(|other| other.path == mount.path && field(other, 0) == below)
}

pub(crate) fn dangerous_paths_are_hidden_or_read_only() -> Outcome {
    let paths = [&MASKED[..], &READ_ONLY[..]].concat().join(" ");
    let script = format!(
        "echo file $(cat /etc/key); echo folder $(ls /etc/keys)
        for p in {paths}; do test -e $p && echo exists $p; done
        echo setting $( (echo 1 > /proc/sys/net/ipv4/ip_forward) 2>&1 && echo written)"
    );
    let image = "echo secret > rootfs/etc/key; mkdir rootfs/etc/keys; touch rootfs/etc/keys/one";
    let masks = ["/etc/key", "/etc/keys", "/etc/none", "/etc/none/deeper", "/etc/passwd/deeper"];
    let options = masks.map(|path| ["--mask", path]).concat();
    let out = container("3.3", image, &options, &script, "")?;
    let mounts = mounts(&out)?;
    let on = |path: &str| mounts.iter().rev().find(|mount| mount.path == path);
    check(said(&out, "file").is_empty() && said(&out, "folder").is_empty())
        .observed(format!(
            "behind two masks one can still read {:?} and {:?}",
            said(&out, "file"),
            said(&out, "folder")
        ))
        .means("what was to be hidden is not")
        .misconception(
            "a mask is a mount on top: `/dev/null` over a file, an empty tmpfs over a directory",
        )?;
    let options = on("/etc/keys").map_or("", |mount| &mount.options);
    check(options.split(',').any(|option| option == "ro"))
        .observed(format!("the tmpfs over the masked directory `/etc/keys` is mounted `{options}`"))
        .means("the program can put files of its own where the kernel's or the image's were")
        .misconception(
            "a mask shows nothing and takes nothing: the tmpfs over a directory needs MS_RDONLY",
        )?;
    let there: Vec<&str> = out.stdout.lines().filter_map(|line| line.strip_prefix("exists ")).collect();
    for path in MASKED.into_iter().filter(|path| there.contains(path)) {
        check(on(path).is_some())
            .observed(format!("`{path}` exists in the container and nothing is mounted on it"))
            .means("the program reads there what it should not know about the machine")
            .misconception(
                "`/proc` and `/sys` are not only about the container: each dangerous path is masked by \
                 itself",
            )?;
    }
    for path in READ_ONLY.into_iter().filter(|path| there.contains(path)) {
        let options = on(path).map_or("", |mount| mount.options.as_str());
        check(on(path).is_some_and(|mount| mount.has("ro")))
            .observed(match (options, said(&out, "setting").as_str()) {
                ("", _) => format!("nothing is mounted on `{path}`, so it is as writable as `/proc`"),
                (_, "written") => format!(
                    "`{path}` is mounted `{options}`, not read-only; a setting below `/proc/sys` was changed"
                ),
                _ => format!("`{path}` is mounted `{options}`, not read-only"),
            })
            .means("root in the container changes settings of the whole machine")
            .misconception(
                "MS_BIND | MS_RDONLY in one step is a bind that can be written: the kernel ignores all \
                 other flags of a new bind; a remount makes it read-only",
            )?;
        check(on(path).is_some_and(Mount::is_harmless))
            .observed(format!(
                "`{path}` is mounted `{options}`, and `/proc`, of which it is a part, has \
                 nosuid,nodev,noexec too"
            ))
            .means("making it read-only has taken other protections away")
            .misconception(
                "a remount sets exactly the flags that are named: first ask which ones the mount has, then \
                 add one",
            )?;
    }
    Ok(())
}

pub(crate) fn a_dev_that_is_a_link_is_refused() -> Outcome {
    links_are_refused(&["dev"])
}

/// With an image that has a link in one of these places, the container does not start.
fn links_are_refused(names: &[&str]) -> Outcome {
    let out = World::new().env("CH03", BIN).env("NAMES", &names.join(" ")).script(
        r#"mkdir elsewhere
        for name in $NAMES; do
            mv rootfs/$name rootfs/$name.away
            ln -s "$PWD/elsewhere" rootfs/$name
            status=0; "$CH03" rootfs /bin/true 2> complaint || status=$?
            echo "$name $status $(cat complaint)"
            rm rootfs/$name; mv rootfs/$name.away rootfs/$name
        done"#,
    )?;
    for name in names {
        let answer = said(&out, name);
        // make_dev is called first: when it fails by itself, the others are not reached.
        if *name != "dev" && answer.contains("rootfs/dev") {
            let (status, line) = answer.split_once(' ').unwrap_or_default();
            began("3.3", status, line)?;
        }
        let refused = ["125 ", "link", &format!("rootfs/{name}")].iter().all(|word| answer.contains(word));
        check(refused)
            .observed(format!(
                "with an image whose `/{name}` is a link to a directory of the host, {}",
                match answer.split_once(' ') {
                    Some((_, line)) => format!("ch03 said `{line}`, and not that it refuses the link"),
                    None => format!("the container started all the same, and ended with status {answer}"),
                }
            ))
            .means(format!("the image decided where the engine mounted `/{name}`, and was not refused"))
            .misconception(
                "`root.join(…)` is text; the kernel follows each link in it, and from outside of the root \
                 an absolute link leads to the host: use sys::mount_point",
            )?;
    }
    Ok(())
}

pub(crate) fn a_link_in_the_image_sends_no_mount_elsewhere() -> Outcome {
    links_are_refused(&["proc", "sys"])?;
    let image = "echo decoy > rootfs/decoy; echo treasure > rootfs/treasure; ln -s decoy rootfs/secret";
    let attack = "rm /secret; ln -s treasure /secret; echo reads $(cat /secret); echo decoy $(cat /decoy)";
    let out = container("3.3", image, &["--mask", "/secret"], attack, "")?;
    check(said(&out, "reads").is_empty() && said(&out, "decoy") == "decoy")
        .observed(format!(
            "`--mask /secret` on an image where it is a link to `decoy`: `/decoy` reads {:?}; and a \
             program that replaced the link read {:?}",
            said(&out, "decoy"),
            said(&out, "reads")
        ))
        .means("the mask lies on what the link pointed at, and the name that was to be hidden is free")
        .misconception(
            "mount() follows a link at the end of its target: open the path without following \
             (sys::open_path), then mount on what was opened",
        )
}
