//! The escape room: each known attack in the last runtime in which it succeeds, then in the one that stops it. Where
//! that can be done, also once more with the one fix switched off: then it must succeed again, or another fix did it.
//!
//! What each attack does is told in `src/escapes`. All of them run in a throwaway world.

use coracle_testkit::{Outcome, World, check, milestone};

milestone! { bin: "ch06", tests: {
    "6.1" => core_pattern_stays_read_only_without_sys_admin needs Root,
    "6.1" => sysrq_stays_read_only_without_sys_admin needs Root and File("/proc/sysrq-trigger"),
    "6.1" => a_mask_stays_without_sys_admin,
    "6.1" => a_release_agent_is_out_of_reach_without_sys_admin needs Root and CgroupV1,
    "6.1" => no_handle_opens_a_file_of_the_host needs Root,
    "6.1" => the_runtime_that_enters_is_not_overwritten needs Root and Tool("pgrep") and Tool("nsenter"),
    "6.1" => the_clock_stays needs Root,
    "6.1" => the_kernel_takes_no_program needs Root,
    "6.1" => frames_need_a_capability_that_docker_leaves,
    "6.1" => nothing_is_typed_into_the_outer_terminal needs Root and Tool("setsid"),
    "6.2" => setuid_gives_nothing_without_new_privileges needs Root,
    "6.3" => no_user_namespace_gives_the_capabilities_back needs UserNamespaces,
    "6.3" => the_session_keyring_is_not_asked,
    "6.3" => no_ring_passes_the_filter,
    "6.4" => the_hosts_disk_stays_closed needs Mknod and File("/dev/loop0"),
    "1.3" => no_directory_leaks_in needs Tool("unshare"),
    "2.1" => no_process_of_the_host_lends_its_root needs Tool("unshare"),
    "2.1" => no_process_of_the_host_can_be_read needs Tool("unshare"),
    "2.1" => an_abstract_socket_of_the_host_is_out_of_reach,
}}

/// One try of an attack: where, the command of the host's shell, and what must come of it.
enum Try {
    /// It succeeds here.
    Escapes(&'static str, &'static str),
    /// It is stopped here; these words must be in what it says.
    Stops(&'static str, &'static str, &'static str),
}

use Try::{Escapes, Stops};

/// Brings the attack into the image with the libraries that it needs, and the runtimes under their names. `try LABEL
/// COMMAND…` prints the label, the status and what the command said.
const ROOM: &str = r#"
mkdir bin; PATH=$PWD/bin:$PATH
ln -s "$CH01" bin/ch01; ln -s "$CH02" bin/ch02; ln -s "$CH03" bin/ch03; ln -s "$CH06" bin/ch06
ln -s "$ROOM" bin/escape-room; cp "$ROOM" rootfs/bin/escape-room
for library in $(ldd "$ROOM" | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p'); do
    mkdir -p "rootfs${library%/*}"
    test -e "rootfs$library" || cp "$library" "rootfs$library"
done
try() {
    label=$1; shift; status=0
    said=$("$@") || status=$?
    echo "$label $status $said"
}
"#;

/// Makes all tries in one world, after the host's own `preparation`. `fix` says what stops the attack.
fn room(world: World, preparation: &str, fix: &str, tries: &[Try]) -> Outcome {
    let runtimes = [
        ("CH01", env!("CARGO_BIN_EXE_ch01-again")),
        ("CH02", env!("CARGO_BIN_EXE_ch02-again")),
        ("CH03", env!("CARGO_BIN_EXE_ch03-again")),
        ("CH06", BIN),
        ("ROOM", env!("CARGO_BIN_EXE_escape-room")),
    ];
    let world = runtimes.iter().fold(world, |world, (name, path)| world.env(name, path));
    let commands = tries.iter().enumerate().map(|(number, attempt)| {
        let (Escapes(_, command) | Stops(_, command, _)) = attempt;
        format!("try try-{number} {command}\n")
    });
    let out = world.script(&format!("{ROOM}{preparation}\n{}", commands.collect::<String>()))?;
    for (number, attempt) in tries.iter().enumerate() {
        let label = format!("try-{number} ");
        let said =
            out.stdout.lines().find_map(|line| line.trim_end().strip_prefix(&label)).unwrap_or_default();
        match attempt {
            Escapes(place, command) => check(said.starts_with("0 escaped: "))
                .observed(format!("{place}: `{command}` ended with {said:?}: {}", out.stderr.trim()))
                .means("the attack does not work where it should: so its failure elsewhere proves nothing")
                .misconception("none of yours, if this is an earlier chapter: `cargo workbook doctor`")?,
            Stops(place, command, words) => check(said.starts_with("1 stopped: ") && said.contains(words))
                .observed(format!(
                    "{place}: `{command}` ended with {said:?}, and not with `stopped: … {words}`: {}",
                    out.stderr.trim()
                ))
                .means("a known attack on the host gets further than it may")
                .misconception(fix)?,
        }
    }
    Ok(())
}

fn core_pattern_stays_read_only_without_sys_admin() -> Outcome {
    room(
        World::new(),
        "",
        "a read-only mount is no protection against who may mount: CAP_SYS_ADMIN must go",
        &[
            Escapes("chapter 2, without read-only paths", "ch02 rootfs escape-room core-pattern"),
            Escapes("chapter 3, after a remount", "ch03 rootfs escape-room core-pattern"),
            Stops("chapter 6", "ch06 rootfs escape-room core-pattern", "EPERM (without CAP_SYS_ADMIN"),
            Escapes("with the fix off", "ch06 --cap-add SYS_ADMIN rootfs escape-room core-pattern"),
        ],
    )
}

fn sysrq_stays_read_only_without_sys_admin() -> Outcome {
    room(
        World::new(),
        "",
        "a read-only mount is no protection against who may mount: CAP_SYS_ADMIN must go",
        &[
            Escapes("chapter 2, without read-only paths", "ch02 rootfs escape-room sysrq"),
            Escapes("chapter 3, after a remount", "ch03 rootfs escape-room sysrq"),
            Stops("chapter 6", "ch06 rootfs escape-room sysrq", "EPERM (without CAP_SYS_ADMIN"),
            Escapes("with the fix off", "ch06 --cap-add SYS_ADMIN rootfs escape-room sysrq"),
        ],
    )
}

fn a_mask_stays_without_sys_admin() -> Outcome {
    room(
        World::new(),
        "",
        "a mask is a mount, and who may unmount takes it off: CAP_SYS_ADMIN must go",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room unmask"),
            Stops("chapter 6", "ch06 rootfs escape-room unmask", "EPERM (without CAP_SYS_ADMIN"),
            Escapes("with the fix off", "ch06 --cap-add SYS_ADMIN rootfs escape-room unmask"),
        ],
    )
}

fn a_release_agent_is_out_of_reach_without_sys_admin() -> Outcome {
    room(
        World::new(),
        "",
        "a cgroup namespace hides nothing from a process that is at the top of a hierarchy: without \
         CAP_SYS_ADMIN it cannot mount the hierarchy",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room release-agent"),
            Stops("chapter 6", "ch06 rootfs escape-room release-agent", "EPERM (without CAP_SYS_ADMIN"),
            Escapes("with the fix off", "ch06 --cap-add SYS_ADMIN rootfs escape-room release-agent"),
        ],
    )
}

fn no_handle_opens_a_file_of_the_host() -> Outcome {
    room(
        World::new(),
        "echo treasure > secret; handle=$(escape-room handle-of secret)",
        "a handle is found without a path, so no root is in its way: CAP_DAC_READ_SEARCH must go",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room handle $handle"),
            Stops("chapter 6", "ch06 rootfs escape-room handle $handle", "EPERM (without CAP_DAC_READ"),
            Escapes("with the fix off", "ch06 --cap-add DAC_READ_SEARCH rootfs escape-room handle $handle"),
        ],
    )
}

/// What enters is a copy of `nsenter`: another program than the one that keeps the container, as runc is. The image has a
/// trap for it, and the libraries that it needs. It enters again and again until the attack has ended.
const OVERWRITE: &str = r#"
cp "$(command -v nsenter)" runtime
cp -n --parents $(ldd runtime | grep -o '/[^ ]*') rootfs
printf '#!/proc/self/exe --version\n' > rootfs/bin/trap; chmod +x rootfs/bin/trap
overwrite() {
    "$@" > answer & host=$!
    until init=$(pgrep -P $host); do sleep 0.02; done
    while kill -0 $host 2> /dev/null; do
        ./runtime -t $init -a /bin/trap > /dev/null 2>&1 || true
        sleep 0.05
    done
    status=0; wait $host || status=$?
    cat answer
    return $status
}"#;

fn the_runtime_that_enters_is_not_overwritten() -> Outcome {
    room(
        World::new(),
        OVERWRITE,
        "root inside may look into a process that has no capability more than itself: the container must \
         have fewer than the runtime",
        &[
            Escapes("chapter 3", "overwrite ch03 rootfs escape-room runtime 4"),
            Stops("chapter 6", "overwrite ch06 rootfs escape-room runtime 1", "EACCES (without CAP_SYS_PTR"),
            Escapes("with the fix off", "overwrite ch06 --cap-add SYS_PTRACE rootfs escape-room runtime 4"),
        ],
    )
}

fn the_clock_stays() -> Outcome {
    room(
        World::new(),
        "",
        "the time of day has no namespace: CAP_SYS_TIME must go",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room clock"),
            Stops("chapter 6", "ch06 rootfs escape-room clock", "EPERM (without CAP_SYS_TIME"),
            Escapes("with the fix off", "ch06 --cap-add SYS_TIME rootfs escape-room clock"),
        ],
    )
}

fn the_kernel_takes_no_program() -> Outcome {
    room(
        World::new(),
        "",
        "programs for the kernel need CAP_BPF or CAP_SYS_ADMIN: both must go",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room bpf"),
            Stops("chapter 6", "ch06 rootfs escape-room bpf", "EPERM (without CAP_BPF"),
            Escapes("with the fix off", "ch06 --cap-add SYS_ADMIN rootfs escape-room bpf"),
        ],
    )
}

fn frames_need_a_capability_that_docker_leaves() -> Outcome {
    room(
        World::new(),
        "",
        "CAP_NET_RAW is in Docker's default set: who does not want it says so",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room packets"),
            Escapes("chapter 6, as Docker", "ch06 rootfs escape-room packets"),
            Stops(
                "chapter 6",
                "ch06 --cap-drop NET_RAW rootfs escape-room packets",
                "EPERM (without CAP_NET_RAW",
            ),
        ],
    )
}

fn nothing_is_typed_into_the_outer_terminal() -> Outcome {
    room(
        World::new().terminal(),
        "stty -echo",
        "the terminal asks for the session of the caller, or for CAP_SYS_ADMIN: both must be missing",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room terminal"),
            Escapes("chapter 3, in a session of its own", "setsid -w ch03 rootfs escape-room terminal"),
            Stops("chapter 6", "setsid -w ch06 rootfs escape-room terminal", "(without CAP_SYS_ADMIN"),
            Escapes("with the fix off", "setsid -w ch06 --cap-add SYS_ADMIN rootfs escape-room terminal"),
        ],
    )
}

fn setuid_gives_nothing_without_new_privileges() -> Outcome {
    room(
        World::new(),
        "chmod 4755 rootfs/bin/escape-room",
        "a user is not the end: a setuid program of the image makes root of him, unless no_new_privs is set",
        &[
            Escapes("chapter 6, as Docker", "ch06 --user 1000 rootfs escape-room setuid"),
            Stops(
                "chapter 6",
                "ch06 --security-opt no-new-privileges --user 1000 rootfs escape-room setuid",
                "no_new_privs",
            ),
        ],
    )
}

fn no_user_namespace_gives_the_capabilities_back() -> Outcome {
    let tries = [
        Escapes("chapter 3", "ch03 rootfs escape-room user-namespace"),
        Stops("chapter 6", "ch06 rootfs escape-room user-namespace", "EPERM (seccomp filter"),
        Escapes(
            "with the fix off",
            "ch06 --security-opt seccomp=unconfined rootfs escape-room user-namespace",
        ),
    ];
    // Where AppArmor stops it, too, it does not succeed again without the filter.
    let switch = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
    let twice = std::fs::read_to_string(switch).is_ok_and(|value| value.trim() == "1");
    room(
        World::new(),
        "",
        "capabilities that were taken away come back in a new user namespace: only a filter forbids that",
        &tries[..if twice { 2 } else { 3 }],
    )
}

fn the_session_keyring_is_not_asked() -> Outcome {
    room(
        World::new(),
        "",
        "the session's keyring has no namespace, and asking takes no capability: only a filter forbids it",
        &[
            Escapes("chapter 3", "escape-room with-secret-key ch03 rootfs escape-room keyring"),
            Stops(
                "chapter 6",
                "escape-room with-secret-key ch06 rootfs escape-room keyring",
                "EPERM (seccomp filter",
            ),
            Escapes(
                "with the fix off",
                "escape-room with-secret-key ch06 --security-opt seccomp=unconfined rootfs escape-room keyring",
            ),
        ],
    )
}

fn no_ring_passes_the_filter() -> Outcome {
    room(
        World::new(),
        "",
        "what is asked through a ring is asked past the filter: the filter must forbid the ring",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room io-uring"),
            Stops("chapter 6", "ch06 rootfs escape-room io-uring", "EPERM (seccomp filter"),
            Escapes("with the fix off", "ch06 --security-opt seccomp=unconfined rootfs escape-room io-uring"),
        ],
    )
}

/// `7:0` is an empty loop device: a disk that every machine has, and in whose place no other can be broken.
fn the_hosts_disk_stays_closed() -> Outcome {
    room(
        World::new(),
        "",
        "a node is two numbers that everybody knows: the device group must forbid to open what was not given",
        &[
            Escapes("chapter 3", "ch03 rootfs escape-room disk 7:0"),
            Stops("chapter 6", "ch06 rootfs escape-room disk 7:0", "EPERM (with CAP_MKNOD"),
            Escapes("with the fix off", "ch06 --device /dev/loop0 rootfs escape-room disk 7:0"),
        ],
    )
}

fn no_directory_leaks_in() -> Outcome {
    room(
        World::new(),
        "exec 9< /",
        "an open directory is a way out of every root: all descriptors but three are closed on exec",
        &[
            Escapes("a plain chroot", "unshare -m chroot rootfs /bin/escape-room leaked-directory"),
            Stops("chapter 1", "unshare -m ch01 rootfs escape-room leaked-directory", "EBADF"),
            Stops("chapter 6", "ch06 rootfs escape-room leaked-directory", "EBADF"),
        ],
    )
}

fn no_process_of_the_host_lends_its_root() -> Outcome {
    room(
        World::new(),
        "",
        "whoever sees a process can go through its root: the container needs a PID namespace",
        &[
            Escapes("chapter 1", "unshare -m ch01 rootfs escape-room process-root"),
            Stops("chapter 2", "ch02 rootfs escape-room process-root", "ESRCH"),
            Stops("chapter 6", "ch06 rootfs escape-room process-root", "ESRCH"),
        ],
    )
}

fn no_process_of_the_host_can_be_read() -> Outcome {
    room(
        World::new().env("SECRET", "treasure"),
        "",
        "whoever sees a process can read its memory: the container needs a PID namespace, and in it no copy of \
         the runtime",
        &[
            Escapes("chapter 1", "unshare -m ch01 rootfs escape-room memory SECRET="),
            Escapes("chapter 2, out of its init", "ch02 rootfs escape-room memory SECRET="),
            Stops("chapter 3", "ch03 rootfs escape-room memory SECRET=", "ESRCH"),
            Stops("chapter 6", "ch06 rootfs escape-room memory SECRET=", "ESRCH"),
        ],
    )
}

fn an_abstract_socket_of_the_host_is_out_of_reach() -> Outcome {
    room(
        World::new(),
        "service() { escape-room listening-on host-service \"$@\"; }",
        "an abstract socket belongs to a network namespace, not to a directory: the container needs its own",
        &[
            Escapes("chapter 1", "service ch01 rootfs escape-room abstract-socket host-service"),
            Stops(
                "chapter 2",
                "service ch02 rootfs escape-room abstract-socket host-service",
                "ECONNREFUSED",
            ),
            Stops(
                "chapter 6",
                "service ch06 rootfs escape-room abstract-socket host-service",
                "ECONNREFUSED",
            ),
        ],
    )
}
