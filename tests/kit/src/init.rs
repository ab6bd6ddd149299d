//! PID 1 of a world. It prepares the mounts, runs the subject, and says how that ended and what it left.
//!
//! This process has no secrets from a learner: it does in 200 lines what chapters 2 and 3 teach, with less care
//! for security (its subject is no attacker) and more for tidiness.

use crate::inside::{MARK, SELF, told};
use crate::message::{Ended, News, Order, Spec, receive_streams, say};
use crate::proc::Proc;
use crate::{frozen, photograph::Photograph, prepare, world::slowness};
use coracle_ground::spawn::start_with_default_signals;
use coracle_ground::sys;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long what the subject started may take to end after it (times CORACLE_SLOW): exits are not instant.
const GRACE: Duration = Duration::from_secs(1);

/// The higher, the sooner the kernel kills this process when memory runs out; see proc(5).
const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// The whole life of a world's init.
pub(crate) fn run(spec: &Spec, control: &UnixStream) -> io::Result<()> {
    sys::die_with_parent().map_err(told)?;
    // Whatever the tester and the shore have blocked or ignored, the subject starts without. Init needs no protection
    // from Ctrl-C: the kernel spares a PID 1 all signals that it does not handle.
    start_with_default_signals().map_err(told)?;
    let streams = receive_streams(control)?;
    prepare::everything(spec)?;

    let proc = Arc::new(Proc::open()?);
    let before = Photograph::take(&proc)?;
    let mut stderr = File::from(streams[2].try_clone()?);
    // The thread that obeys is made first: a fork bomb might leave no room for it.
    let (at_timeout, pid) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicI32::new(0)));
    let trees: Vec<PathBuf> = spec.trees.iter().map(|(_, place)| place.clone()).collect();
    listen(control.try_clone()?, Arc::clone(&pid), Arc::clone(&proc), trees.clone(), Arc::clone(&at_timeout));
    let subject = match start(spec, streams) {
        Ok(pid) => pid,
        // As a shell does it: a sentence, and 127.
        Err(error) => {
            writeln!(stderr, "world: {error}")?;
            say(control, &News::Started)?;
            return say(control, &News::Ended(Ended { code: Some(127), ..Ended::default() }));
        }
    };
    drop(stderr);
    pid.store(subject.as_raw(), Ordering::Release);
    say(control, &News::Started)?;

    let end = wait_for(subject)?;
    let leftovers = wait_for_the_rest(&proc, &trees);
    end_everything(&trees);
    let leaks = Photograph::take(&proc)?.differences_from(&before);
    let (code, signal) = match end {
        WaitStatus::Exited(_, code) => (Some(code), None),
        WaitStatus::Signaled(_, signal, _) => (None, Some(signal as i32)),
        _ => (None, None),
    };
    let running_at_timeout = at_timeout.lock().map(|list| list.clone()).unwrap_or_default();
    say(control, &News::Ended(Ended { code, signal, leftovers, leaks, running_at_timeout }))
}

/// Starts the subject with the three streams, which only it holds from here on.
fn start(spec: &Spec, [stdin, stdout, stderr]: [OwnedFd; 3]) -> io::Result<Pid> {
    let mut argv = spec.argv.clone();
    if spec.terminal {
        let launcher = [SELF, MARK, "launcher"].map(String::from);
        argv.splice(0..0, launcher);
    }
    // When memory runs out, the subject shall be killed and not its judge. Raising one's own score and lowering it
    // again is allowed to everybody; the child keeps the raised one.
    let own = fs::read_to_string(OOM_SCORE).unwrap_or_default();
    let _ = fs::write(OOM_SCORE, "1000");
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().envs(spec.env.iter().cloned()).current_dir(&spec.dir);
    let child = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn();
    let _ = fs::write(OOM_SCORE, own);
    let child = child.map_err(|e| io::Error::new(e.kind(), format!("start `{}`: {e}", argv[0])))?;
    Ok(Pid::from_raw(child.id() as i32))
}

/// Obeys the host side in a thread of its own. When the host side is gone, so is the world.
fn listen(
    control: UnixStream,
    subject: Arc<AtomicI32>,
    proc: Arc<Proc>,
    trees: Vec<PathBuf>,
    at_timeout: Arc<Mutex<Vec<String>>>,
) {
    thread::spawn(move || {
        for line in BufReader::new(control).lines() {
            match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
                Some(Order::Signal(number)) => {
                    // Nobody sends one before the subject has started: 0 would be everybody.
                    let pid = subject.load(Ordering::Acquire);
                    if let Some(signal) = Signal::try_from(number).ok().filter(|_| pid > 0) {
                        let _ = kill(Pid::from_raw(pid), signal); // it may have ended just now
                    }
                }
                Some(Order::GiveUp) => {
                    // The states first, because then all are stopped: a fork bomb would not let us go on.
                    let still_there = [proc.others(Proc::name_and_state), frozen_groups(&trees)].concat();
                    let _ = kill(Pid::from_raw(-1), Signal::SIGSTOP);
                    if let Ok(mut list) = at_timeout.lock() {
                        *list = still_there;
                    }
                    trees.iter().for_each(|tree| frozen::thaw(tree));
                    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
                }
                None => break,
            }
        }
        exit(3);
    });
}

/// Waits for the subject, and reaps everything else that ends meanwhile: orphans become children of PID 1.
fn wait_for(subject: Pid) -> io::Result<WaitStatus> {
    loop {
        match waitpid(None, None) {
            Ok(status) if status.pid() == Some(subject) => return Ok(status),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits a moment for other processes to end by themselves; those that do not are left behind, and named.
fn wait_for_the_rest(proc: &Proc, trees: &[PathBuf]) -> Vec<String> {
    let until = Instant::now() + GRACE.mul_f64(slowness());
    loop {
        reap();
        let rest = proc.others(Proc::name);
        if rest.is_empty() {
            return rest;
        }
        if Instant::now() > until {
            return [rest, frozen_groups(trees)].concat();
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// A sentence for each group of this world that is frozen: what is in it does not end by itself.
fn frozen_groups(trees: &[PathBuf]) -> Vec<String> {
    let groups = trees.iter().flat_map(|tree| frozen::groups(tree));
    groups.map(|group| format!("the cgroup `{}`, which is frozen", group.display())).collect()
}

/// Kills what is left until nothing is: a process may fork while it is being killed. -1 means everything in this PID
/// namespace but the caller. What is frozen is thawed, or it could not die.
fn end_everything(trees: &[PathBuf]) {
    while kill(Pid::from_raw(-1), Signal::SIGKILL) != Err(Errno::ESRCH) {
        trees.iter().for_each(|tree| frozen::thaw(tree));
        thread::sleep(Duration::from_millis(1));
        reap();
    }
}

/// Takes the status of every child that has ended.
fn reap() {
    while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
    {
    }
}
