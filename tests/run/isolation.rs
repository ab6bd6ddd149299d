//! What separates a container from the host.

use crate::engine::{holds, script, shows};
use coracle_testkit::Outcome;

pub(crate) fn every_namespace_is_a_new_one() -> Outcome {
    let list = "for kind in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$kind; done";
    // One of the two must live while the other is made: the kernel gives numbers away again.
    let out = script(&format!(
        "coracle run --rm tiny sh -c '{list}; echo up; exec sleep 60' >one & says one up; head -n 6 one
        {list}; coracle run --rm tiny sh -c '{list}'; kill -KILL $(init); wait"
    ))?;
    let mut namespaces: Vec<&str> = out.stdout.lines().collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    holds(
        namespaces.len() == 18,
        format!("{out:?}"),
        "the container shares a namespace with the host or with another container",
    )
}

pub(crate) fn the_hosts_network_is_shared_when_asked_for() -> Outcome {
    shows(
        r#"net=$(readlink /proc/self/ns/net) pid=$(readlink /proc/self/ns/pid)
        for flag in --network --net; do
            [ "$(coracle run --rm $flag host tiny readlink /proc/self/ns/net)" = $net ] && echo the same network
            [ "$(coracle run --rm $flag host tiny readlink /proc/self/ns/pid)" = $pid ] || echo other processes
            [ "$(coracle run --rm $flag=none tiny readlink /proc/self/ns/net)" = $net ] || echo another network
        done
        [ "$(coracle run --rm --network host tiny hostname)" = "$(hostname)" ] && echo the same name"#,
        &[
            "the same network",
            "other processes",
            "another network",
            "the same network",
            "other processes",
            "another network",
            "the same name",
        ],
        "`--network` does not choose the network",
    )
}

pub(crate) fn other_namespaces_of_the_host_are_shared_when_asked_for() -> Outcome {
    shows(
        r#"ns() { readlink /proc/self/ns/$1; }
        for kind in uts ipc; do
            [ "$(coracle run --rm --$kind host tiny readlink /proc/self/ns/$kind)" = $(ns $kind) ] && echo $kind is shared
        done
        [ "$(coracle run --rm --uts host tiny hostname)" = "$(hostname)" ] && echo the same name"#,
        &["uts is shared", "ipc is shared", "the same name"],
        "`--uts` or `--ipc` does not choose the namespace",
    )
}

pub(crate) fn processes_of_the_host_are_seen_when_asked_for() -> Outcome {
    shows(
        r#"[ "$(coracle run --rm --pid host tiny readlink /proc/self/ns/pid)" = $(readlink /proc/self/ns/pid) ] && echo pid is shared
        sleep 60 & coracle run --rm --pid host tiny test -d /proc/$! && echo the host is seen; kill $!
        coracle run --rm --pid host tiny sh -c 'sleep 61 & sleep 61 & exit 3'; echo $?; grep -qsx 61 /proc/[0-9]*/cmdline || echo all have ended"#,
        &["pid is shared", "the host is seen", "3", "all have ended"],
        "`--pid host` does not share the namespace, or processes outlive their container",
    )
}

pub(crate) fn the_program_is_process_1_and_alone() -> Outcome {
    shows(
        r#"coracle run --rm tiny sh -c 'echo $$ /proc/[0-9]*; grep ^PPid /proc/self/status; true' | tr '\t' ' '
        coracle run --rm tiny sh -c 'kill -KILL 1; kill -TERM 1; echo process 1 survives what it does not handle'"#,
        &["1 /proc/1", "PPid: 1", "process 1 survives what it does not handle"],
        "the program sees processes of the host, or is not the first of its own",
    )
}

pub(crate) fn the_host_name_is_its_own() -> Outcome {
    shows(
        r#"before=$(hostname)
        coracle run --rm --hostname box.example.org tiny sh -c 'hostname; uname -n; echo $HOSTNAME'
        coracle run --name kept tiny hostname >name; [ "$(cat name)" = "$(coracle ps -aq)" ] && wc -c <name
        [ "$before" = "$(hostname)" ] && echo as before"#,
        &["box.example.org", "box.example.org", "box.example.org", "13", "as before"],
        "the container's name is not what was asked for, not the first digits of its id, or also the host's",
    )
}

pub(crate) fn the_network_is_a_loopback_that_is_up() -> Outcome {
    shows(
        r#"for flag in '' '--network none'; do
            coracle run --rm $flag tiny sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1; ls /sys/class/net; grep -c 127.0.0.1 /proc/net/fib_trie'
        done | tr -d ' '"#,
        &["lo", "lo", "2", "lo", "lo", "2"],
        "a server in the container cannot talk to itself, or sees links that are not its own",
    )
}

pub(crate) fn no_mount_of_the_host_is_there() -> Outcome {
    let out = script(
        r#"for flag in --rm '--name kept'; do
            coracle run $flag tiny sh -c "ls -d $HOME /boot /usr/share 2>/dev/null; cut -d' ' -f5 /proc/self/mountinfo"
        done"#,
    )?;
    let strange = out
        .stdout
        .lines()
        .find(|path| *path != "/" && !["/dev", "/proc", "/sys"].iter().any(|own| path.starts_with(own)));
    let roots = out.stdout.lines().filter(|path| *path == "/").count();
    holds(
        strange.is_none() && roots == 2 && out.code == Some(0),
        format!("{strange:?}, and {roots} mounts on `/` in two containers"),
        "a directory of the host is still mounted, or still to be reached, in the container",
    )
}

pub(crate) fn dangerous_paths_are_masked_or_read_only() -> Outcome {
    let out = script(
        r#"coracle run --rm tiny sh -c '
            for path in /proc/sysrq-trigger /proc/sys/kernel/hostname /proc/irq/new /sys/new /sys/fs/cgroup/new; do
                (echo x >$path) 2>/dev/null && echo "$path can be written"
            done
            for path in /proc/asound /proc/acpi /proc/scsi /sys/firmware; do ls -A $path 2>/dev/null; done
            for path in kcore keys timer_list sched_debug interrupts latency_stats; do
                [ -e /proc/$path ] && head -c 1 /proc/$path
            done
            while read -r _ _ _ _ path flags _; do case $path,$flags in
                /proc/sys,ro,*|/sys,ro,*|/proc/bus,ro,*|/proc/irq,ro,*) echo $path;;
            esac; done </proc/self/mountinfo' | sort"#,
    )?;
    crate::engine::said(
        &out,
        &["/proc/bus", "/proc/irq", "/proc/sys", "/sys"],
        "a program in the container reads about the host, or changes its kernel",
    )
}

pub(crate) fn devices_are_dockers() -> Outcome {
    shows(
        r#"coracle run --rm tiny sh -c '
            echo $(ls /dev)
            head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; head -c 3 /dev/random | wc -c
            cat /dev/null; echo x >/dev/null; (echo x >/dev/full) 2>/dev/null || echo full
            stat -c "%n %F %a %t:%T" /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
            for link in fd stdin stdout stderr ptmx; do readlink /dev/$link; done
            echo shared >/dev/shm/x && cat /dev/shm/x
            stat -c "%n %a" /dev/shm /dev/pts /dev; head -c 1 /dev/tty 2>/dev/null || echo no terminal'"#,
        &[
            "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero",
            "3",
            "3",
            "3",
            "full",
            "/dev/null character special file 666 1:3",
            "/dev/zero character special file 666 1:5",
            "/dev/full character special file 666 1:7",
            "/dev/random character special file 666 1:8",
            "/dev/urandom character special file 666 1:9",
            "/dev/tty character special file 666 5:0",
            "/proc/self/fd",
            "/proc/self/fd/0",
            "/proc/self/fd/1",
            "/proc/self/fd/2",
            "pts/ptmx",
            "shared",
            "/dev/shm 1777",
            "/dev/pts 755",
            "/dev 755",
            "no terminal",
        ],
        "programs do not find the devices that they find under Docker, or find more",
    )
}
