//! Tasks 5.3 and 5.4: processes in a group, from the first to the last.

use super::{number, said, script, started};
use coracle_testkit::{Outcome, Output, check};

/// Of the processes of a container: those in another PID namespace than ours, and in which groups they are.
const WHERE: &str = r#"
where() {
    for p in /proc/[0-9]*; do
        [ "$(readlink $p/ns/pid)" = "$(readlink /proc/self/ns/pid)" ] && continue
        if [ $v2 ]; then grep -c '^0::/coracle-t$' $p/cgroup
        else grep -c -e ':memory:/coracle-t$' -e ':\(cpu\|cpu,cpuacct\):/coracle-t$' -e ':pids:/coracle-t$' \
            -e ':freezer:/coracle-t$' $p/cgroup
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
        echo trees $(where)
        echo limit $(cat $(folder memory)/memory.max $(folder memory)/memory.limit_in_bytes 2>/dev/null)
        echo > rootfs/go; status"
        )
        .replace("start --memory", "mkfifo rootfs/go; start --memory"),
    )?;
    started(&out)?;
    let trees = if out.stdout.contains("sees:0::") && !out.stdout.contains(":memory:") { "1" } else { "4" };
    check(said(&out, "trees") == trees)
        .observed(format!(
            "while the container runs, its process is in `coracle-t` in {} of {trees} trees, as /proc/PID/cgroup says \
             outside",
            said(&out, "trees")
        ))
        .means("the limits of the other trees hold for a group that is empty")
        .misconception(
            "a group is a folder in each tree, and the child has to enter each; a limit does nothing to a process that \
             is not in the group",
        )?;
    sees_itself_as_the_top(&out)?;
    check(said(&out, "limit") == "33554432")
        .observed(format!("the group's limit on memory was `{}` while it ran", said(&out, "limit")))
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
        ch05 --memory 33554432 --memory-swap 33554432 --name coracle-hog rootfs \
            /bin/sh -c 'x=a; while :; do x=$x$x; done'
        echo hog $?
        echo neighbour-kills $(stat oom_kills)
        echo > rootfs/go; status"
            .replacen("start", "mkfifo rootfs/go; start", 1)
            .as_str(),
    )?;
    started(&out)?;
    check(said(&out, "hog") == "137")
        .observed(format!(
            "a program that wants all memory, in a box of 32 MiB, ended with status {}",
            said(&out, "hog")
        ))
        .means("it was not killed at its limit")
        .misconception(
            "a limit holds for what is charged to the group: the process must be in it before it takes memory, and swap \
             must be limited too",
        )?;
    let killed = out.stderr.lines().find(|line| line.contains("out of memory")).unwrap_or_default();
    check(killed.contains("killed 1 in `coracle-hog`"))
        .observed(format!("`ch05` said about it: `{killed}`"))
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
        status
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
    check(said(&out, "kill") == "0" && said(&out, "status") == "137" && said(&out, "left").is_empty())
        .observed(format!(
            "killing the group answered {}, the container ended with {}, and there was still: {}",
            said(&out, "kill"),
            said(&out, "status"),
            said(&out, "left")
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
    i=0; echo ready > /ready; while :; do i=$((i+1)); echo $i > /tmp/count; mv /tmp/count /count; done'
[ $word = ended ] && exit
await '[ -s rootfs/count ]'
"#;

pub(crate) fn a_frozen_container_stands_still_until_it_is_thawed() -> Outcome {
    let out = script(&format!(
        "{COUNT}
        ch05 --freeze coracle-t; echo freeze $?
        echo state $(frozen)
        a=$(count); sleep 0.3; echo counted $(( $(count) - a ))
        ch05 --thaw coracle-t; echo thaw $?
        a=$(count); await '[ $(count) -gt $a ]' && echo goes on
        ch05 --kill coracle-t; status"
    ))?;
    started(&out)?;
    check(said(&out, "state") == "1")
        .observed(format!(
            "after freezing (answer {}) the kernel says frozen: {}",
            said(&out, "freeze"),
            said(&out, "state")
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

pub(crate) fn frozen_processes_are_killed_too() -> Outcome {
    let out = script(&format!(
        "{COUNT}
        ch05 --freeze coracle-t
        ch05 --kill coracle-t; echo kill $?
        echo state $(frozen)
        ch05 --thaw coracle-t 2>/dev/null
        status"
    ))?;
    started(&out)?;
    check(said(&out, "kill") == "0" && said(&out, "state") != "1" && said(&out, "status") == "137")
        .observed(format!(
            "killing a frozen group answered {}; is it still frozen: {}; the container ended with {}",
            said(&out, "kill"),
            said(&out, "state"),
            said(&out, "status")
        ))
        .means("a paused container cannot be removed, and hangs there for ever")
        .misconception(
            "in v1 a frozen process takes no signal, SIGKILL included, until it is thawed: freeze, kill, thaw",
        )
}
