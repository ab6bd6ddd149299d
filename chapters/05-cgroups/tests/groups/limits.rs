//! Task 5.2: limits, in the words of both versions.

use super::{number, or_none, said, script, started};
use coracle_testkit::{Outcome, check};

pub(crate) fn limits_are_said_in_the_words_of_both_versions() -> Outcome {
    let cases = [
        ("", "v1", "", "what nobody asked for is not written"),
        ("", "v2", "", "what nobody asked for is not written"),
        (
            "--memory 64000000",
            "v2",
            "memory.max 64000000,memory.swap.max 64000000",
            "without a word about swap a container gets as much swap as memory: Docker's two flags make twice the memory \
             together. `memory.swap.max` counts swap alone: of both together take away the memory",
        ),
        (
            "--memory 64000000",
            "v1",
            "memory.limit_in_bytes 64000000,memory.memsw.limit_in_bytes 128000000",
            "in v1 the second file limits memory and swap *together*, and it can never be lower than the first: so the \
             first is written first",
        ),
        (
            "--memory 64000000 --memory-swap 96000000 --memory-reservation 32000000",
            "v2",
            "memory.max 64000000,memory.swap.max 32000000,memory.low 32000000",
            "`memory.swap.max` limits swap alone, and Docker's --memory-swap is both together: subtract",
        ),
        (
            "--memory 64000000 --memory-swap 64000000",
            "v2",
            "memory.max 64000000,memory.swap.max 0",
            "--memory-swap equal to --memory means no swap at all",
        ),
        (
            "--memory 64000000 --memory-swap -1",
            "v2",
            "memory.max 64000000,memory.swap.max max",
            "no limit is the word `max` in v2, and -1 in v1",
        ),
        (
            "--memory 64000000 --memory-swap -1",
            "v1",
            "memory.limit_in_bytes 64000000,memory.memsw.limit_in_bytes -1",
            "no limit is the word `max` in v2, and -1 in v1",
        ),
        (
            "--cpus 0.25",
            "v2",
            "cpu.max 25000 100000",
            "the quota comes first, then the period, both in one write",
        ),
        (
            "--cpus 1.5",
            "v1",
            "cpu.cfs_period_us 100000,cpu.cfs_quota_us 150000",
            "the quota is the time that may be used, of all processors together; the period is the clock on the wall. The \
             period first: without a quota the kernel takes any, and a quota beside the old period may be more than the \
             parent has (EINVAL)",
        ),
        ("--cpu-shares 2", "v2", "cpu.weight 1", SHARES),
        ("--cpu-shares 0", "v2", "cpu.weight 1", SHARES),
        ("--cpu-shares 1", "v2", "cpu.weight 1", SHARES),
        ("--cpu-shares 999999", "v2", "cpu.weight 10000", SHARES),
        ("--cpu-shares 512", "v2", "cpu.weight 20", SHARES),
        ("--cpu-shares 1024", "v2", "cpu.weight 39", SHARES),
        ("--cpu-shares 262144", "v2", "cpu.weight 10000", SHARES),
        ("--cpu-shares 512", "v1", "cpu.shares 512", "shares are v1's own unit"),
        (
            "--cpuset-cpus 0-2,4 --pids 64",
            "v2",
            "cpuset.cpus 0,1,2,4,pids.max 64",
            "both versions agree here",
        ),
        ("--cpuset-cpus 1 --pids 64", "v1", "cpuset.cpus 1,pids.max 64", "both versions agree here"),
    ];
    let line = |(i, (limits, version, ..)): (usize, &(&str, &str, &str, &str))| {
        format!("echo case{i} $(ch05 --settings {version} {limits} | tr '\\n' ',' | sed 's/,$//')\n")
    };
    let out = script(&cases.iter().enumerate().map(line).collect::<String>())?;
    for (i, (limits, version, expected, why)) in cases.into_iter().enumerate() {
        let answer = said(&out, &format!("case{i}"));
        check(answer == expected)
            .observed(format!(
                "`ch05 --settings {version} {limits}` should print `{}` (a setting a line); it printed `{}`",
                or_none(expected),
                or_none(&answer)
            ))
            .means("the kernel would refuse it, or keep another limit than was asked for")
            .misconception(why)?;
    }
    Ok(())
}

const SHARES: &str = "shares go from 2 to 262144 and weights from 1 to 10000; the OCI runtimes draw a straight line: \
                      1 + (shares - 2) * 9999 / 262142. What is outside of the range counts as its nearest end";

pub(crate) fn a_quarter_of_a_processor_is_a_quarter() -> Outcome {
    // Two readings of the kernel's own counters, thirty periods of 100 ms apart. How fast the machine is says nothing. In v1
    // the periods and the time are in two files: so the periods are read before and after the time.
    let out = script(
        "start --cpus 0.25 rootfs /bin/sh -c 'echo ready > /ready; until [ -e /stop ]; do :; done'
        [ $word = ended ] && exit
        cpu() { sed -n \"s/^$1 //p\" $(folder cpu)/cpu.stat; }
        used() { if [ $v2 ]; then cpu usage_usec; else echo $(( $(cat $(folder cpuacct)/cpuacct.usage) / 1000 )); fi; }
        periods() { echo $1 $(cpu nr_periods); echo $1-throttled $(cpu nr_throttled); }
        look() { periods $1-before; echo $1-used $(used); periods $1-after; }
        reach() { until_period=$1; await '[ $(cpu nr_periods) -ge $until_period ]'; }
        if reach 3; then look begin; reach $(( $(cpu nr_periods) + 30 )); look end; fi
        echo > rootfs/stop; status",
    )?;
    started(&out)?;
    let of = |name: &str| number(&out, name).unwrap_or(0) as f64;
    let used = of("end-used") - of("begin-used");
    let most_periods = of("end-after") - of("begin-before");
    let throttled = of("end-before-throttled") - of("begin-after-throttled");
    let share = used / (most_periods.max(1.0) * 100_000.0);
    // More than a quarter it never gets, but for the tick of the clock that ends its run. Where it was throttled it had its
    // quarter; a busy machine may give it less, which is no fault of the wall: so half of that is enough.
    let at_least = 0.5 * throttled * 25_000.0;
    check(share <= 0.3 && throttled > 0.0 && used >= at_least)
        .observed(format!(
            "in {most_periods} periods of 100 ms a busy loop with `--cpus 0.25` ran for {:.0} ms, which is {share:.3} of a \
             processor, and its group was throttled in {throttled} of them",
            used / 1000.0,
        ))
        .means(match throttled > 0.0 {
            true => "the hard wall stands in another place",
            false => "there is no wall, or the process is not behind it",
        })
        .misconception("`cpu.max` is quota, then period; and it counts only for processes that are in the group")
}
