//! Tasks 5.3 and 5.4: processes in a group, from the first to the last.

use super::{complaint, number, or_none, said, script, started};
use coracle_testkit::{Outcome, Output, check};

/// Of the processes of a container: those in another PID namespace than ours, and in which groups they are.
const WHERE: &str = r#"
where() {
    for p in /proc/[0-9]*; do
        [ "$(readlink $p/ns/pid)" = "$(readlink /proc/self/ns/pid)" ] && continue
        if [ $v2 ]; then grep -c '^0::/coracle-t$' $p/cgroup
        else for name in memory cpu cpuacct pids freezer; do lines $p/cgroup $name '/coracle-t$'; done | sort -u | grep -c .
        fi
    done
}
"#;

pub(crate) fn the_program_is_in_its_group_from_its_first_moment() -> Outcome {
    let out = script(
        &format!(
            "{WHERE}
        start --memory 33554432 --pids 3 rootfs /bin/sh -c '
            sed s/^/sees:/ /proc/self/cgroup
            echo ready > /ready; read go < /go'
        [ $word = ended ] && exit
        echo in $(where) of $(trees memory cpu cpuacct pids freezer)
        echo limit $(cat $(folder memory)/memory.max $(folder memory)/memory.limit_in_bytes 2>/dev/null)
        echo > rootfs/go; status"
        )
        .replace("start --memory", "mkfifo rootfs/go; start --memory"),
    )?;
    started(&out)?;
    let counts = said(&out, "in");
    let (entered, trees) = counts.split_once(" of ").unwrap_or(("0", &counts));
    check(entered == trees)
        .observed(format!(
            "while the container runs, its process is in `coracle-t` in {entered} of {trees} trees, as /proc/PID/cgroup says \
             outside"
        ))
        .means("the limits of the other trees hold for a group that is empty")
        .misconception(
            "a group is a folder in each tree, and the child has to enter each; a limit does nothing to a process that \
             is not in the group",
        )?;
    sees_itself_as_the_top(&out)?;
    check(said(&out, "limit") == "33554432")
        .observed(format!(
            "the group's limit on memory, while it ran: {}; it should be 33554432",
            or_none(&said(&out, "limit"))
        ))
        .means("the program ran without the limit that was asked for")
        .misconception("limits are written before the child is made")
}

/// Inside, each line of /proc/self/cgroup must end with the top: `…:/`.
fn sees_itself_as_the_top(out: &Output) -> Outcome {
    let strange = out.stdout.lines().find(|line| line.starts_with("sees:") && !line.ends_with(":/"));
    check(strange.is_none())
        .observed(format!(
            "inside, /proc/self/cgroup has the line `{}`",
            strange.unwrap_or_default().trim_start_matches("sees:")
        ))
        .means("the container sees its own name on the host, and its cgroup filesystem begins above its own group")
        .misconception(
            "the top of a cgroup namespace is the group in which its maker was when it was made. clone() makes it before the \
             child has entered: unshare it in the child, afterwards",
        )
}

pub(crate) fn the_container_sees_its_group_as_the_top_of_each_tree() -> Outcome {
    let out = script("ch05 rootfs /bin/sed s/^/sees:/ /proc/self/cgroup && echo start ready")?;
    started(&out)?;
    sees_itself_as_the_top(&out)
}

pub(crate) fn a_memory_hog_hurts_only_itself() -> Outcome {
    let out = script(
        "start --memory 33554432 rootfs /bin/sh -c 'echo ready > /ready; read go < /go; echo neighbour is well'
        [ $word = ended ] && exit
        for file in memory.swap.max memory.memsw.limit_in_bytes; do
            [ -e $(folder memory)/$file ] && swap='--memory-swap 33554432'
        done
        ch05 --memory 33554432 $swap --name coracle-hog rootfs /bin/sh -c 'x=a; while :; do x=$x$x; done'
        echo hog $?
        echo neighbour-kills $(stat oom_kills)
        echo > rootfs/go; status"
            .replacen("start", "mkfifo rootfs/go; start", 1)
            .as_str(),
    )?;
    started(&out)?;
    check(said(&out, "hog") == "137")
        .observed(format!(
            "a program that wants all memory, in a box of 32 MiB, ended with status {}; the last words: {}",
            or_none(&said(&out, "hog")),
            complaint(&out)
        ))
        .means("it was not killed at its limit")
        .misconception(
            "a limit holds for what is charged to the group: the process must be in it before it takes memory, and swap \
             must be limited too",
        )?;
    let killed = out.stderr.lines().find(|line| line.contains("out of memory")).unwrap_or_default();
    check(killed.contains("killed 1 in `coracle-hog`"))
        .observed(format!("what `ch05` said about the kill: {}", or_none(killed)))
        .means("nobody learns why the container ended: 137 alone is any SIGKILL")
        .misconception(
            "the count is the line `oom_kill`, of memory.events in v2 and of memory.oom_control in v1; `oom`, `max` and \
             `under_oom` count other things",
        )?;
    check(said(&out, "status") == "0" && said(&out, "neighbour-kills") == "0")
        .observed(format!(
            "its neighbour ended with status {}, and {} of its processes were killed",
            said(&out, "status"),
            said(&out, "neighbour-kills")
        ))
        .means("one container's hunger is paid by another")
        .misconception("each container has a group of its own, with a count of its own")
}

pub(crate) fn a_fork_bomb_stays_in_its_box_and_is_killed_with_one_word() -> Outcome {
    let out = script(
        // Each starts two of itself; then it waits for a word that never comes. Who cannot start any more, ends.
        "mkfifo rootfs/never
        start --pids 64 rootfs /bin/sh -c '
            hang() { until read x < /never; do :; done 2>/dev/null; }
            b() { b & b & hang; }; b & echo ready > /ready; hang' 2>noise
        [ $word = ended ] && { cat noise >&2; exit; }
        hit() { sed -n 's/^max //p' $(folder pids)/pids.events; }
        await '[ $(hit) -gt 0 ]'
        echo pids $(stat pids)
        ch05 --pids 64 --name coracle-n rootfs /bin/sh -c 'sleep 0 & wait; echo neighbour forks'
        ch05 --kill coracle-t; echo kill $?
        finish
        echo left $(ls -d $top/coracle-t $top/*/coracle-t 2>/dev/null)",
    )?;
    started(&out)?;
    let pids = number(&out, "pids").unwrap_or(0);
    check((1..=64).contains(&pids) && out.stdout.contains("neighbour forks"))
        .observed(format!(
            "the bomb had {pids} processes in its box of 64, and its neighbour {} start one",
            if out.stdout.contains("neighbour forks") { "could" } else { "could not" }
        ))
        .means("the bomb takes process numbers from everybody")
        .misconception("`pids.max` counts the processes and threads of the group; they must be in it")?;
    check(killed(&out) && said(&out, "left").is_empty())
        .observed(format!(
            "killing the group ended with {}, the container {}, and of its group there was still: {}",
            said(&out, "kill"),
            how_it_ended(&out),
            or_none(&said(&out, "left"))
        ))
        .means("what forks faster than it is killed stays alive")
        .misconception(
            "a list of processes is old when you have read it: stop them first (the freezer), or let the kernel do it \
             (cgroup.kill)",
        )
}

/// Reads how far a container has counted; and the kernel's word on whether it stands still.
const COUNT: &str = r#"
count() { cat rootfs/count; }
frozen() {
    if [ $v2 ]; then sed -n 's/^frozen //p' $(folder freezer)/cgroup.events
    else grep -c FROZEN $(folder freezer)/freezer.state
    fi
}
start rootfs /bin/sh -c '
    sh -c "trap \"\" TERM; while :; do :; done" &
    i=0; echo ready > /ready; until [ -e /stop ]; do i=$((i+1)); echo $i > /tmp/count; mv /tmp/count /count; done'
[ $word = ended ] && exit
await '[ -s rootfs/count ]'
"#;

pub(crate) fn a_frozen_container_stands_still_until_it_is_thawed() -> Outcome {
    let out = script(&format!(
        "{COUNT}
        ch05 --freeze coracle-t; echo freeze $?
        echo state $(frozen)
        [ \"$(frozen)\" = 1 ] || {{ touch rootfs/stop; finish now; exit; }}
        a=$(count); sleep 0.3; echo counted $(( $(count) - a ))
        ch05 --thaw coracle-t; echo thaw $?
        a=$(count); if [ $(frozen) != 1 ]; then await '[ $(count) -gt $a ]' && echo goes on; fi
        touch rootfs/stop; finish"
    ))?;
    started(&out)?;
    check(said(&out, "state") == "1")
        .observed(format!(
            "`ch05 --freeze` ended with {} and said: {}; the kernel's own answer to whether the group is frozen: {}",
            said(&out, "freeze"),
            complaint(&out),
            or_none(&said(&out, "state"))
        ))
        .means("the processes may look stopped, and are not: others can wake them, and they can see it coming")
        .misconception(
            "a pause is no signal: SIGSTOP is seen by the parent, undone by any SIGCONT, and a fork can escape it. The \
             freezer is the group's own, and it is done when the kernel says so",
        )?;
    check(said(&out, "counted") == "0")
        .observed(format!("a frozen container went on counting: {} further", said(&out, "counted")))
        .means("`pause` lets the program run")
        .misconception(
            "freezing takes a moment: wait until cgroup.events or freezer.state says it is done",
        )?;
    check(said(&out, "thaw") == "0" && out.stdout.contains("goes on"))
        .observed(format!("thawing answered {}", said(&out, "thaw")))
        .means("a paused container never comes back")
        .misconception("the opposite of freezing is `0` in cgroup.freeze, `THAWED` in freezer.state")
}

/// `ch05 --kill` said that it has killed the container, and so it was.
fn killed(out: &Output) -> bool {
    said(out, "kill") == "0" && said(out, "status") == "137" && !out.stdout.contains("lives")
}

/// After the words of `finish`.
fn how_it_ended(out: &Output) -> String {
    match out.stdout.contains("lives") {
        true => "was not dead ten seconds later".into(),
        false => format!("ended with {}", or_none(&said(out, "status"))),
    }
}

pub(crate) fn frozen_processes_are_killed_too() -> Outcome {
    // In v2 a group without processes may stay frozen: there is nobody to mind.
    let out = script(&format!(
        "{COUNT}
        ch05 --freeze coracle-t
        ch05 --kill coracle-t; echo kill $?
        [ $v2 ] || echo state $(frozen)
        finish"
    ))?;
    started(&out)?;
    check(killed(&out) && said(&out, "state") != "1")
        .observed(format!(
            "killing a frozen group ended with {} and said: {}; the group was {} afterwards; the container {}",
            said(&out, "kill"),
            complaint(&out),
            if said(&out, "state") == "1" { "still frozen" } else { "not frozen" },
            how_it_ended(&out)
        ))
        .means("a paused container cannot be removed, and hangs there for ever")
        .misconception(
            "in v1 a frozen process takes no signal, SIGKILL included, until it is thawed: freeze, kill, thaw",
        )
}

pub(crate) fn a_list_of_processes_is_read_while_they_stand_still() -> Outcome {
    // A folder of plain files plays a v1 group; its list is a pipe. So whoever opens it waits until we have looked whether
    // the group is frozen at that moment. The list has a process that we sacrifice, and the number 0.
    let out = script(
        "mkdir box; echo THAWED > box/freezer.state; mkfifo box/cgroup.procs
        (sleep 1000 & echo $! > victim)
        while :; do
            exec 4> box/cgroup.procs
            cat box/freezer.state >> seen
            kill -0 $(cat victim) 2>/dev/null && { echo 0; cat victim; } >&4
            exec 4>&-
            sleep 0.05
        done &
        setsid --wait sh -c '$CH05 --kill ./box; echo killer $?'
        kill $! 2>/dev/null
        echo seen $(sort -u seen); echo state $(cat box/freezer.state)
        for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 $(cat victim) 2>/dev/null || break; sleep 0.1; done
        kill $(cat victim) 2>/dev/null && echo victim lives",
    )?;
    check(!said(&out, "killer").is_empty())
        .observed("the list of a group held the number 0; whoever killed what is listed was killed itself")
        .means("the engine ends itself, and whoever started it")
        .misconception(
            "for kill() 0 is no process: it is all of the caller's own process group. In a list it stands for a process of \
             another PID namespace: skip it",
        )?;
    check(said(&out, "seen").contains("FROZEN"))
        .observed(format!(
            "when the list of processes was read, freezer.state said: {}; the killing ended with {} and said: {}",
            or_none(&said(&out, "seen")),
            said(&out, "killer"),
            complaint(&out)
        ))
        .means("who forks between the reading and the killing has a child that nobody knows of")
        .misconception("a list of processes is old when you have read it: freeze first, so that nobody can fork")?;
    check(
        said(&out, "killer") == "0"
            && !out.stdout.contains("victim lives")
            && said(&out, "state") == "THAWED",
    )
    .observed(format!(
        "the killing ended with {} and said: {}; the process in the list {}, and freezer.state says {}",
        said(&out, "killer"),
        complaint(&out),
        if out.stdout.contains("victim lives") { "lives" } else { "is dead" },
        or_none(&said(&out, "state"))
    ))
    .means("not all that is listed ends")
    .misconception("SIGKILL to each number in cgroup.procs, then thaw: what is frozen cannot die")
}
