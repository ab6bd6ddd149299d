//! Runs other programs: in a process group of their own with a time limit, or in the foreground with the terminal.

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Command, ExitCode, ExitStatus, Stdio, exit},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// The groups that must not outlive this process.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());
/// A program has the terminal: Ctrl-C is for it.
static FOREGROUND: AtomicBool = AtomicBool::new(false);

/// How a program ended, and what it said.
pub(crate) struct Ended {
    /// Its status; `None` when the time was up and it was killed.
    pub(crate) status: Option<ExitStatus>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ended {
    /// Ended by itself, with 0.
    pub(crate) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// On Ctrl-C and SIGTERM: kills what was started in groups of its own, then leaves with 130.
pub(crate) fn die_together() -> Result<()> {
    let handler = || {
        if !FOREGROUND.load(Ordering::SeqCst) {
            let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
            groups.iter().for_each(|group| kill_group(*group));
            exit(130);
        }
    };
    ctrlc::set_handler(handler).context("take Ctrl-C")
}

/// Runs `command` without a terminal in its own process group, and kills the whole group when `limit` is over.
///
/// Each line of standard error goes to `progress` as it comes.
pub(crate) fn in_group(command: &mut Command, limit: Duration, progress: fn(&str)) -> Result<Ended> {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("start {:?}", command.get_program()))?;
    let group = i32::try_from(child.id()).context("a process id beyond i32")?;
    groups(|list| list.push(group));
    let out = child.stdout.take().map(|pipe| gather(pipe, |_| {}));
    let err = child.stderr.take().map(|pipe| gather(pipe, progress));
    let status = wait(&mut child, limit)?;
    kill_group(group);
    if status.is_none() {
        child.wait().context("wait for the killed program")?;
    }
    groups(|list| list.retain(|other| *other != group));
    Ok(Ended {
        status,
        stdout: out.map_or_else(String::new, text),
        stderr: err.map_or_else(String::new, text),
    })
}

/// Gives `command` the terminal and waits for it; its exit code, or 128 and the signal.
pub(crate) fn in_foreground(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::ExitStatusExt;
    FOREGROUND.store(true, Ordering::SeqCst);
    let status = command.status().with_context(|| format!("start {:?}", command.get_program()));
    FOREGROUND.store(false, Ordering::SeqCst);
    let status = status?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// `CORACLE_SLOW=15` says that this machine is 15 times slower than most.
pub(crate) fn patience(seconds: f64) -> Duration {
    let told = std::env::var("CORACLE_SLOW").ok().and_then(|times| times.parse().ok());
    let slow = told.filter(|times: &f64| times.is_finite() && *times > 0.0).unwrap_or(1.0);
    Duration::try_from_secs_f64(seconds * slow).unwrap_or(Duration::MAX)
}

/// Waits for the end; `None` when the program still runs after `limit`.
fn wait(child: &mut std::process::Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("wait for a program")? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a reading thread has gathered, and the channel that closes when it is done.
type Gathering = (Arc<Mutex<Vec<u8>>>, mpsc::Receiver<()>);

/// Reads a pipe in a thread of its own.
fn gather(pipe: impl Read + Send + 'static, progress: fn(&str)) -> Gathering {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let (done, wait) = mpsc::channel();
    let shared = Arc::clone(&bytes);
    thread::spawn(move || {
        let _done = done;
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.read_until(b'\n', &mut line) {
            progress(String::from_utf8_lossy(&line).trim_end());
            shared.lock().unwrap_or_else(PoisonError::into_inner).append(&mut line);
        }
    });
    (bytes, wait)
}

/// The text gathered. A process that left the group may hold the pipe open for ever, so the wait is short.
fn text((bytes, done): Gathering) -> String {
    let _ = done.recv_timeout(Duration::from_millis(500));
    String::from_utf8_lossy(&bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Changes the list of groups.
fn groups(change: impl FnOnce(&mut Vec<i32>)) {
    change(&mut GROUPS.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Kills every process of a group; that it is gone already is no error.
fn kill_group(group: i32) {
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_the_time_is_up_the_whole_group_dies() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; sleep 1000 & echo $!; wait"]);
        let ended = in_group(&mut command, Duration::from_millis(300), |_| {}).unwrap();
        assert!(ended.status.is_none() && !ended.success());
        let pid = ended.stdout.lines().nth(1).unwrap().parse().unwrap();
        let gone = || nix::sys::signal::kill(Pid::from_raw(pid), None).is_err() || is_zombie(pid);
        assert!((0..100).any(|_| gone() || !nap()), "process {pid} outlived its group");
    }

    /// Killed, but not reaped: its parent is gone, and some machines have an init that reaps nobody.
    fn is_zombie(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    }

    /// Waits a moment; always true.
    fn nap() -> bool {
        thread::sleep(Duration::from_millis(20));
        true
    }

    #[test]
    fn output_is_gathered_even_when_a_child_keeps_the_pipe_open() {
        let mut command = Command::new("sh");
        command.args(["-c", "setsid sleep 3 & echo said; echo more >&2; exit 7"]);
        let begun = Instant::now();
        let ended = in_group(&mut command, Duration::from_secs(60), |_| {}).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(3), "it waited for the child");
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("said\n", "more\n"));
        assert_eq!(ended.status.and_then(|status| status.code()), Some(7));
    }
}
