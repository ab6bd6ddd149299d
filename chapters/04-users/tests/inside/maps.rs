//! Tasks 4.1 and 4.2: which number inside is which outside.

use super::{container, said};
use coracle_testkit::{Outcome, Output, World, check};

/// What the program sees of its own user namespace, as a variable of the host's script.
const INSIDE: &str = r#"inside='
    echo users $(cat /proc/self/uid_map); echo groups $(cat /proc/self/gid_map)
    echo setgroups $(cat /proc/self/setgroups)
    grep -E "^(Uid|Gid):" /proc/self/status'
"#;

pub(crate) fn root_inside_is_the_caller_outside() -> Outcome {
    let out = container(
        "4.1",
        World::new(),
        &format!(
            r#"{INSIDE}
            inside="$inside
                echo made by root > /roots; echo sees \$(stat -c %u:%g /yours /roots)"
            voyager touch rootfs/yours
            run voyager "$CH04" --uidmap 0:2000:1 --gidmap 0:2001:1 rootfs /bin/sh -c "$inside"
            echo outside $(stat -c %u:%g rootfs/yours rootfs/roots)"#
        ),
    )?;
    maps_are(&out, "0 2000 1", "0 2001 1", "4.1")?;
    is_root(&out)?;
    check(said(&out, "sees") == "0:0 0:0")
        .observed(format!(
            "inside, your file and one that root made belong to (user:group) {}",
            said(&out, "sees")
        ))
        .means("what belongs to you outside does not belong to root inside")
        .misconception("a file keeps one owner, the number outside; the map only says how it is shown")?;
    let outside = said(&out, "outside");
    let owners: Vec<&str> = outside.split(' ').collect();
    check(owners.len() == 2 && owners[0] == owners[1])
        .observed(format!("outside, your file and the one that root inside made belong to {outside}"))
        .means("root inside is somebody else than you outside")
        .misconception("0 inside must be the caller's own number outside: inside first, then outside")
}

pub(crate) fn setgroups_is_denied_before_the_group_map() -> Outcome {
    // Only an ordinary user of the whole machine is asked for this: below a namespace that denies, all others do.
    let out = container(
        "4.1",
        World::new().many_users(),
        &format!(
            r#"{INSIDE}
            run voyager "$CH04" --uidmap 0:2000:1 --gidmap 0:2001:1 rootfs /bin/sh -c "$inside""#
        ),
    )?;
    check(said(&out, "setgroups") == "deny")
        .observed(format!("`/proc/self/setgroups` in the container says {:?}", said(&out, "setgroups")))
        .means("a program could give up a group that keeps it out of a file")
        .misconception("the kernel accepts an ordinary user's gid_map only after `deny` in `setgroups`")
}

pub(crate) fn any_map_of_root_is_written_in_one_piece() -> Outcome {
    let out = container(
        "4.1",
        World::new().many_users(),
        &format!(
            r#"{INSIDE}
            run ch04 --uidmap 0:2000:1 --uidmap 1:10000:10 --gidmap 0:3000:1 --gidmap 1:20000:20 \
                rootfs /bin/sh -c "$inside"
            echo alone $(ch04 --uidmap 0:0:1 --gidmap 0:0:1 rootfs cat /proc/self/setgroups 2>&1)"#
        ),
    )?;
    maps_are(&out, "0 2000 1 1 10000 10", "0 3000 1 1 20000 20", "4.1")?;
    is_root(&out)?;
    for (what, answer) in
        [("a container", "setgroups"), ("a container with itself alone in the maps", "alone")]
    {
        check(said(&out, answer) == "allow")
            .observed(format!(
                "root made {what}, and `/proc/self/setgroups` in it says {:?}",
                said(&out, answer)
            ))
            .means("no program in the container can ever change its groups: `su` and every server that changes its user fail")
            .misconception("`deny` is the price that an ordinary user pays; root need not, and must not")?;
    }
    Ok(())
}

pub(crate) fn one_number_where_no_range_can_be_had() -> Outcome {
    let cases = [
        ("no line in /etc/subuid and /etc/subgid", "", "", "$PATH"),
        ("a line in /etc/subuid alone", "ada:10000:65536", "", "$PATH"),
        ("a line in /etc/subgid alone", "", "ada:10000:65536", "$PATH"),
        ("both lines, and no newuidmap", "ada:10000:65536", "ada:10000:65536", "/nowhere"),
    ];
    for (case, subuid, subgid, path) in cases {
        let out = container(
            "4.2",
            World::new(),
            &format!(
                r#"{INSIDE}
                echo ada:x:2000:2001::/:/bin/sh > passwd; echo {subuid} > subuid; echo {subgid} > subgid
                users passwd subuid subgid
                old=$PATH; PATH={path}
                run voyager "$CH04" rootfs /bin/sh -c "$inside"
                PATH=$old; umount /etc"#
            ),
        )?;
        check(said(&out, "users") == "0 2000 1" && said(&out, "groups") == "0 2001 1")
            .observed(format!(
                "with {case}, user 2000 with group 2001 got the maps `{}` and `{}`",
                said(&out, "users"),
                said(&out, "groups")
            ))
            .means("the maps are not those of the caller alone, `0 2000 1` and `0 2001 1`")
            .misconception(
                "a container with users and without groups is of no use: ranges for both, and somebody who may \
                 write them, or the caller alone",
            )?;
    }
    Ok(())
}

pub(crate) fn ranges_follow_the_own_number() -> Outcome {
    let out = container(
        "4.2",
        World::new().many_users(),
        &format!(
            r#"{INSIDE}
            echo root:x:0:0::/:/bin/sh > passwd
            printf 'ada:50000:9\nroot:10000:10\nroot:30000:5\n' > subuid; echo root:20000:20 > subgid
            users passwd subuid subgid
            run ch04 rootfs /bin/sh -c "$inside"
            umount /etc"#
        ),
    )?;
    maps_are(&out, "0 0 1 1 10000 10 11 30000 5", "0 0 1 1 20000 20", "4.2")
}

pub(crate) fn the_helpers_map_ranges_for_an_ordinary_user() -> Outcome {
    let out = container(
        "4.2",
        World::new().many_users(),
        &format!(
            r#"{INSIDE}
            echo ada:x:2000:2001::/:/bin/sh > passwd
            echo ada:10000:10 > subuid; printf 'ada:20000:20\nada:30000:7\n' > subgid
            users passwd subuid subgid
            run voyager "$CH04" rootfs /bin/sh -c "$inside"
            umount /etc"#
        ),
    )?;
    maps_are(&out, "0 2000 1 1 10000 10", "0 2001 1 1 20000 20 21 30000 7", "4.2")?;
    check(said(&out, "setgroups") == "allow")
        .observed(format!("`/proc/self/setgroups` in the container says {:?}", said(&out, "setgroups")))
        .means("the container has many groups, and no program in it can change to them")
        .misconception(
            "newgidmap leaves setgroups allowed for whoever has groups granted: do not deny it before",
        )
}

/// Are the two maps as they should be? All numbers of all lines, one after another.
fn maps_are(out: &Output, users: &str, groups: &str, task: &str) -> Outcome {
    for (file, expected) in [("users", users), ("groups", groups)] {
        let seen = said(out, file);
        let map = if file == "users" { "uid_map" } else { "gid_map" };
        check(seen == expected)
            .observed(format!("`/proc/self/{map}` in the container reads `{seen}`, and not `{expected}`"))
            .means("numbers inside belong to other numbers outside than was asked for")
            .misconception(match task {
                "4.1" => "a line has the first number inside, the first outside, and how many; uid_map has the users, gid_map the groups",
                _ => "0 is the caller; the ranges follow from 1 on, each where the one before it has ended; users and groups have ranges of their own",
            })?;
    }
    Ok(())
}

/// Is the program root inside: real, effective, saved and for files?
fn is_root(out: &Output) -> Outcome {
    for (word, kind) in [("Uid:", "user"), ("Gid:", "group")] {
        check(said(out, word) == "0 0 0 0")
            .observed(format!("`/proc/self/status` in the container says `{word} {}`", said(out, word)))
            .means(format!("the program is not {kind} 0, although the map has one"))
            .misconception(
                "a map makes nobody root: a process keeps its number outside, and shows as 65534 when that is \
                 not mapped. Init must change to 0 itself",
            )?;
    }
    Ok(())
}
