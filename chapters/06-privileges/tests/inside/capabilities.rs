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
        box none --cap-drop ALL"#,
    )?;
    let available = u64::from_str_radix(&said(&out, "available"), 16).unwrap_or(u64::MAX);
    for (case, flags, mask) in [
        ("default", "no flags", 0xa804_25fb_u64 & available),
        ("one", "`--cap-drop ALL --cap-add net_bind_service`", 1 << 10),
        ("none", "`--cap-drop ALL`, and the default filter", 0),
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

/// Of each set: what it means when it is wrong, and why it usually is. The bounding set first: what is wrong in it is
/// wrong in the others, too, after execve.
const SETS: [(&str, &str, &str); 5] = [
    (
        "CapBnd",
        "a setuid program, or a file with capabilities, can give back what was taken away",
        "effective and permitted are calculated anew at each execve; only the bounding set stays a limit for all that come",
    ),
    (
        "CapInh",
        "a file with inheritable capabilities hands them to whoever runs it (CVE-2022-24769, in Docker and others)",
        "the inheritable set survives execve. Empty it; nobody in a container uses it",
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
        cp "$WHOAMI" rootfs/bin/whoami-really
        for library in $(ldd "$WHOAMI" | grep -o '/[^ ]*'); do
            mkdir -p "rootfs${library%/*}"
            test -e "rootfs$library" || cp "$library" "rootfs$library"
        done
        box --look --user 1000:1000 rootfs whoami-really
        chmod 4755 rootfs/bin/whoami-really
        box --user 1000:1000 rootfs sh -c 'whoami-really | sed s/^/setuid-/'"#,
    )?;
    let sets = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"];
    for set in sets.iter().flat_map(|set| [set.to_string(), format!("before execve: {set}")]) {
        let set = set.as_str();
        check(u64::from_str_radix(&said(&out, set), 16) == Ok(0))
            .observed(format!("for `--user 1000:1000`, the kernel says: {set} {:?}", said(&out, set)))
            .means("a plain user of the container has root's powers")
            .misconception(
                "the kernel empties the sets when the user changes, and we have just asked it not to: so we must, with \
                 the last capset",
            )?;
    }
    check(said(&out, "Seccomp:") == "2")
        .observed(format!("Seccomp inside is {:?}, not 2 (a filter)", said(&out, "Seccomp:")))
        .means("the program of a plain user runs without a filter")
        .misconception("the filter has to be installed for every user")?;
    check(
        said(&out, "setuid-CapEff:") == said(&out, "CapBnd:") && said(&out, "CapBnd:").ends_with("a80425fb"),
    )
    .observed(format!(
        "CapBnd of the user is {}, and a setuid program has CapEff {}",
        said(&out, "CapBnd:"),
        said(&out, "setuid-CapEff:")
    ))
    .means("a setuid program of the image gives this user other capabilities than root of the container has")
    .misconception("what an execve can give is limited by the bounding set, and by nothing else")
}
