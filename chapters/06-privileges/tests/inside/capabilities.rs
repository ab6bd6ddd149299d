//! Task 6.1: the five sets.

use super::{said, script};
use coracle_testkit::{Outcome, check};

pub(crate) fn root_keeps_what_docker_leaves_and_nothing_else() -> Outcome {
    // The caller has something in all five sets, as a service with AmbientCapabilities= has.
    let out = script(
        "6.1",
        r#"
        available=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
        echo available $available
        box() { word=$1; shift
                setpriv --inh-caps +net_raw,+chown --ambient-caps +net_raw,+chown \
                    "$CH06" --look "$@" rootfs sed -n 's/^Cap/inside: Cap/p' /proc/self/status > told || code=$?
                sed "s/^/$word /" told; echo "status ${code:-0}"; code=; }
        box default --security-opt seccomp=unconfined
        box one --security-opt seccomp=unconfined --cap-drop ALL --cap-add net_bind_service
        box none --filter open.filter --cap-drop ALL"#,
    )?;
    let available = u64::from_str_radix(&said(&out, "available"), 16).unwrap_or(u64::MAX);
    for (case, flags, mask) in [
        ("default", "no flags", 0xa804_25fb_u64 & available),
        ("one", "`--cap-drop ALL --cap-add net_bind_service`", 1 << 10),
        ("none", "`--cap-drop ALL`, and a filter", 0),
    ] {
        for (set, means, misconception) in SETS {
            let expected = if ["CapInh", "CapAmb"].contains(&set) { 0 } else { mask };
            for moment in ["inside", "before execve"] {
                let found = said(&out, &format!("{case} {moment}: {set}:"));
                check(u64::from_str_radix(&found, 16) == Ok(expected))
                    .observed(format!(
                        "with {flags}, {set} {moment} is {found:?}, and should be {expected:016x}"
                    ))
                    .means(means)
                    .misconception(misconception)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn what_is_not_permitted_cannot_be_kept() -> Outcome {
    // A caller whose root is worth nothing (noroot), as some services have it: it has what is ambient, and no CHOWN. Its
    // bounding set has CHOWN all the same.
    let out = script(
        "6.1",
        r#"
        some=+setpcap,+sys_admin,+net_admin,+mknod,+setuid,+setgid,+fowner,+dac_override,+sys_chroot
        grep CapBnd /proc/self/status
        setpriv --securebits +noroot --inh-caps $some --ambient-caps $some \
            "$CH06" --look --security-opt seccomp=unconfined --cap-drop ALL --cap-add CHOWN --cap-add MKNOD \
            rootfs true"#,
    )?;
    for set in ["CapEff", "CapPrm"] {
        let found = said(&out, &format!("before execve: {set}:"));
        check(u64::from_str_radix(&found, 16) == Ok(1 << 27))
            .observed(format!(
                "`--cap-add CHOWN --cap-add MKNOD`, by a caller who has MKNOD and not CHOWN: {set} is {found:?}, and \
                 should be MKNOD alone, {:016x}",
                1 << 27
            ))
            .means("a container cannot be started by whoever has less than all")
            .misconception("a set may only shrink: keep what is wanted *and* permitted")?;
    }
    Ok(())
}

/// Of each set: what it means when it is wrong, and why it usually is. The bounding set first: what is wrong in it is
/// wrong in the others, too, after execve.
const SETS: [(&str, &str, &str); 5] = [
    (
        "CapBnd",
        "a setuid program, or a file with capabilities, can give back what was taken away",
        "effective and permitted are calculated anew at each execve; what the bounding set has, a file can give",
    ),
    (
        "CapInh",
        "a file with inheritable capabilities hands them to whoever runs it (CVE-2022-24769, in Docker and others)",
        "the inheritable set survives execve, and the bounding set does not cut it. Empty it; nobody in a container uses \
         it",
    ),
    (
        "CapAmb",
        "every program that a plain user runs in the container has these capabilities",
        "the ambient set survives execve, and the change of the user, too: it must be cleared",
    ),
    (
        "CapEff",
        "this is what the kernel looks at: root in the container can do more, or less, than was asked for",
        "the effective set is what is in force; set it to what is kept, and leave that to no execve",
    ),
    (
        "CapPrm",
        "what is permitted, a program makes effective with one call",
        "the permitted set is the pool of the effective one: both must shrink. execve calculates them anew; until then it is our own code, in the container already, that has them",
    ),
];

pub(crate) fn a_user_who_is_not_root_has_no_capabilities() -> Outcome {
    let out = script(
        "6.1",
        r#"
        install_whoami
        sed -n 's/^CapBnd:/available/p' /proc/self/status
        filtered --look --user 1000:1000 rootfs whoami-really
        chmod 4755 rootfs/bin/whoami-really
        filtered --user 1000:1000 rootfs sh -c 'whoami-really | sed s/^/setuid-/'"#,
    )?;
    let number = |word: &str| u64::from_str_radix(&said(&out, word), 16);
    let docker = number("available").map(|available| available & 0xa804_25fb);
    let sets = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"];
    for set in sets.iter().flat_map(|set| [set.to_string(), format!("before execve: {set}")]) {
        let set = set.as_str();
        check(number(set) == Ok(0))
            .observed(format!("for `--user 1000:1000`, the kernel says: {set} {:?}", said(&out, set)))
            .means("a plain user of the container has root's powers")
            .misconception(
                "the kernel empties the sets when the user changes, and we have just asked it not to: so we must, with \
                 the last capset",
            )?;
    }
    check(said(&out, "before execve: KeepCaps:") == "0")
        .observed(format!(
            "KeepCaps of prctl(2), before execve, is {:?}",
            said(&out, "before execve: KeepCaps:")
        ))
        .means("whatever changes the user from here on keeps the capabilities, too")
        .misconception(
            "`sys::keep_capabilities(true)` is for one change of the user: switch it off after it",
        )?;
    check(said(&out, "Seccomp:") == "2")
        .observed(format!("Seccomp inside is {:?}, not 2 (a filter)", said(&out, "Seccomp:")))
        .means("the program of a plain user runs without a filter")
        .misconception("the filter has to be installed for every user")?;
    check(number("setuid-CapEff:") == docker && number("CapBnd:") == docker)
        .observed(format!(
            "CapBnd of the user is {}, and a setuid program has CapEff {}",
            said(&out, "CapBnd:"),
            said(&out, "setuid-CapEff:")
        ))
        .means(
            "a setuid program of the image gives this user other capabilities than root of the container has",
        )
        .misconception(
            "what a file can give at execve is limited by the bounding set: it must be what root has",
        )
}
