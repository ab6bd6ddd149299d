//! Task 6.2: the last steps, and their order.

use super::{filter_file, said, script};
use coracle_testkit::{Outcome, check};

pub(crate) fn no_new_privileges_makes_setuid_programs_plain() -> Outcome {
    let out = script(
        "6.2",
        r#"
        install_whoami
        chmod 4755 rootfs/bin/whoami-really
        filtered --user 1000:1000 --security-opt no-new-privileges rootfs sh -c 'whoami-really | sed s/^/with-/'
        filtered --user 1000:1000 rootfs sh -c 'whoami-really | sed s/^/without-/'"#,
    )?;
    let users = said(&out, "with-Uid:").replace('\t', " ");
    check(said(&out, "with-NoNewPrivs:") == "1" && users == "1000 1000 1000 1000")
        .observed(format!(
            "with `--security-opt no-new-privileges`, NoNewPrivs is {:?}, and a setuid program of the image ran as the \
             users {users:?}",
            said(&out, "with-NoNewPrivs:")
        ))
        .means("a setuid program with a bug makes a user of the container its root")
        .misconception("no_new_privs is a promise that the process itself makes, with prctl, before execve")?;
    let users = said(&out, "without-Uid:").replace('\t', " ");
    check(said(&out, "without-NoNewPrivs:") == "0" && users == "1000 0 0 0")
        .observed(format!(
            "without that option, NoNewPrivs is {:?}, and a setuid program of the image ran as the users {users:?}",
            said(&out, "without-NoNewPrivs:")
        ))
        .means("`su` and `sudo` of an image stop working for its plain users, and nobody has asked for it")
        .misconception(
            "a filter needs no_new_privs *or* CAP_SYS_ADMIN. Docker uses the second, so that setuid programs work unless \
             one says otherwise",
        )
}

/// All that the last steps before the program call, besides capset, the filter itself and execve.
const STRICT: [&str; 6] = ["setuid", "setgid", "setgroups", "setresuid", "setresgid", "prctl"];

pub(crate) fn the_filter_comes_after_all_that_it_could_forbid() -> Outcome {
    let out = script(
        "6.2",
        &format!(
            r#"{}{}
            box --user 0:0 --filter strict --cap-drop ALL rootfs \
                sh -c 'echo ran; sed -n "s/^Seccomp:/strict/p; s/^CapEff:/eff/p" /proc/self/status'
            box --user 0:0 --filter stricter --security-opt no-new-privileges rootfs \
                sh -c 'sed -n "s/^Seccomp:/stricter/p" /proc/self/status'"#,
            filter_file("strict", &STRICT),
            filter_file("stricter", &[&STRICT[..], &["capset", "capget"]].concat())
        ),
    )?;
    for case in ["strict", "stricter"] {
        check(said(&out, case) == "2")
            .observed(format!("with the filter `{case}`, Seccomp inside is {:?}", said(&out, case)))
            .means("the program runs, and not under the filter that was asked for")
            .misconception("a filter is inherited by execve: it must be installed before, in this process")?;
    }
    check(said(&out, "eff") == "0000000000000000")
        .observed(format!("with `--cap-drop ALL` and that filter, CapEff inside is {:?}", said(&out, "eff")))
        .means("the capabilities that were needed for the filter are still there")
        .misconception("the last step of all is to give up what the steps before it needed")
}
