//! What a container may do, and what not even its root can.

use crate::engine::{shows, shows_in, world};
use coracle_testkit::Outcome;

pub(crate) fn root_has_dockers_capabilities() -> Outcome {
    shows(
        r#"caps() { coracle run --rm $* tiny grep -E 'Cap(Inh|Eff|Bnd)' /proc/self/status | cut -f 2 | tr '\n' ' '; echo; }
        caps; caps --cap-drop ALL; caps --cap-drop all --cap-add NET_BIND_SERVICE; caps --cap-add cap_net_admin --cap-drop MKNOD
        caps --init"#,
        &[
            "0000000000000000 00000000a80425fb 00000000a80425fb ",
            "0000000000000000 0000000000000000 0000000000000000 ",
            "0000000000000000 0000000000000400 0000000000000400 ",
            "0000000000000000 00000000a00435fb 00000000a00435fb ",
            "0000000000000000 00000000a80425fb 00000000a80425fb ",
        ],
        "root in the container has other powers than in Docker's",
    )
}

pub(crate) fn a_filter_stands_in_the_way_of_dangerous_calls() -> Outcome {
    shows(
        r#"coracle run --rm tiny grep ^Seccomp: /proc/self/status | cut -f 2
        coracle run --rm --security-opt seccomp=unconfined tiny grep ^Seccomp: /proc/self/status | cut -f 2
        coracle run --rm --privileged tiny grep ^Seccomp: /proc/self/status | cut -f 2
        coracle run --rm tiny mount -t tmpfs t /tmp 2>/dev/null || echo no mount
        coracle run --rm --cap-add SYS_ADMIN tiny mount -t tmpfs t /tmp && echo mounted
        echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22}]}' >p
        coracle run --rm --security-opt seccomp=p tiny mkdir /x 2>&1 | grep -o 'Invalid argument'"#,
        &["2", "0", "0", "no mount", "mounted", "Invalid argument"],
        "system calls that Docker's filter refuses are made, or a filter of one's own is not kept",
    )
}

pub(crate) fn nothing_gives_privileges_back_when_that_is_promised() -> Outcome {
    shows(
        r#"coracle run --rm tiny grep NoNewPrivs /proc/self/status | cut -f 2
        coracle run --rm --security-opt no-new-privileges tiny grep NoNewPrivs /proc/self/status | cut -f 2
        coracle run --rm --security-opt no-new-privileges --init tiny grep NoNewPrivs /proc/1/status | cut -f 2"#,
        &["0", "1", "1"],
        "a set-user-ID program gives its user what was given up",
    )
}

pub(crate) fn devices_can_be_opened_only_when_asked_for() -> Outcome {
    // 1:11 is /dev/kmsg, which every machine has and nobody gives to a container.
    shows(
        r#"mknod kmsg c 1 11; chmod 600 kmsg
        coracle run --rm tiny sh -c 'mknod /k c 1 11 && : >/k' 2>&1 | grep -o 'not permitted'
        coracle run --rm --device $PWD/kmsg:/dev/k:w tiny sh -c ': >/dev/k && echo opened; : </dev/k' 2>&1 | grep -o -e opened -e 'not permitted'
        coracle run --rm --privileged tiny sh -c 'mknod /k c 1 11 && : >/k && echo all are open'
        coracle run --rm tiny sh -c 'for d in null zero full random urandom; do head -c 1 /dev/$d | wc -c; done; : >/dev/tty' 2>/dev/null"#,
        &["not permitted", "opened", "not permitted", "all are open", "0", "1", "1", "1", "1"],
        "a node is enough to open a device of the host, or one that was asked for cannot be opened",
    )
}

pub(crate) fn limits_of_a_process_are_what_was_asked_for() -> Outcome {
    shows(
        r#"coracle run --rm --ulimit nofile=64:65 --ulimit core=0 tiny sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
        coracle run --rm --oom-score-adj 500 tiny cat /proc/self/oom_score_adj
        coracle run --rm --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=9000 tiny cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax"#,
        &["64", "65", "0", "500", "1", "9000"],
        "a flag has no effect on the program",
    )
}

pub(crate) fn the_engine_cannot_be_reached_through_process_1() -> Outcome {
    shows(
        r#"coracle run --rm --init tiny sh -c 'readlink /proc/1/exe || echo closed; readlink /proc/1/cwd || echo closed too' 2>/dev/null
        coracle run --rm tiny readlink /proc/1/exe | grep -c coracle"#,
        &["closed", "closed too", "0"],
        "root in the container can open the engine's own program file, and write into it (CVE-2019-5736)",
    )
}

pub(crate) fn an_ordinary_users_container_has_no_teeth_either() -> Outcome {
    shows_in(
        world().env("AS_USER", "unshare --user --map-user=1000 --map-group=1000"),
        r#"cat >session <<'END'
coracle run --rm tiny grep -E '(CapEff|CapBnd|^Seccomp|NoNew)' /proc/self/status | cut -f 2 | tr '\n' ' '; echo
coracle run --rm --cap-drop ALL --security-opt no-new-privileges tiny grep -E '(CapEff|NoNew)' /proc/self/status | cut -f 2 | tr '\n' ' '; echo
coracle run --rm --init tiny sh -c 'readlink /proc/1/exe || echo closed' 2>/dev/null
END
        $AS_USER sh session"#,
        &["00000000a80425fb 00000000a80425fb 0 2 1 ", "0000000000000000 1 ", "closed"],
        "without root, a container keeps what it gives up with root",
    )
}
