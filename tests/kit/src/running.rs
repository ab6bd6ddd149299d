//! A world that runs, seen from the host side.

use crate::captured::Captured;
use crate::fence::Fence;
use crate::inside::{MARK, SELF, leave_keyboard_to_the_subject};
use crate::message::{Ended, News, Order, describe, say, send_streams};
use crate::outcome::{Failure, Verdict};
use crate::proc::Proc;
use crate::world::{VARIABLE, World, new_id, slowness};
use crate::{judge, streams, transcript};
use coracle_ground::sys;
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When init, told to give up, has still not answered then, it is killed.
fn last_words() -> Instant {
    Instant::now() + Duration::from_secs(3).mul_f64(slowness())
}

/// How the subject ended and what it printed.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Standard output; with a terminal, everything.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Everything that was left behind, a sentence each.
    pub leaks: Vec<String>,
    /// Processes that still ran when the subject had ended, a sentence each.
    pub leftovers: Vec<String>,
    /// The time limit was reached.
    pub timed_out: bool,
    /// What ran at that moment.
    pub running_at_timeout: Vec<String>,
}

impl Output {
    /// As a shell reports it: the exit code, or 128 and the signal.
    pub fn status(&self) -> i32 {
        self.code.or(self.signal.map(|signal| 128 + signal)).unwrap_or(-1)
    }
}

/// What stands after `word` at the beginning of a line of standard output, without the blanks around it; empty when there
/// is no such line. So a script answers with `echo word …`, and a line of `/proc/PID/status` is found by its name.
pub fn said(out: &Output, word: &str) -> String {
    let after = |line: &str| {
        let rest = line.strip_prefix(word)?;
        (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| rest.trim().to_string())
    };
    out.stdout.lines().find_map(after).unwrap_or_default()
}

/// A running subject. Dropping it ends the world.
#[derive(Debug)]
pub struct Running {
    shore: Child,
    control: BufReader<UnixStream>,
    captured: Arc<Captured>,
    input: Option<File>,
    terminal: Option<File>,
    deadline: Instant,
    limit: Duration,
    world: World,
    command: String,
    id: String,
    fence: Fence,
}

impl Running {
    pub(crate) fn start(world: World, argv: Vec<String>) -> Result<Running, Failure> {
        let id = new_id();
        let fence = Fence::build(&id);
        let command = argv.join(" ");
        let spec = world.spec(argv, &fence, &id).map_err(Failure::of_the_kit)?;
        let limit = world.limit.mul_f64(slowness());
        let streams = streams::open(&world.input)?;
        if world.foreground {
            leave_keyboard_to_the_subject()?;
        }
        let (ours, theirs) = UnixStream::pair()?;
        let shore = Command::new(SELF)
            .args([MARK, "shore"])
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        describe(&ours, &spec)?; // for the shore
        describe(&ours, &spec)?; // for init
        send_streams(&ours, &streams.of_the_subject)?;
        drop(streams.of_the_subject);
        let mut running = Running {
            shore,
            control: BufReader::new(ours),
            captured: streams.captured,
            input: streams.input,
            terminal: streams.terminal,
            deadline: Instant::now() + limit,
            limit,
            world,
            command,
            id,
            fence,
        };
        match running.news() {
            Some(News::Started) => Ok(running),
            Some(News::Failed(why)) => Err(Failure::of_the_kit(format!("a world could not be made: {why}"))),
            _ => Err(Failure::of_the_kit("a world could not be made, and did not say why")),
        }
    }

    /// Waits until the program has printed `text`, on whichever stream. Fails when it ends or the time is over first.
    pub fn wait_for(&mut self, text: &str) -> Result<(), Failure> {
        if self.captured.wait_for(text, self.deadline) {
            return Ok(());
        }
        let printed = self.captured.all();
        transcript::note(&self.command, &printed, "");
        judge::not_yet(&printed)?;
        let verdict = if Instant::now() < self.deadline { Verdict::Failed } else { Verdict::TimedOut };
        Err(Failure::new(
            verdict,
            format!("`{}` never printed {text:?}; it printed {printed:?}", self.command),
            "the program did not get as far as it should",
            "look at the last line that it did print: the step after it fails or waits for something",
        ))
    }

    /// Sends a signal to the program (not to its children).
    pub fn signal(&mut self, signal: Signal) -> Result<(), Failure> {
        Ok(say(self.control.get_ref(), &Order::Signal(signal as i32))?)
    }

    /// Types into the terminal, or writes to the standard input that [`World::stdin_open`] kept open.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        let file = self.terminal.as_mut().or(self.input.as_mut());
        let file =
            file.ok_or_else(|| Failure::of_the_kit("this world has neither a terminal nor an open input"))?;
        Ok(file.write_all(bytes.as_ref())?)
    }

    /// Ends the standard input that [`World::stdin_open`] kept open.
    pub fn close_stdin(&mut self) {
        self.input = None;
    }

    /// Changes the terminal's size, as when somebody drags a window's corner.
    pub fn resize(&mut self, rows: u16, columns: u16) -> Result<(), Failure> {
        let Some(terminal) = &self.terminal else {
            return Err(Failure::of_the_kit("this world has no terminal"));
        };
        let size = sys::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        sys::set_window_size(terminal, &size).map_err(Failure::of_the_kit)
    }

    /// What the program has printed so far, on both streams.
    pub fn output_so_far(&self) -> String {
        self.captured.all()
    }

    /// Waits for the end and judges it, as [`World::run`] does.
    pub fn finish(mut self) -> Result<Output, Failure> {
        self.input = None;
        let (ended, timed_out) = match self.news_until(self.deadline) {
            Some(News::Ended(ended)) => (ended, false),
            Some(News::Failed(why)) => return Err(Failure::of_the_kit(format!("the world failed: {why}"))),
            _ if Instant::now() >= self.deadline => (self.give_up(), true),
            _ => {
                let what = "the world ended without a word: was its init killed, perhaps for want of memory?";
                return Err(Failure::of_the_kit(what));
            }
        };
        self.wait_for_shore();
        self.captured.wait_for_end(last_words());
        let outside = self.traces_outside();
        let (stdout, stderr) = self.captured.both();
        transcript::note(&self.command, &stdout, &stderr);
        let output = Output {
            stdout,
            stderr,
            code: ended.code.filter(|_| !timed_out),
            signal: ended.signal.filter(|_| !timed_out),
            leaks: [ended.leaks, outside].concat(),
            leftovers: ended.leftovers,
            timed_out,
            running_at_timeout: ended.running_at_timeout,
        };
        judge::judge(&self.world, &self.command, self.limit, output)
    }

    /// Ends everything in the world; init says what that was.
    fn give_up(&mut self) -> Ended {
        let _ = say(self.control.get_ref(), &Order::GiveUp);
        match self.news_until(last_words()) {
            Some(News::Ended(ended)) => ended,
            _ => Ended::default(),
        }
    }

    fn news(&mut self) -> Option<News> {
        self.news_until(self.deadline)
    }

    /// The next message of init, or nothing when there is none until then.
    fn news_until(&mut self, until: Instant) -> Option<News> {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.control.get_ref().set_read_timeout(Some(left)).ok()?;
        let mut line = String::new();
        self.control.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Waits for the outer process; if init is stuck, killing this one kills it.
    fn wait_for_shore(&mut self) {
        let until = last_words();
        while Instant::now() < until {
            if !matches!(self.shore.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.shore.kill();
        let _ = self.shore.wait();
    }

    /// What can be found of this world on the host after its end: nothing, unless the kit is wrong.
    fn traces_outside(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let Ok(proc) = Proc::open() else { return found };
        for pid in proc.pids() {
            if proc.variable(pid, VARIABLE).as_deref() == Some(&self.id) {
                found.push(format!("outside its world, {} still runs", proc.name(pid)));
            }
        }
        for folder in self.fence.remove() {
            found.push(format!("cgroup `{}` could not be removed", folder.display()));
        }
        found
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.shore.kill(); // the rest follows: see inside.rs
        let _ = self.shore.wait();
    }
}
