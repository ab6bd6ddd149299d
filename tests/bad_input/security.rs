//! Privileges, devices and settings that cannot be.

use crate::session::{is_as_pinned, session};
use coracle_testkit::Outcome;

pub(crate) fn privileges_that_do_not_exist() -> Outcome {
    let said = session(
        r#"echo 'no json' >words; echo '{"defaultAction": "SCMP_ACT_MAYBE"}' >maybe; echo '[]' >list
        echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["opne"], "action": "SCMP_ACT_ERRNO"}]}' >call"#,
        &[
            "coracle run --cap-add NOT_ONE tiny true",
            "coracle run --cap-drop '' tiny true",
            "coracle run --cap-add",
            "coracle run --security-opt nonsense tiny true",
            "coracle run --security-opt seccomp= tiny true",
            "coracle run --security-opt seccomp=missing tiny true",
            "coracle run --security-opt seccomp=words tiny true",
            "coracle run --security-opt seccomp=list tiny true",
            "coracle run --security-opt seccomp=maybe tiny true",
            "coracle run --security-opt seccomp=call tiny true",
            "coracle run --security-opt no-new-privileges=perhaps tiny true",
            "coracle run --security-opt apparmor=x tiny true",
        ],
    )?;
    is_as_pinned("privileges", &said)
}

pub(crate) fn limits_and_devices_that_do_not_exist() -> Outcome {
    let said = session(
        "",
        &[
            "coracle run --ulimit nofile tiny true",
            "coracle run --ulimit nofile=x tiny true",
            "coracle run --ulimit nofile=-2 tiny true",
            "coracle run --ulimit nofile=9:5 tiny true",
            "coracle run --ulimit nofile=99999999999999999999 tiny true",
            "coracle run --ulimit files=5 tiny true",
            "coracle run --device /dev/no-such-device tiny true",
            "coracle run --device /etc/passwd tiny true",
            "coracle run --device /dev/null:here tiny true",
            "coracle run --device /dev/null:/dev/x:q tiny true",
            "coracle run --device '' tiny true",
            "coracle run --oom-score-adj 1001 tiny true",
            "coracle run --oom-score-adj bad tiny true",
            "coracle run --sysctl kernel.hostname=x tiny true",
            "coracle run --sysctl net.ipv4.ip_forward tiny true",
            "coracle run --sysctl net/../kernel=1 tiny true",
            "coracle run --sysctl net.ipv4.no_such_setting=1 tiny true",
            "coracle run --sysctl net.ipv4.ip_forward=much tiny true",
            "coracle run --network host --sysctl net.ipv4.ip_forward=1 tiny true",
        ],
    )?;
    is_as_pinned("security", &said)
}
