//! Chapter 3's milestone: what a program finds in the root that `ch03` makes, seen from inside.
//!
//! Most tests run a small script of the container's own shell and read what the kernel says there: the list of
//! mounts in `/proc/self/mountinfo`, an inode number, a mode, the words of an errno.

use coracle_testkit::{Outcome, World, check, milestone};

mod inside;
use inside::dev::{
    devices_are_open_to_everybody_whatever_the_umask, devices_are_the_hosts_own_where_mknod_is_forbidden,
    terminals_shared_memory_and_queues_are_its_own,
};
use inside::sys::{
    a_dev_that_is_a_link_is_refused, a_link_in_the_image_sends_no_mount_elsewhere,
    dangerous_paths_are_hidden_or_read_only, sys_and_cgroups_are_read_only,
    sys_is_the_hosts_where_a_new_one_is_forbidden,
};
use inside::{Mount, began, container, mounts, said};

milestone! { bin: "ch03", tests: {
    "3.1" => old_root_is_unreachable_after_pivot,
    "3.1" => the_escape_of_chapter_1_fails,
    "3.2" => devices_are_open_to_everybody_whatever_the_umask needs Mknod,
    "3.2" => devices_are_the_hosts_own_where_mknod_is_forbidden needs UserNamespaces and Tool("unshare"),
    "3.2" => terminals_shared_memory_and_queues_are_its_own,
    "3.2" => a_dev_that_is_a_link_is_refused,
    "3.3" => sys_and_cgroups_are_read_only,
    "3.3" => sys_is_the_hosts_where_a_new_one_is_forbidden needs UserNamespaces and Tool("unshare"),
    "3.3" => dangerous_paths_are_hidden_or_read_only,
    "3.3" => a_link_in_the_image_sends_no_mount_elsewhere,
    "3.4" => read_only_root_is_read_only_for_this_container_alone,
}}

fn old_root_is_unreachable_after_pivot() -> Outcome {
    let out = container(
        "3.1",
        "",
        &[],
        "echo stands $(ls -di .) and $(ls -di /); echo root $(ls -a /); echo \
         above $(ls -a /..)",
        "",
    )?;
    let mounts = mounts(&out)?;
    let ours = |mount: &&Mount| {
        let place = mount.path.split('/').nth(1).unwrap_or_default();
        ["dev", "proc", "sys"].contains(&place)
    };
    let roots = mounts.iter().filter(|mount| mount.path == "/").count();
    let strange = mounts.iter().filter(|mount| mount.path != "/" && !ours(mount));
    let strange: Vec<&str> = strange.map(|mount| mount.line.as_str()).collect();
    check(roots == 1 && strange.is_empty())
        .observed(format!(
            "the container's `/proc/self/mountinfo` still lists the host: {roots} mounts on `/`, and {} \
             that are not the container's{}",
            strange.len(),
            strange.first().map(|line| format!(", the first of them: `{line}`")).unwrap_or_default()
        ))
        .means(
            "the old root is mounted in the container's own namespace: at best hidden, and root looks \
             underneath",
        )
        .misconception(
            "pivot_root() puts the old root aside and keeps it. Only the unmount after it, with all that \
             is mounted below (MNT_DETACH), lets go of it",
        )?;
    let stands = said(&out, "stands");
    let (here, root) = stands.split_once(" and ").unwrap_or_default();
    let inode = |text: &str| text.split(' ').next().unwrap_or_default().to_string();
    check(!here.is_empty() && inode(here) == inode(root))
        .observed(format!("the working directory is inode {}, and `/` is inode {}", inode(here), inode(root)))
        .means("the program stands in a directory of the host, and walks to all others from there with `..`")
        .misconception(
            "pivot_root() moves only those who stand in the old root itself; whoever stands deeper stays \
             there, and an unmounted directory can still be stood in: chdir() into the new root",
        )?;
    check(said(&out, "above") == said(&out, "root"))
        .observed(format!("`ls -a /..` shows {}, and `ls -a /` {}", said(&out, "above"), said(&out, "root")))
        .means("above the container's root there is another directory")
        .misconception("`/..` is `/` only for a root with no mount on top of it: unmount the old root")
}

fn the_escape_of_chapter_1_fails() -> Outcome {
    // The attack as it is, with the libraries that it needs. First against `chroot`: it must work there.
    let out = World::new().env("ESCAPE", env!("CARGO_BIN_EXE_escape-again")).env("CH03", BIN).script(
        r#"cp "$ESCAPE" rootfs/bin/escape
            for library in $(ldd "$ESCAPE" | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p'); do
                mkdir -p "rootfs${library%/*}"
                test -e "rootfs$library" || cp "$library" "rootfs$library"
            done
            echo treasure > outside
            set +e
            chroot rootfs /bin/escape /bin/cat "$PWD/outside"
            echo "chroot $?"
            "$CH03" rootfs /bin/escape /bin/cat "$PWD/outside"
            echo "pivot $?""#,
    )?;
    check(said(&out, "chroot") == "0" && out.stdout.starts_with("treasure"))
        .observed(format!(
            "the attack ended with status {} in a plain chroot: {}",
            said(&out, "chroot"),
            out.stderr
        ))
        .means("the test could not be carried out; this says nothing about the code under test")
        .misconception("none: look at what this machine allows with `cargo workbook doctor`")?;
    let status = said(&out, "pivot");
    began("3.1", &status, &out.stderr)?;
    check(status == "1" && out.stderr.contains("still the same directory"))
        .observed(format!(
            "`escape`, run inside as root, ended with status {status}: {}",
            out.stderr.lines().last().unwrap_or_default()
        ))
        .means("a program in the container walked out and read a file of the host")
        .misconception(
            "a root that chroot() made is a mark on one process, and the process may move the mark. The \
             way out is closed only when the host's root is no longer mounted here: pivot_root(), then \
             unmount",
        )
}

fn read_only_root_is_read_only_for_this_container_alone() -> Outcome {
    let out = container(
        "3.4",
        "mount --bind rootfs rootfs; mount -o remount,bind,nosuid,nodev rootfs",
        &["--read-only"],
        "echo root $( (echo > /new) 2>&1 && echo written)
        echo shm $( (echo > /dev/shm/new) 2>&1 && echo written)
        echo dev $( (echo > /dev/new) 2>&1 && echo written)",
        "umount rootfs; echo outside $( (echo > rootfs/later) 2>&1 && echo written)",
    )?;
    let mounts = mounts(&out)?;
    let options = mounts.iter().find(|mount| mount.path == "/").map_or("", |mount| &mount.options);
    check(said(&out, "root").contains("Read-only"))
        .observed(format!(
            "writing to `/new` in the container: {:?}; `/` is mounted `{options}`",
            said(&out, "root")
        ))
        .means("`--read-only` is a promise that is not kept")
        .misconception("MS_RDONLY works on a mount that exists only together with MS_REMOUNT")?;
    check(said(&out, "outside") == "written")
        .observed(format!(
            "when the container had ended, writing to `rootfs/later` on the host gave {:?}",
            said(&out, "outside")
        ))
        .means("the host's own filesystem has become read-only, for everybody")
        .misconception(
            "MS_REMOUNT without MS_BIND changes the filesystem, which all its mounts share; with MS_BIND \
             it changes this one mount",
        )?;
    for place in ["shm", "dev"] {
        check(said(&out, place) == "written")
            .observed(format!(
                "with `--read-only`, writing to `/dev{}/new` gave {:?}",
                if place == "shm" { "/shm" } else { "" },
                said(&out, place)
            ))
            .means(
                "programs that need shared memory or a socket in `/dev` fail, and nothing was made safer: \
                 it is memory",
            )
            .misconception(
                "each mount has flags of its own: a read-only root says nothing about what is mounted on \
                 it, and should not",
            )?;
    }
    check(["nosuid", "nodev"].iter().all(|flag| options.split(',').any(|option| option == *flag)))
        .observed(format!("`/` had nosuid,nodev before and is now mounted `{options}`"))
        .means("making the root read-only has taken other protections away")
        .misconception(
            "a remount sets exactly the flags that are named: first ask which ones the mount has \
             (sys::mount_flags), then add one",
        )
}
