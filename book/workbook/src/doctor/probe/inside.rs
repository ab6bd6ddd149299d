//! The child's side of a try. It runs in namespaces of its own, makes mounts there, answers in JSON and ends; then all is gone.
//!
//! ```text
//!   doctor                       child
//!   ──────                       ─────
//!   start itself ──────────────▶ [user namespace, id maps]
//!                                mount, uts, ipc, net, cgroup namespaces
//!                                hostname, private mounts, tmpfs, overlay, nft
//!                                pid namespace ── start itself ──▶ PID 1: /proc, /sys
//!   read JSON ◀───────────────── answer ◀─────────────────────────
//! ```
//!
//! Man pages: unshare(2), user_namespaces(7), mount_namespaces(7), mount(2).

use super::tries::{Mode, child};
use crate::doctor::facts::{Attempt, Tries};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, sethostname};
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

/// Does what the parent asked and prints the answer.
pub(crate) fn answer(mode: Mode, folder: Option<&Path>) -> serde_json::Result<String> {
    match mode {
        Mode::PidOne => serde_json::to_string(&pid_one()),
        Mode::AsIs | Mode::UserNamespace => serde_json::to_string(&try_all(mode, folder)),
    }
}

/// A step that failed; becomes [`Attempt::Fails`].
struct Failure {
    at: String,
    errno: String,
}

impl From<Result<(), Failure>> for Attempt {
    fn from(result: Result<(), Failure>) -> Self {
        match result {
            Ok(()) => Self::Works,
            Err(Failure { at, errno }) => Self::Fails { at, errno },
        }
    }
}

/// Names the step in the error. nix's errors and the standard library's both hold an errno.
fn step<T, E: Into<io::Error>>(at: &str, result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|error| {
        let error: io::Error = error.into();
        let errno = error.raw_os_error().map(nix::errno::Errno::from_raw);
        Failure {
            at: at.into(),
            errno: errno.map_or_else(|| error.to_string(), |errno| format!("{errno:?}")),
        }
    })
}

/// The whole list. The PID namespace comes last: once its first child has ended, no second can be started.
fn try_all(mode: Mode, folder: Option<&Path>) -> Tries {
    let mut tries = Tries { namespaces: enter(mode, folder).into(), ..Tries::default() };
    if !tries.namespaces.works() {
        return tries;
    }
    if let Some(folder) = folder {
        tries.overlay = overlay(&folder.join("overlay")).into();
    }
    tries.overlay_in_memory = overlay(&memory(folder).join("overlay")).into();
    tries.nft = nft();
    match step("unshare(CLONE_NEWPID)", unshare(CloneFlags::CLONE_NEWPID)) {
        Ok(()) => [tries.proc, tries.sys] = ask_pid_one(),
        Err(failure) => tries.namespaces = Err(failure).into(),
    }
    tries
}

/// Where the tmpfs goes: into the folder that was given, else over `/tmp`.
fn memory(folder: Option<&Path>) -> std::path::PathBuf {
    folder.map_or_else(|| "/tmp".into(), |folder| folder.join("memory"))
}

/// Namespaces one by one, so that the answer can say which one was refused.
fn enter(mode: Mode, folder: Option<&Path>) -> Result<(), Failure> {
    if mode == Mode::UserNamespace {
        enter_user_namespace()?;
    }
    for (name, flag) in [
        ("unshare(CLONE_NEWNS)", CloneFlags::CLONE_NEWNS),
        ("unshare(CLONE_NEWUTS)", CloneFlags::CLONE_NEWUTS),
        ("unshare(CLONE_NEWIPC)", CloneFlags::CLONE_NEWIPC),
        ("unshare(CLONE_NEWNET)", CloneFlags::CLONE_NEWNET),
        ("unshare(CLONE_NEWCGROUP)", CloneFlags::CLONE_NEWCGROUP),
    ] {
        step(name, unshare(flag))?;
    }
    step("sethostname", sethostname("coracle-doctor"))?;
    // Recursively private: without this, a mount made here could appear on the host.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    step("make mounts private", mount(None::<&str>, "/", None::<&str>, private, None::<&str>))?;
    let memory = memory(folder);
    step("make a directory", fs::create_dir_all(&memory))?;
    step("mount tmpfs", mount(Some("coracle"), &memory, Some("tmpfs"), MsFlags::empty(), Some("size=1m")))
}

/// Root inside is us outside. The group map may be written only after setgroups is denied (user_namespaces(7)).
fn enter_user_namespace() -> Result<(), Failure> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    step("unshare(CLONE_NEWUSER)", unshare(CloneFlags::CLONE_NEWUSER))?;
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/gid_map", format!("0 {gid} 1")),
        ("/proc/self/uid_map", format!("0 {uid} 1")),
    ] {
        step(&format!("write {file}"), fs::write(file, text))?;
    }
    Ok(())
}

/// Mounts an overlay and changes a file through it: the lower copy must stay, the upper one must appear. And a directory is
/// made anew, which the overlay must note beside it: a tmpfs before Linux 6.6 keeps no notes of an ordinary user.
fn overlay(at: &Path) -> Result<(), Failure> {
    for name in ["lower/again", "upper", "work", "merged"] {
        step("make a directory", fs::create_dir_all(at.join(name)))?;
    }
    step("write a file", fs::write(at.join("lower/file"), "lower"))?;
    // Relative names: a comma or colon in the data root's path would have to be escaped in the options.
    step("change directory", env::set_current_dir(at))?;
    let notes = if is_root_of_the_machine() { "" } else { ",userxattr" };
    let options = &*format!("lowerdir=lower,upperdir=upper,workdir=work{notes}");
    step(
        "mount overlay",
        mount(Some("coracle"), "merged", Some("overlay"), MsFlags::empty(), Some(options)),
    )?;
    step("write through the overlay", fs::write("merged/file", "upper"))?;
    let kept = fs::read("lower/file").is_ok_and(|text| text == b"lower");
    let copied = fs::read("upper/file").is_ok_and(|text| text == b"upper");
    let again = fs::remove_dir("merged/again").and_then(|()| fs::create_dir("merged/again"));
    step("unmount the overlay", umount2("merged", MntFlags::MNT_DETACH))?;
    let _ = env::set_current_dir("/");
    // The kernel made `work/work` with mode 000: only a process with capabilities, such as this one, can look into it.
    step("remove the overlay's directories", fs::remove_dir_all(at))?;
    step("make a directory again in the overlay", again)?;
    if kept && copied {
        Ok(())
    } else {
        Err(Failure { at: "copy up".into(), errno: "the lower file changed".into() })
    }
}

/// Only this root may write the notes that an overlay makes without `userxattr`.
fn is_root_of_the_machine() -> bool {
    let everybody = |map: String| map.split_whitespace().eq(["0", "0", "4294967295"]);
    fs::read_to_string("/proc/self/uid_map").is_ok_and(everybody)
}

/// A table in the new network namespace, made by the tool that chapter 10 uses.
fn nft() -> Attempt {
    let Some(tool) = super::find("nft") else {
        return Attempt::NotTried;
    };
    let at = "nft add table".to_owned();
    match Command::new(tool).args(["add", "table", "inet", "coracle_doctor"]).output() {
        Ok(output) if output.status.success() => Attempt::Works,
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            Attempt::Fails { at, errno: words.lines().next().unwrap_or("failed").to_owned() }
        }
        Err(error) => Attempt::Fails { at, errno: error.to_string() },
    }
}

/// Starts PID 1 of the new PID namespace and reads its answer.
fn ask_pid_one() -> [Attempt; 2] {
    let answer = child(Mode::PidOne, None).map(|output| serde_json::from_slice(&output.stdout));
    let why = match answer {
        Ok(Ok(attempts)) => return attempts,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    let fails = Attempt::Fails { at: "start PID 1".into(), errno: why };
    [fails.clone(), fails]
}

/// Mounts that only make sense in the new namespaces: `/proc` shows the PID namespace of the mounting process, `/sys` its network.
fn pid_one() -> [Attempt; 2] {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    [("proc", "/proc"), ("sysfs", "/sys")].map(|(kind, at)| {
        let done = mount(Some(kind), at, Some(kind), flags, None::<&str>);
        step(&format!("mount {kind} on `{at}`"), done).into()
    })
}
