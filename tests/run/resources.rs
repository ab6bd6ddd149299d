//! Limits: what a container may use, and that it hurts nobody but itself when it wants more.

use crate::engine::{holds, long_world, script_in, shows, shows_in};
use coracle_testkit::Outcome;

/// Inside a container, in cgroup v1 as in v2: `file NAME1 NAME2` prints the first of its group's files that is there, and
/// `counted NAME` a number out of `cpu.stat`, processor time in microseconds as `usage_usec`.
const INSIDE: &str = r#"
    file() { for f in $*; do cat /sys/fs/cgroup/$f 2>/dev/null && return; done; }
    counted() {
        if [ $1 = usage_usec ] && [ -d /sys/fs/cgroup/cpuacct ]; then echo $(($(cat /sys/fs/cgroup/cpuacct/cpuacct.usage) / 1000))
        else file cpu/cpu.stat cpu.stat | while read name value; do [ $name = $1 ] && echo $value; done; fi; }
"#;

pub(crate) fn a_limit_is_what_the_kernel_says_inside() -> Outcome {
    let script = r#"
        in_box() { flags=$1; shift; coracle run --rm $flags tiny sh -c "$INSIDE $*"; }
        in_box '-m 64m' file memory.max memory/memory.limit_in_bytes
        in_box '--memory 1.5g --memory-swap 1.5g' file memory.max memory/memory.limit_in_bytes
        in_box '--pids-limit 20' file pids.max pids/pids.max
        in_box '--pids-limit -1' file pids.max pids/pids.max
        in_box '--cpuset-cpus 0' file cpuset.cpus cpuset/cpuset.cpus
        in_box '--cpus 0.25' 'file cpu.max cpu/cpu.cfs_quota_us' | cut -d ' ' -f 1
        in_box '--cpu-quota 30000 --cpu-period 60000' 'file cpu.max cpu/cpu.cfs_quota_us' | cut -d ' ' -f 1"#;
    shows(
        &format!("INSIDE='{INSIDE}'\n{script}"),
        &["67108864", "1610612736", "20", "max", "0", "25000", "30000"],
        "a flag does not become the limit that it names",
    )
}

pub(crate) fn a_memory_hog_dies_and_its_neighbour_lives() -> Outcome {
    shows(
        r#"mkfifo go; coracle run --rm -i -m 32m tiny sh -c 'read go; echo neighbour $go' <go & exec 3>go
        coracle run --name hog -m 32m tiny sh -c 'a=x; while :; do a=$a$a; done' >said 2>&1; echo $?
        grep -ho '"oom_killed": true' data/containers/*/state.json; coracle rm hog; echo lives >&3; wait"#,
        &["137", "\"oom_killed\": true", "hog", "neighbour lives"],
        "a container that wants all memory is not stopped at its limit, or another one pays for it",
    )
}

pub(crate) fn a_fork_bomb_stays_in_its_box() -> Outcome {
    shows(
        r#"coracle run --rm --pids-limit 64 tiny sh -c '
            i=0; while [ $i -lt 100 ]; do sleep 30 & i=$((i+1)); done; echo all were made' 2>said | grep all
        grep -qi -e fork -e resource said && echo the kernel refused
        coracle run --rm tiny echo and others go on"#,
        &["the kernel refused", "and others go on"],
        "a limit on processes does not stop a program that makes ever more of them",
    )
}

pub(crate) fn a_quarter_of_a_processor_is_a_quarter() -> Outcome {
    // All numbers are the kernel's own counters, read inside: microseconds used, periods of 100 ms that have passed, and in
    // how many of them the quota of 25 ms was used up. Where others want the processor too, that is not each of them.
    let script = r#"coracle run --rm --cpus 0.25 tiny sh -c "$INSIDE"'
        while :; do :; done &
        read_all() { counted nr_periods; counted usage_usec; counted nr_throttled; }
        reach() { while [ $(counted nr_periods) -lt $1 ]; do sleep 0.1; done; read_all; }
        set -- $(reach 3); set -- $* $(reach $(($1 + 50)))
        echo $(($4 - $1)) $(($5 - $2)) $(($6 - $3)); kill $!'"#;
    let out = script_in(long_world(), &format!("INSIDE='{INSIDE}'\n{script}"))?;
    let numbers: Vec<f64> = out.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let quarter = |periods: f64| periods * 25_000.0;
    holds(
        matches!(numbers[..], [periods, used, throttled]
            if used <= 1.1 * quarter(periods) && used >= 0.9 * quarter(throttled) && throttled >= 1.0),
        format!("periods, microseconds used, periods throttled: {out:?}"),
        "--cpus 0.25 is not a quarter of a processor",
    )
}

pub(crate) fn no_group_is_left_and_none_is_seen_from_inside() -> Outcome {
    shows_in(
        long_world(),
        r#"groups() { find /sys/fs/cgroup -type d -name 'coracle-????????????????*' | wc -l; }
        coracle run --rm tiny cat /proc/self/cgroup | grep -v ':/$'
        coracle run --name stays tiny true; coracle run --rm tiny no-such-program 2>/dev/null
        coracle run --rm tiny sh -c 'kill -9 $$'; groups
        mkfifo go; coracle run --rm -i -m 64m tiny cat <go & exec 3>go
        until [ $(groups) -gt 0 ]; do sleep 0.05; done; kill -9 $!; wait; exec 3>&-
        coracle ps -q; groups"#,
        &["0", "0"],
        "a control group outlives its container, or a container sees where its group is on the host",
    )
}
