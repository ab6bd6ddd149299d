//! The escape room of chapter 6, against the engine: every attack is stopped, and with its one fix switched off it
//! succeeds again, so that each test tells which fix it was.
//!
//! The attacks are the program `escape-room`; `chapters/06-privileges/src/escapes` tells what each does, and that
//! chapter's own tests show in which runtime of the book it still succeeds.

use coracle_testkit::{Outcome, World, check, milestone};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

#[path = "../engine/mod.rs"]
mod engine;

milestone! { bin: "coracle", tests: {
    "capabilities" => what_is_mounted_over_the_kernels_switches_stays,
    "capabilities" => the_machine_has_no_sysrq_for_a_container needs File("/proc/sysrq-trigger"),
    "capabilities" => no_handle_clock_or_program_of_the_kernel_is_given_out,
    "capabilities" => with_the_capability_back_the_attack_is_back needs Root,
    "capabilities" => frames_are_for_whom_docker_leaves_them,
    "capabilities" => a_setuid_program_gains_nothing_when_told_so needs Root,
    "filter" => no_call_past_the_filter,
    "devices" => the_disk_of_the_host_stays_closed needs File("/dev/loop0"),
    "devices" => a_disk_that_was_given_is_open needs Root and File("/dev/loop0"),
    "namespaces" => no_process_and_no_socket_of_the_host_is_near,
    "descriptors" => an_open_directory_of_the_caller_does_not_leak,
    "descriptors" => the_engines_own_file_is_not_written,
    "terminal" => nothing_is_typed_into_the_callers_terminal,
    "image" => links_in_an_image_lead_no_mount_to_the_host,
}}

/// An attack and what must come of it: words of its one line of output.
type Try<'a> = (&'a str, &'a str);

/// An image that holds the attacks, the libraries that they need, and nothing else.
const ROOM: &str = r#"
mkdir -p image/bin image/tmp; cp "$ROOM" image/bin/escape-room
for library in $(ldd "$ROOM" | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p'); do
    mkdir -p "image${library%/*}"; cp "$library" "image$library"
done
coracle import image room > /dev/null
run() { coracle run --rm "$@"; }
try() { label=$1; shift; said=$("$@"); echo "$label $? $said"; }
"#;

/// Runs each command of the host's shell, after `before`, and compares its output with the words beside it.
fn room(world: World, before: &str, tries: &[Try<'_>]) -> Outcome {
    let commands: String = tries
        .iter()
        .enumerate()
        .map(|(number, (command, _))| format!("try try-{number} {command}\n"))
        .collect();
    let world = world.env("ROOM", &attacks().display().to_string());
    let out = engine::script_in(world, &format!("{ROOM}{before}\n{commands}"))?;
    for (number, (command, words)) in tries.iter().enumerate() {
        let label = format!("try-{number} ");
        let said =
            out.stdout.lines().find_map(|line| line.trim_end().strip_prefix(&label)).unwrap_or_default();
        check(said.contains(words))
            .observed(format!(
                "`{command}` ended with {said:?}, and not with {words:?}: {}",
                out.stderr.trim()
            ))
            .means(match words.starts_with("0 escaped") {
                true => "the attack does not work where it should: so its failure elsewhere proves nothing",
                false => "a known attack gets out of a container of this engine",
            })
            .misconception(engine::LOOK)?;
    }
    Ok(())
}

/// The program with the attacks lies beside the engine, when the whole workspace was built. Otherwise it is built now.
fn attacks() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_coracle")).with_file_name("escape-room");
        if !program.exists() {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
            cargo.args(["build", "--quiet", "--package", "coracle-privileges", "--bin", "escape-room"]);
            if !cfg!(debug_assertions) {
                cargo.arg("--release");
            }
            let _ = cargo.status(); // without the program the tests fail, and say what they miss
        }
        program
    })
}

fn what_is_mounted_over_the_kernels_switches_stays() -> Outcome {
    room(
        engine::long_world(),
        "",
        &[
            ("run room escape-room core-pattern", "(without CAP_SYS_ADMIN, seccomp filter"),
            ("run --init room escape-room core-pattern", "(without CAP_SYS_ADMIN, seccomp filter"),
            ("run room escape-room unmask", "EPERM (without CAP_SYS_ADMIN, seccomp filter"),
            ("run room escape-room release-agent", "(without CAP_SYS_ADMIN, seccomp filter"),
        ],
    )
}

fn the_machine_has_no_sysrq_for_a_container() -> Outcome {
    room(engine::world(), "", &[("run room escape-room sysrq", "(without CAP_SYS_ADMIN, seccomp filter")])
}

fn no_handle_clock_or_program_of_the_kernel_is_given_out() -> Outcome {
    room(
        engine::long_world(),
        r#"echo treasure > secret; handle=$("$ROOM" handle-of secret)"#,
        &[
            ("run room escape-room handle $handle", "EPERM (without CAP_DAC_READ_SEARCH, seccomp filter"),
            ("run room escape-room clock", "EPERM (without CAP_SYS_TIME, seccomp filter"),
            ("run room escape-room bpf", "EPERM (without CAP_BPF, seccomp filter"),
        ],
    )
}

fn with_the_capability_back_the_attack_is_back() -> Outcome {
    room(
        engine::long_world(),
        "",
        &[
            ("run --cap-add SYS_ADMIN room escape-room core-pattern", "0 escaped"),
            ("run --cap-add SYS_ADMIN room escape-room unmask", "0 escaped"),
            ("run --privileged room escape-room core-pattern", "0 escaped"),
            ("run --cap-add SYS_TIME room escape-room clock", "0 escaped"),
            ("run --cap-add SYS_ADMIN room escape-room bpf", "0 escaped"),
        ],
    )
}

fn frames_are_for_whom_docker_leaves_them() -> Outcome {
    room(
        engine::world(),
        "",
        &[
            ("run room escape-room packets", "0 escaped"),
            ("run --cap-drop NET_RAW room escape-room packets", "EPERM (without CAP_NET_RAW, seccomp filter"),
        ],
    )
}

fn a_setuid_program_gains_nothing_when_told_so() -> Outcome {
    room(
        engine::world(),
        "chmod 4755 image/bin/escape-room; coracle import image again > /dev/null",
        &[
            ("run --user 1000 again escape-room setuid", "0 escaped: user 1000 is root"),
            ("run --user 1000 --security-opt no-new-privileges again escape-room setuid", "no_new_privs"),
        ],
    )
}

fn no_call_past_the_filter() -> Outcome {
    room(
        engine::long_world(),
        r#"key() { "$ROOM" with-secret-key coracle run --rm "$@"; }"#,
        &[
            ("run room escape-room user-namespace", "EPERM (seccomp filter"),
            ("key room escape-room keyring", "EPERM (seccomp filter"),
            ("run room escape-room io-uring", "EPERM (seccomp filter"),
            ("key --security-opt seccomp=unconfined room escape-room keyring", "0 escaped"),
            ("run --security-opt seccomp=unconfined room escape-room io-uring", "0 escaped"),
        ],
    )
}

/// `7:0` is an empty loop device. Root fails when the node is opened, root in a user namespace when it is made.
fn the_disk_of_the_host_stays_closed() -> Outcome {
    room(engine::world(), "", &[("run room escape-room disk 7:0", "EPERM (with CAP_MKNOD, seccomp filter")])
}

fn a_disk_that_was_given_is_open() -> Outcome {
    room(engine::world(), "", &[("run --device /dev/loop0 room escape-room disk 7:0", "0 escaped")])
}

fn no_process_and_no_socket_of_the_host_is_near() -> Outcome {
    room(
        engine::long_world().env("SECRET", "treasure"),
        r#"service() { "$ROOM" listening-on host-service coracle run --rm "$@"; }"#,
        &[
            ("run room escape-room process-root", "ESRCH"),
            ("run room escape-room memory SECRET=", "ESRCH"),
            // PID 1 is then a copy of the engine, with what the caller had in the environment.
            ("run --init room escape-room memory SECRET=", "1 stopped"),
            ("service room escape-room abstract-socket host-service", "ECONNREFUSED"),
            ("service --network host room escape-room abstract-socket host-service", "0 escaped"),
        ],
    )
}

/// `--workdir /proc/self/fd/N` is how the image of 2024 did it.
fn an_open_directory_of_the_caller_does_not_leak() -> Outcome {
    room(
        engine::world(),
        r#"mkdir host; exec 8< host 9< /
        doors() {
            for fd in 3 4 5 6 7 8 9 10 11 12; do
                run -w /proc/self/fd/$fd "$@" room escape-room leaked-directory
            done 2> /dev/null | grep -c escaped
        }
        door() { run "$1" "$2" room escape-room leaked-directory 2>&1; }
        on_host() { run "$1" "$2" room escape-room leaked-directory 2> /dev/null; ls host | wc -l; }"#,
        &[
            ("run room escape-room leaked-directory", "EBADF"),
            // PID 1 is then a copy of the engine, and this capability opens its descriptors to the program.
            ("run --init --cap-add SYS_PTRACE room escape-room leaked-directory others", "EBADF"),
            ("doors", "1 0"),
            ("doors --init", "1 0"),
            ("door -w /proc/self/fd/9", "125 coracle: "),
            ("on_host -w /proc/self/fd/8/made", "0 0"),
            ("on_host -w /dev/fd/8/made", "0 0"),
            ("on_host --tmpfs /proc/self/fd/8/made", "0 0"),
        ],
    )
}

/// Below `--init` the engine's own file is what PID 1 executes.
fn the_engines_own_file_is_not_written() -> Outcome {
    room(
        engine::world(),
        "",
        &[
            ("run --init room escape-room runtime 1", "EACCES (without CAP_SYS_PTRACE, seccomp filter"),
            // The door is open, and the file is being executed: by PID 1, and by the engine that waits for it.
            ("run --init --cap-add SYS_PTRACE room escape-room runtime 1", "1 stopped: open the runtime's"),
        ],
    )
}

fn nothing_is_typed_into_the_callers_terminal() -> Outcome {
    room(
        engine::long_world().terminal(),
        r#"stty -echo
         outer() { "$@" > /dev/null; timeout 1 head -n 1; echo "and no more"; }"#,
        &[
            ("run room escape-room terminal", "1 stopped"),
            ("run -i room escape-room terminal", "1 stopped"),
            // With -t there is a terminal to type into: the container's own.
            ("outer run -t room escape-room terminal", "0 and no more"),
        ],
    )
}

fn links_in_an_image_lead_no_mount_to_the_host() -> Outcome {
    room(
        engine::long_world(),
        r#"mkdir host; host=$PWD/host
        linked() {
            rm -rf image/dev image/proc image/sys; ln -s "$host" "image/$1"
            coracle import image linked > /dev/null
            run linked escape-room unmask > /dev/null 2>&1
            echo "$? $(ls -A "$host" | wc -l) files on the host"
        }"#,
        &[
            ("linked dev", "125 0 files on the host"),
            ("linked proc", "125 0 files on the host"),
            ("linked sys", "125 0 files on the host"),
        ],
    )
}
