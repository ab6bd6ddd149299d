//! Limits that cannot be.

use crate::session::{is_as_pinned, session};
use coracle_testkit::Outcome;

pub(crate) fn limits_that_make_no_sense() -> Outcome {
    let said = session(
        "",
        &[
            "coracle run -m lots tiny true",
            "coracle run -m '' tiny true",
            "coracle run -m -1 tiny true",
            "coracle run -m 99999999999p tiny true",
            "coracle run --memory",
            "coracle run --memory-swap -2 tiny true",
            "coracle run --memory-reservation x tiny true",
            "coracle run --cpus much tiny true",
            "coracle run --cpus -1 tiny true",
            "coracle run --cpus 0.0000000001 tiny true",
            "coracle run --cpus 99999999999999999999 tiny true",
            "coracle run --cpus 1 --cpu-quota 5000 tiny true",
            "coracle run --cpu-period 50000 tiny true",
            "coracle run --cpu-shares -1 tiny true",
            "coracle run --cpu-shares 1.5 tiny true",
            "coracle run --cpuset-cpus a tiny true",
            "coracle run --cpuset-cpus 3-1 tiny true",
            "coracle run --cpuset-cpus '' tiny true",
            "coracle run --cpuset-cpus 0-4000000000 tiny true",
            "coracle run --pids-limit none tiny true",
            "coracle run --pids-limit -2 tiny true",
            "coracle run --pids-limit 99999999999999999999 tiny true",
            "coracle run --blkio-weight 70000 tiny true",
            "coracle run --blkio-weight -5 tiny true",
            "coracle run --device-read-bps 1mb tiny true",
            "coracle run --device-read-bps /dev/no-such-disk:1mb tiny true",
            "coracle run --device-write-bps /dev/null:1mb tiny true",
            "coracle run --device-write-bps /dev/null tiny true",
        ],
    )?;
    is_as_pinned("limits", &said)
}

pub(crate) fn limits_that_this_machine_cannot_keep() -> Outcome {
    let said = session(
        "",
        &[
            "coracle run -m 1k tiny true",
            "coracle run -m 5m tiny true",
            "coracle run -m 64m --memory-swap 32m tiny true",
            "coracle run --memory-swap 64m tiny true",
            "coracle run -m 64m --memory-reservation 65m tiny true",
            "coracle run --cpus 4000 tiny true 2>&1 | sed 's/has [0-9]*$/has N/'",
            "coracle run --cpus 0.001 tiny true",
            "coracle run --cpu-quota 50000 --cpu-period 5 tiny true",
            "coracle run --cpu-shares 1 tiny true",
            "coracle run --cpu-shares 300000 tiny true",
            "coracle run --cpuset-cpus 8000 tiny true 2>&1 | sed 's/: [0-9,]*$/: …/'",
            "coracle run --blkio-weight 5 tiny true",
        ],
    )?;
    is_as_pinned("limits_here", &said)
}

pub(crate) fn trees_that_are_read_only() -> Outcome {
    let said = session(
        r#"read_only() { unshare --mount sh -c '
            for tree in /sys/fs/cgroup /sys/fs/cgroup/*/; do mount -o remount,ro,bind $tree 2>/dev/null; done
            exec "$@"' sh "$@"; }"#,
        &[
            "read_only coracle run -m 64m tiny true 2>&1 | sed 's/`[^`]*`/`TREE`/'",
            "read_only coracle run --pids-limit 5 tiny true 2>&1 | sed 's/`[^`]*`/`TREE`/'",
            "read_only coracle run --rm tiny echo without limits it runs",
        ],
    )?;
    is_as_pinned("read_only_trees", &said)
}
