//! What a subject prints, gathered by threads while it runs.

use std::fs::File;
use std::io::Read;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// More than this is thrown away: a loop that prints must not fill the test's memory.
const MOST: usize = 4 << 20;

/// Two growing texts, and a way to wait for them.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    texts: [Vec<u8>; 2],
    open: usize,
}

impl Captured {
    /// Reads `file` to its end in a thread of its own; `which` is 0 for standard output and 1 for standard error.
    pub(crate) fn read(self: &std::sync::Arc<Self>, which: usize, mut file: File) {
        self.lock().open += 1;
        let captured = std::sync::Arc::clone(self);
        thread::spawn(move || {
            let mut piece = [0; 8192];
            // A terminal whose programs have all ended answers with an error (EIO), which means the end here.
            while let Ok(length @ 1..) = file.read(&mut piece) {
                let mut state = captured.lock();
                let room = MOST.saturating_sub(state.texts[which].len()).min(length);
                state.texts[which].extend_from_slice(&piece[..room]);
                captured.changed.notify_all();
            }
            captured.lock().open -= 1;
            captured.changed.notify_all();
        });
    }

    /// Waits until `text` was printed; `false` when both streams ended or the time is over.
    pub(crate) fn wait_for(&self, text: &str, until: Instant) -> bool {
        let seen = |state: &State| state.texts.iter().any(|t| String::from_utf8_lossy(t).contains(text));
        let mut state = self.lock();
        while !seen(&state) && state.open > 0 && Instant::now() < until {
            state = self.wait(state, until);
        }
        seen(&state)
    }

    /// Waits until both streams have ended.
    pub(crate) fn wait_for_end(&self, until: Instant) {
        let mut state = self.lock();
        while state.open > 0 && Instant::now() < until {
            state = self.wait(state, until);
        }
    }

    /// Standard output and standard error.
    pub(crate) fn both(&self) -> (String, String) {
        let state = self.lock();
        let [out, err] = state.texts.each_ref().map(|text| String::from_utf8_lossy(text).into_owned());
        (out, err)
    }

    /// Both together, one after the other.
    pub(crate) fn all(&self) -> String {
        let (out, err) = self.both();
        out + &err
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, until: Instant) -> MutexGuard<'a, State> {
        let left = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }
}
