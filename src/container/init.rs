//! Init's side: the ordered steps of the child, from its first instant in new namespaces to the program.
//!
//! This process has a copy of the host side's memory, and nothing to give back: it ends as the program, or it reports
//! what failed and ends. Until `pivot_into` it still sees the host's files; after it, there are none to see.
//!
//! Man pages: `namespaces(7)`, `pivot_root(2)`, `execve(2)`, `credentials(7)`.

use super::stdio::Stdio;
use super::{Container, Network, Prepared, Rootfs, Shared, Tmpfs, filter, terminal};
use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::link::{Armed, Building};
use coracle_ground::sys::MsFlags;
use coracle_ground::{Child, CloneFlags, Errno, Error, InitEnd, Result, Start, spawn, sys, trace};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, make_dev, make_root_read_only, mount_cgroups, mount_sys,
    pivot_into, protect,
};
use coracle_namespaces::{be_init, isolate_mounts, mount_proc, set_hostname};
use coracle_privileges::{
    Privileges, apply_sysctls, drop_privileges, make_devices, set_limits, set_oom_score_adj,
};
use coracle_users::{become_root, become_user};
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use std::convert::Infallible;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

/// Builds the container's world around this process, then becomes its program.
pub(super) fn become_program(
    container: &Container,
    prepared: &Prepared,
    rootfs: &Rootfs,
    stdio: &mut Stdio,
    link: InitEnd,
) -> Result<Infallible> {
    // Ours would survive the exec, and a file that the program means to share would be closed to others.
    sys::umask(0o022);
    let link = link.wait_for_go()?;
    build(container, prepared, rootfs)?;
    let link = connect(container, stdio, link)?;
    let filter = filter::from_bytes(&link.wait_for_exec()?)?;
    let privileges = Privileges { filter, ..prepared.privileges.clone() };
    match container.init {
        true => stay_as_init(container, &privileges, link),
        false => {
            give_up_privileges(container, &privileges)?;
            start_program(container)
        }
    }
}

/// The world, step by step.
fn build(container: &Container, prepared: &Prepared, rootfs: &Rootfs) -> Result<()> {
    let root = container.rootfs.as_path();
    if prepared.maps.is_some() {
        trace::step(4, "Root inside, and outside the user that we are");
        become_root()?;
    }
    trace::step(2, "No mount of ours may travel to the host");
    isolate_mounts()?;
    rootfs.finish(root)?;
    if !container.shared.contains(&Shared::Uts) {
        trace::step(2, "A host name of its own");
        set_hostname(&container.hostname)?;
    }
    if container.network == Network::None {
        trace::step(2, "The new network has a loopback, and it is down: switch it on");
        sys::loopback_up()?;
    }
    trace::step(3, "A /dev with the devices that a program may expect, and no other");
    make_dev(root)?;
    make_devices(root, &prepared.devices)?;
    trace::step(2, "A /proc that shows the processes of the new PID namespace");
    match container.shared.contains(&Shared::Pid) && prepared.maps.is_some() {
        // Only who owns a PID namespace may mount a view of it. The host's own view is there already.
        true => sys::bind(Path::new("/proc"), &sys::mount_point(root, "proc")?, MsFlags::MS_REC)?,
        false => mount_proc(root)?,
    }
    apply_sysctls(root, &prepared.sysctls)?;
    trace::step(3, "A read-only /sys, and the cgroups as seen from here");
    mount_sys(root)?;
    mount_cgroups_over(root)?;
    trace::step(3, "The container's root becomes /, and the host's root is let go");
    pivot_into(root)?;
    if container.security.privileged {
        open_sys(container)?;
    } else {
        trace::step(3, "Masks over what would tell of the host or reach into it");
        protect(&MASKED, &READ_ONLY)?;
    }
    for tmpfs in &container.tmpfs {
        trace::step(3, "A memory filesystem that was asked for");
        mount_tmpfs(tmpfs)?;
    }
    let workdir = Path::new(&container.workdir);
    make_directories(workdir)?;
    if container.read_only {
        trace::step(3, "The root is read-only, for this container alone");
        make_root_read_only()?;
    }
    prepared.oom_score_adj.map_or(Ok(()), set_oom_score_adj)?;
    set_limits(&prepared.limits)
}

/// `--privileged`: `/sys` and the cgroups can be written. Each mount becomes writable for itself (`MS_BIND`): the
/// filesystem behind it is the host's too, and must not change. Only the `/sys` of a new network namespace is new. For root
/// of a user namespace it stays as it is: the kernel lets nobody else.
fn open_sys(container: &Container) -> Result<()> {
    trace::step(6, "--privileged: no masks, and /sys can be written");
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let is_root = sys::is_root_of_the_machine();
    let allowed = |answer: Result<()>| match answer {
        Err(error) if error.errno == Errno::EINVAL => Ok(()), // no mount of its own
        Err(error) if error.errno == Errno::EPERM && !is_root => Ok(()),
        answer => answer,
    };
    if container.network != Network::Host {
        allowed(sys::mount("sysfs", Path::new("/sys"), flags, ""))?;
    }
    let cgroups = cgroup_hierarchies()?.into_iter().map(|hierarchy| hierarchy.path());
    [PathBuf::from("/sys"), PathBuf::from("/sys/fs/cgroup")]
        .into_iter()
        .chain(cgroups)
        .try_for_each(|path| allowed(sys::mount("", &path, flags | MsFlags::MS_BIND, "")))
}

/// Without root and in the host's network, `/sys` is the host's own with all that is mounted in it. Where that is cgroup v2,
/// the kernel refuses the same filesystem on top of itself (EBUSY), so something else goes between.
fn mount_cgroups_over(root: &Path) -> Result<()> {
    let hierarchies = cgroup_hierarchies()?;
    match mount_cgroups(root, &hierarchies) {
        Err(error) if error.errno == Errno::EBUSY => {
            sys::mount("tmpfs", &root.join("sys/fs/cgroup"), MsFlags::empty(), "size=4k")?;
            mount_cgroups(root, &hierarchies)
        }
        answer => answer,
    }
}

/// Standard input, output and error: a terminal of the container's own, or pipes to the host side.
fn connect(container: &Container, stdio: &mut Stdio, link: Building) -> Result<Armed> {
    trace::step(12, "A session of its own: the keys of your terminal do not reach in here by themselves");
    sys::new_session()?;
    if container.tty {
        let (host_end, inner_end) = terminal::open(&container.user)?;
        sys::become_stdio(&inner_end)?;
        return link.prepared_with(&host_end);
    }
    stdio.become_ours(&container.user)?;
    link.prepared()
}

/// From here on this process is what the program will be: its user, its capabilities, its filter.
///
/// Until it is the program, it runs the engine's file, and `/proc/1/exe` leads there. Who is not dumpable cannot be looked
/// into from inside: else root in the container could write to that file (CVE-2019-5736).
fn give_up_privileges(container: &Container, privileges: &Privileges) -> Result<()> {
    trace::step(
        6,
        "Root with its teeth drawn: what the program must not be able to do, it cannot from here on",
    );
    sys::hide_from_other_processes()?;
    drop_privileges(privileges, || {
        trace::step(4, "The program's user and groups");
        become_user(&container.user)
    })
}

/// The last steps: the directory, the program.
fn start_program(container: &Container) -> Result<Infallible> {
    sys::chdir(Path::new(&container.workdir))?;
    let path = container.env.iter().find_map(|pair| pair.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    if container.argv[0].is_empty() {
        // In every directory, nothing is the directory itself.
        return Err(Error::new("find a program without a name", Errno::ENOENT));
    }
    let program = find_program(&container.argv[0], path)?;
    trace::step(1, "The program takes this process over");
    exec_program(&program, &container.argv, &container.env)
}

/// `--init`: this process stays PID 1, with its duties, and the program runs below it.
fn stay_as_init(container: &Container, privileges: &Privileges, link: Armed) -> Result<Infallible> {
    trace::step(2, "--init: PID 1 passes signals on and reaps; the program is its child");
    sys::set_process_name("coracle-init")?;
    let_go_of_the_host()?;
    give_up_privileges(container, privileges)?;
    let end = be_init(|| {
        let program = start_below(container)?;
        link.running()?;
        Ok(program)
    })?;
    sys::exit_now(exit_code(end))
}

/// This process stays, with a copy of all that the engine and its caller had open: directories of the host among them, out
/// through which a program with CAP_SYS_PTRACE would walk (`/proc/1/fd`). Only the sockets are kept: one is the line to the
/// host's side, and nobody walks through a socket.
fn let_go_of_the_host() -> Result<()> {
    let failed = |error: std::io::Error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Error::new("read `/proc/self/fd`", errno)
    };
    let entries = std::fs::read_dir("/proc/self/fd").map_err(failed)?;
    let open: Vec<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        let kind = std::fs::metadata(format!("/proc/self/fd/{number}"));
        let kept = kind.is_ok_and(|kind| {
            kind.file_type().is_socket() || trace::enabled() && !kind.is_dir() // `--explain` writes to one of them
        });
        if !kept {
            // The one of the list itself is closed already (EBADF). None of the others is used again: init never returns.
            let _ = nix::unistd::close(number);
        }
    }
    Ok(())
}

/// Starts the program as a child of init, and waits until it is itself.
fn start_below(container: &Container) -> Result<Child> {
    let (child, host) = spawn(CloneFlags::empty(), |link| {
        link.wait_for_go()?.prepared()?.wait_for_exec()?;
        start_program(container)
    })?;
    if container.tty {
        // Were init in the foreground too, a Ctrl-C would reach the program twice: from the terminal, and through init.
        sys::give_foreground(std::io::stdin(), child.pid())?;
    }
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => Ok(child),
        Start::Failed(error) => Err(error),
    }
}

/// One `--tmpfs`. Its path is resolved in here, so that no link of the image can point it at the host.
fn mount_tmpfs(tmpfs: &Tmpfs) -> Result<()> {
    let target = Path::new(&tmpfs.target);
    make_directories(target)?;
    let (flags, options) = tmpfs.for_mount();
    sys::mount("tmpfs", target, flags, &options)
}

/// Makes the directory `path`, and those above it, where they are missing. `path` is absolute.
fn make_directories(path: &Path) -> Result<()> {
    let mut so_far = PathBuf::from("/");
    for name in path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir)) {
        so_far.push(name);
        match sys::mkdir(&so_far, 0o755) {
            Err(error) if error.errno != Errno::EEXIST => return Err(error),
            _ => stay_inside(&so_far)?,
        }
    }
    Ok(())
}

/// Refuses a path that leads through `/proc/self/fd`: to what is open in this process, which may be a directory of the
/// host (CVE-2024-21626). Its other links stay in the container, because its root does.
fn stay_inside(path: &Path) -> Result<()> {
    let how =
        OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(AT_FDCWD, path, how) {
        Err(Errno::ELOOP) => {
            let path = path.display();
            Err(Error::new(
                format!("use `{path}` as a directory: it leads out of the container"),
                Errno::EPERM,
            ))
        }
        _ => Ok(()), // whatever else is wrong with it, who uses it will say so
    }
}
