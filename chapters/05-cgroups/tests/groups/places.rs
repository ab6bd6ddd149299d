//! Task 5.1: where groups are, and how they come and go.

use super::{complaint, or_none, said, script};
use coracle_testkit::{Outcome, check};

pub(crate) fn our_own_group_is_found_on_every_kind_of_machine() -> Outcome {
    // The texts are those of real machines: a desktop with systemd, an old server, both at once, the inside of a
    // container without a cgroup namespace.
    let machines = [
        (
            "v2",
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate",
            "0::/user.slice/user-1000.slice/session-3.scope",
            "/sys/fs/cgroup /sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope",
            "in v2 there is one line, which begins with `0::`, and one tree",
        ),
        (
            "v1",
            "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
            "9:cpuset:/set\n4:cpuacct,cpu:/job\n0::/",
            "/sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct/job",
            "names are compared whole, each with each: `cpu` is a part of `cpuset`, and the order differs",
        ),
        (
            "colon",
            "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
            "5:memory:/unit:a:1/job",
            "/sys/fs/cgroup/memory /sys/fs/cgroup/memory/unit:a:1/job",
            "only the first two colons of a line separate; the path may hold more",
        ),
        (
            "hybrid",
            "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
            "5:memory:/job\n1:name=systemd:/init.scope\n0::/init.scope",
            "/sys/fs/cgroup/unified /sys/fs/cgroup/unified/init.scope",
            "on a hybrid machine v2 is one tree among those of v1, and has the line `0::`",
        ),
        (
            "container",
            "50 49 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
            "5:memory:/docker/1/job",
            "/sys/fs/cgroup/memory /sys/fs/cgroup/memory/job",
            "the path counts from the top of the tree, and what is mounted here begins further down",
        ),
        (
            "elsewhere",
            "50 49 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
            "5:memory:/docker/12/job",
            "/sys/fs/cgroup/memory not visible",
            "as texts `/docker/12` begins with `/docker/1`; as paths it does not: strip_prefix() of Path",
        ),
    ];
    let mut text = String::new();
    for (name, mountinfo, cgroup, ..) in machines {
        text += &format!("cat > m <<'END'\n{mountinfo}\nEND\ncat > c <<'END'\n{cgroup}\nEND\n");
        text += &format!("echo {name} $(ch05 --own m c)\n");
    }
    let out = script(&text)?;
    for (name, mountinfo, cgroup, expected, why) in machines {
        check(said(&out, name) == expected)
            .observed(format!(
                "with the mount `{mountinfo}` and `{}` in /proc/self/cgroup the answer was `{}`, not `{expected}`",
                cgroup.replace('\n', ", "),
                said(&out, name)
            ))
            .means("the container's group would be made in a wrong place, or nowhere")
            .misconception(why)?;
    }
    Ok(())
}

pub(crate) fn controllers_are_handed_down_in_one_write() -> Outcome {
    // A plain file takes what is written, and keeps it for us to read.
    let out = script(
        "echo 'cpu io' > cgroup.subtree_control
        ch05 --enable . memory cpu cpuset pids freezer || echo failed
        echo first $(cat cgroup.subtree_control)
        echo 'memory cpu' > cgroup.subtree_control
        ch05 --enable . cpu devices memory || echo failed
        echo second $(cat cgroup.subtree_control)",
    )?;
    let first = said(&out, "first");
    check(first == "+memory +cpuset +pids")
        .observed(format!(
            "a plain file that says `cpu io` stood for `cgroup.subtree_control`. To hand down memory, cpu, cpuset, pids and \
             freezer, `+memory +cpuset +pids` should be written into it; now it says `{first}`{}",
            match out.stderr.trim() {
                "" if first.len() < 21 => ", as several writes would leave it, each over the one before",
                "" => "",
                said => said,
            }
        ))
        .means("on a real v2 tree this write fails, or leaves a controller out")
        .misconception(
            "each missing name gets a `+` of its own, all in one write; names that v2 does not know (freezer, devices, \
             cpuacct) make the whole write fail with EINVAL",
        )?;
    check(said(&out, "second") == "memory cpu")
        .observed(format!("all were listed already, and `{}` is in the file now", said(&out, "second")))
        .means("each start of a container pays for a write that changes nothing, or fails at it")
        .misconception("an empty write is no way to say nothing: compare first")
}

pub(crate) fn a_new_group_has_the_files_of_its_controllers() -> Outcome {
    let out = script(
        "ch05 --make coracle-t
        g=$(folder memory)
        echo has $(cat $g/cgroup.controllers)
        echo hands $(cat $g/cgroup.subtree_control)
        ls $g | grep -x -e memory.max -e pids.max -e cpu.max
        ch05 --remove coracle-t && echo removed",
    )?;
    let has = said(&out, "has");
    let all = ["memory", "cpu", "pids", "cpuset"].iter().all(|name| has.split(' ').any(|n| n == *name));
    check(all && out.stdout.contains("memory.max"))
        .observed(format!(
            "the new group's `cgroup.controllers` says: {}; `ch05 --make` said: {}",
            or_none(&has),
            complaint(&out)
        ))
        .means("the group has no `memory.max` or no `pids.max`: nothing in it can be limited")
        .misconception(
            "a v2 group has those controllers that its *parent* lists in `cgroup.subtree_control`, and it must be \
             listed there before",
        )?;
    check(said(&out, "hands").is_empty())
        .observed(format!("the new group hands down `{}` itself", said(&out, "hands")))
        .means("no process can be put into it any more")
        .misconception(
            "a v2 group either hands controllers down or holds processes (the no-internal-process rule)",
        )
}

pub(crate) fn a_group_is_made_in_every_tree_or_in_none() -> Outcome {
    // In v2 there is one tree; then the group that is there already is the only one that may be there afterwards.
    let out = script(
        "cd $top; if [ $v2 ]; then old=coracle-t; groups=coracle-t; else old=cpuset/coracle-t; groups='*/coracle-t'; fi
        mkdir $old
        ch05 --make coracle-t >/dev/null; echo status $?
        echo old $old; echo left $(for g in $groups; do [ -d $g ] && [ ! -L ${g%/*} ] && echo $g; done)
        for g in $groups; do [ -d $g ] && rmdir $g; done; cd $OLDPWD
        ch05 --make coracle-t > made; echo made $(grep -c . made); cat made >&2
        echo trees $(trees memory cpu cpuacct pids freezer cpuset)
        for file in cpus mems; do echo $file $(cat $(folder cpuset)/cpuset.$file); done
        if [ $v2 ]; then door=$(folder cpuset)/cgroup.procs; else door=$(folder cpuset)/tasks; fi
        sh -c 'echo 0 > $0 && echo entered' $door 2> error || cat error >&2
        ch05 --remove coracle-t; echo then $(ls -d $(cat made) 2>/dev/null)",
    )?;
    let (old, left) = (said(&out, "old"), said(&out, "left"));
    check(said(&out, "status") == "125" && left == old)
        .observed(format!(
            "`{old}` was there already; making the group `coracle-t` ended with {}, and of its folders there are now: {}",
            said(&out, "status"),
            or_none(&left)
        ))
        .means("groups of a container that never was are left on the machine, or somebody else's is gone")
        .misconception(
            "what was made before the failure must be removed again, and only that: a folder that was there is not ours",
        )?;
    check(out.stdout.contains("entered"))
        .observed(format!(
            "the new group's cpuset.cpus: {}, its cpuset.mems: {}; a process that wants to enter: {}",
            or_none(&said(&out, "cpus")),
            or_none(&said(&out, "mems")),
            complaint(&out)
        ))
        .means("no process can ever be in this group: ENOSPC")
        .misconception(
            "a new v1 cpuset begins empty, unlike any other group: copy cpuset.cpus and cpuset.mems from its parent",
        )?;
    let (made, trees) = (said(&out, "made"), said(&out, "trees"));
    check(made == trees && said(&out, "then").is_empty())
        .observed(format!(
            "six controllers lie in {trees} trees here, and {made} folders were made; of these there were after the \
             removal still: {}",
            or_none(&said(&out, "then"))
        ))
        .means("the group is not whole, or does not go as a whole")
        .misconception("in v1 each controller has a tree of its own, and the group is a folder in each")
}

pub(crate) fn a_group_is_removed_when_its_last_process_has_gone() -> Outcome {
    let out = script(
        // The process leaves when the removal has ended (too early), or has begun to wait.
        "ch05 --make coracle-t > made
        mkdir $(folder memory)/below
        if [ $v2 ]; then door=$(folder pids)/cgroup.procs; else door=$(folder pids)/tasks; fi
        mkfifo in out; exec 3<>in 4<>out
        sh -c 'echo 0 > $0; echo in >&3; read word <&4' $door &
        read word <&3
        $CH05 --remove coracle-t 2> error & removal=$!
        naps=0
        while [ $naps -lt 5 ]; do
            case $(sed 's/.*) //' /proc/$removal/stat 2>/dev/null) in
                S*) naps=$((naps + 1)) ;;
                Z*|'') break ;;
            esac
            sleep 0.02
        done
        echo out >&4
        wait $removal; echo status $?; cat error >&2
        wait
        echo left $(ls -d $(cat made) 2>/dev/null)
        rmdir $(folder memory)/below 2>/dev/null; ch05 --remove coracle-t 2>/dev/null",
    )?;
    check(said(&out, "status") == "0" && said(&out, "left").is_empty())
        .observed(format!(
            "a process in the group ended while `ch05 --remove` was waiting for it, and a group was below it; the removal \
             ended with {}, and said: {}; of the group's folders there are now: {}",
            said(&out, "status"),
            complaint(&out),
            or_none(&said(&out, "left"))
        ))
        .means("empty groups pile up on the machine, a few with each container")
        .misconception(
            "rmdir() of a group says EBUSY until the last process, a zombie's remains included, has left it: wait, try \
             again, and take the groups below it first",
        )
}
