//! Task 3.3: `/sys`, the cgroups, and the paths of `/proc` and `/sys` that a container may not see or change.

use super::{Mount, container, mounts, said};
use crate::BIN;
use coracle_mounts::{MASKED, READ_ONLY, cgroup_hierarchies};
use coracle_testkit::{Outcome, World, check};

pub(crate) fn sys_and_cgroups_are_read_only() -> Outcome {
    let out = container("", &[], "cat /proc/self/mountinfo; mkdir /sys/fs/cgroup/new 2>&1; true", "")?;
    let mounts = mounts(&out)?;
    let mut expected = vec![("/sys".to_string(), "sysfs".to_string())];
    for hierarchy in cgroup_hierarchies().unwrap_or_default() {
        let path = format!("/sys/fs/cgroup/{}", hierarchy.name);
        expected.push((path.trim_end_matches('/').to_string(), hierarchy.filesystem));
    }
    let mut found = Vec::new();
    for (path, filesystem) in expected {
        let Some(mount) = mounts.iter().rev().find(|mount| mount.path == path) else {
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
        check(mount.filesystem == filesystem && mount.root == "/")
            .observed(format!("`{path}` in the container is `{}`", mount.line))
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
                "`{path}` is mounted `{}`; `mkdir /sys/fs/cgroup/new` there: {:?}",
                mount.options,
                last(&out.stdout)
            ))
            .means("root in the container can change the kernel's settings, or lift its own limits")
            .misconception(
                "a mount is writable unless MS_RDONLY is given, to each mount by itself: below a \
                 read-only one, another may be writable",
            )?;
        check(mount.is_harmless())
            .observed(format!("`{path}` is mounted `{}`, without all of nosuid,nodev,noexec", mount.options))
            .means("a file there could be executed, be a device, or raise privileges")
            .misconception("flags of a mount are no defaults: those that are not named are off")?;
    }
    Ok(())
}

/// The last line of a text.
fn last(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

pub(crate) fn dangerous_paths_are_hidden_or_read_only() -> Outcome {
    let paths = [&MASKED[..], &READ_ONLY[..]].concat().join(" ");
    let script = format!(
        "cat /proc/self/mountinfo; echo file $(cat /etc/key); echo folder $(ls /etc/keys)
        for p in {paths}; do test -e $p && echo exists $p; done
        (echo 1 > /proc/sys/net/ipv4/ip_forward) 2>&1 || true"
    );
    let image = "echo secret > rootfs/etc/key; mkdir rootfs/etc/keys; touch rootfs/etc/keys/one";
    let masks =
        ["--mask", "/etc/key", "--mask", "/etc/keys", "--mask", "/etc/none", "--mask", "/etc/none/deeper"];
    let out = container(image, &masks, &script, "")?;
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
        let options = on(path).map_or("nothing", |mount| mount.options.as_str());
        check(on(path).is_some_and(|mount| mount.has("ro")))
            .observed(format!(
                "on `{path}` is mounted {options}; writing below `/proc/sys` gave {:?}",
                last(&out.stdout)
            ))
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

pub(crate) fn a_link_in_the_image_sends_no_mount_elsewhere() -> Outcome {
    let out = World::new().env("CH03", BIN).script(
        r#"mkdir elsewhere
        for name in dev proc sys; do
            mv rootfs/$name rootfs/$name.away
            ln -s "$PWD/elsewhere" rootfs/$name
            status=0; "$CH03" rootfs /bin/true 2> complaint || status=$?
            echo "$name $status $(cat complaint)"
            rm rootfs/$name; mv rootfs/$name.away rootfs/$name
        done"#,
    )?;
    for name in ["dev", "proc", "sys"] {
        let answer = said(&out, name);
        let refused = ["125 ", "link", &format!("rootfs/{name}")].iter().all(|word| answer.contains(word));
        check(refused)
            .observed(format!(
                "with an image whose `/{name}` is a link to a directory of the host, ch03 ended with \
                 {answer:?}"
            ))
            .means(format!("the image decided where the engine mounted `/{name}`, and was not refused"))
            .misconception(
                "`root.join(…)` is text; the kernel follows each link in it, and from outside of the root \
                 an absolute link leads to the host: use sys::mount_point",
            )?;
    }
    let image = "echo decoy > rootfs/decoy; echo treasure > rootfs/treasure; ln -s decoy rootfs/secret";
    let attack = "rm /secret; ln -s treasure /secret; echo reads $(cat /secret); echo decoy $(cat /decoy)";
    let out = container(image, &["--mask", "/secret"], attack, "")?;
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
