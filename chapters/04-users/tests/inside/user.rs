//! Task 4.4: the program's user and groups, as the kernel has them.

use super::{container, said, script_in};
use coracle_testkit::{Outcome, Output, World, check};

/// Many users and groups, each under its own number. Two lines, because a world may have its numbers in two pieces.
const ALL: &str = "--uidmap 0:0:1 --uidmap 1:1:60000 --gidmap 0:0:1 --gidmap 1:1:60000";

pub(crate) fn the_program_has_its_groups_and_no_others() -> Outcome {
    let out = container(
        "4.4",
        World::new().many_users(),
        &format!(
            r#"chown -R 0:0 rootfs
            echo web:x:33:34::/srv: >> rootfs/etc/passwd
            printf 'adm:x:4:web\nvideo:x:27:web\n' >> rootfs/etc/group
            run setpriv --groups 0,4242 "$CH04" {ALL} --user web --group-add 50 --group-add adm rootfs \
                /bin/sh -c 'grep -E "^(Uid|Gid|Groups|CapEff):" /proc/self/status; echo home $HOME'
            echo of_root $(setpriv --groups 6,7 "$CH04" {ALL} rootfs grep Groups: /proc/self/status 2>&1)
            echo of_4000 $(setpriv --groups 6,7 "$CH04" {ALL} --user 4000 rootfs grep Groups: /proc/self/status 2>&1)"#
        ),
    )?;
    for (word, expected) in [("Uid:", "33 33 33 33"), ("Gid:", "34 34 34 34")] {
        check(said(&out, word) == expected)
            .observed(format!(
                "with `--user web`, `/proc/self/status` says `{word} {}`, and not `{expected}`",
                said(&out, word)
            ))
            .means("real, effective, saved, for files: where one of them is still 0, the program can become root again")
            .misconception(
                "does `become_user` change the user at all? If so: seteuid() and setuid() leave some of the four as \
                 they are; setresuid() sets all, and so does setresgid() before it",
            )?;
    }
    let groups = said(&out, "Groups:");
    let groups: Vec<&str> = groups.split(' ').collect();
    let strange: Vec<&&str> = groups.iter().filter(|group| ["0", "4242"].contains(group)).collect();
    check(strange.is_empty())
        .observed(format!("the program's supplementary groups are {groups:?}; {strange:?} came from whoever started the engine"))
        .means("what those groups may open, the program may open")
        .misconception("setresgid() changes one group; the list of the others stays until setgroups() sets a new one")?;
    for (group, belief) in [
        (
            "34",
            "the group itself belongs among them (CVE-2022-36109): a set-group-ID program takes its place, and a \
                file that keeps the group's members out would let the program in",
        ),
        ("4", "the image's /etc/group says of which groups `web` is a member"),
        ("27", "the image's /etc/group says of which groups `web` is a member"),
        ("50", "`--group-add` comes on top of the user's own groups"),
    ] {
        check(groups.iter().filter(|known| **known == group).count() == 1)
            .observed(format!(
                "the program's supplementary groups are {groups:?}, and {group} should be there once"
            ))
            .means("it lacks a group that it should have")
            .misconception(belief)?;
    }
    check(said(&out, "home") == "/srv")
        .observed(format!("HOME is `{}`", said(&out, "home")))
        .means("the program looks for its files in another directory than the image's user has")
        .misconception("the sixth field of the user's line is its home")?;
    only_its_own_group(&out)
}

/// Without groups to add, those of before must go all the same.
fn only_its_own_group(out: &Output) -> Outcome {
    for (asked, answer) in
        [("without `--user`", "of_root"), ("with `--user 4000`, whom no group knows", "of_4000")]
    {
        let groups = said(out, answer);
        let groups = groups.strip_prefix("Groups:").unwrap_or(&groups).trim();
        check(groups == "0")
            .observed(format!(
                "started by a user with the groups 6 and 7, and {asked}, the program's supplementary groups are \
                 `{groups}`, and not `0`"
            ))
            .means("what the groups of whoever started the engine may open, the program may open")
            .misconception(
                "setgroups() does not add, it replaces: call it also when there is nothing to add, and always with \
                 the group itself",
            )?;
    }
    Ok(())
}

pub(crate) fn groups_that_cannot_be_had_are_refused() -> Outcome {
    // A user namespace that has many groups and denies setgroups: root writes its maps from outside.
    let out = script_in(
        World::new().many_users(),
        &format!(
            r#"chown -R 0:0 rootfs; echo 'adm:x:4:root' >> rootfs/etc/group
        mkfifo up go
        unshare --user sh -c 'echo $$ > up; read -r word < go
            answer=$("$CH04" {ALL} --user root rootfs /bin/true 2>&1); echo "plain $?: "$answer
            echo who $("$CH04" {ALL} --user 33 rootfs grep Uid: /proc/self/status 2>&1)
            answer=$("$CH04" {ALL} --user root --group-add root rootfs /bin/true 2>&1); echo "own $?: "$answer
            answer=$("$CH04" {ALL} --user root --group-add 50 rootfs /bin/true 2>&1); echo "asked $?: "$answer' &
        read -r pid < up
        echo deny > /proc/$pid/setgroups
        for map in uid_map gid_map; do printf '0 0 1\n1 1 60000\n' > /proc/$pid/$map; done
        echo now > go; wait
        status=0; answer=$(PATH=/nowhere; voyager "$CH04" --user 33 rootfs /bin/true 2>&1) || status=$?
        echo "unmapped $status: "$answer"#
        ),
    )?;
    let [plain, own, asked, unmapped] = ["plain", "own", "asked", "unmapped"].map(|word| said(&out, word));
    check(plain.starts_with("0:"))
        .observed(format!("where setgroups is denied, a container of root ended with {plain}"))
        .means("no ordinary user without ranges can start a container")
        .misconception(
            "where setgroups is denied (EPERM), groups stay as they are, for everybody. That is an error only when \
             the caller has asked for one",
        )?;
    check(said(&out, "who") == "Uid: 33 33 33 33")
        .observed(format!(
            "where setgroups is denied, `--user 33` led to `{}`, and not to `Uid: 33 33 33 33`",
            said(&out, "who")
        ))
        .means("the program runs as somebody else than was asked for")
        .misconception(
            "does `become_user` change the user at all? Where the groups must stay, the group and the user change all \
             the same",
        )?;
    check(own.starts_with("0:"))
        .observed(format!("where setgroups is denied, `--group-add` of the group that root has anyway ended with {own}"))
        .means("a group is refused that setresgid() gives without any setgroups()")
        .misconception("look at `gid` before you refuse one of `added`: what the program has in any case cannot be missing")?;
    let sentence = asked.strip_prefix("125: ch04: ");
    check(sentence.is_none_or(|sentence| sentence.contains("50")))
        .observed(format!("where setgroups is denied, `--group-add 50` ended with {asked}"))
        .means("that is right, but the sentence does not say which group cannot be had")
        .misconception(
            "an error is for whoever reads it: it should have the number that was asked for in it",
        )?;
    check(sentence.is_some())
        .observed(format!("where setgroups is denied, `--group-add 50` ended with {asked}"))
        .means("the program runs without a group that was asked for, and nobody is told")
        .misconception("to ignore EPERM is right only when there is nothing to be had: who asked for a group must be told")?;
    check(unmapped.starts_with("125: ch04: ") && unmapped.contains("become user 33"))
        .observed(format!("`--user 33` for an ordinary user without ranges ended with {unmapped}"))
        .means("a user who does not exist inside cannot be had, and the sentence must say so")
        .misconception("a map of one number has user 0 alone")
}

pub(crate) fn the_program_ends_with_the_engine() -> Outcome {
    let out = World::new().many_users().env("CH04", crate::BIN).unjudged().script(&format!(
        r#"mkfifo up
        "$CH04" {ALL} --user 33 rootfs /bin/sh -c 'echo up; exec sleep 1000' > up &
        read -r word < up; echo "$word"
        kill -KILL $!; wait || true"#
    ))?;
    check(out.stdout.trim() == "up")
        .observed(format!("the program as user 33 did not start: {}", out.stderr.trim()))
        .means("this says nothing yet about how it ends")
        .misconception("see what the other tests of task 4.4 say")?;
    check(out.leftovers.is_empty())
        .observed(format!("the engine was killed, and {} went on", out.leftovers.join(", ")))
        .means("a container without an engine: nobody waits for it, and nobody will stop it")
        .misconception(
            "the kernel forgets PR_SET_PDEATHSIG when a process changes its user (prctl(2)): ask for it once more, \
             last",
        )
}
