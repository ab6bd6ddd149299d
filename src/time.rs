//! Moments in time, as Docker writes them.
//!
//! The kernel counts seconds since 1970; people and JSON want `2025-11-20T23:11:05.123456789Z` (RFC 3339). The
//! calendar is `jiff`'s; the words of `docker ps` are ours.
//!
//! What we leave out: time zones (all is UTC, as in `docker inspect`).

use serde::{Deserialize, Serialize};

/// A moment in time, to the nanosecond. In JSON as RFC 3339 has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The moment of the call.
    pub(crate) fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// `4 minutes`, `About an hour`: how long ago this was, in the words of `docker ps`.
    pub(crate) fn ago(self) -> String {
        // A clock that was set back since then makes a negative number of it: then it was just now.
        human(u64::try_from(Self::now().0.duration_since(self.0).as_secs()).unwrap_or(0))
    }
}

/// A length of time in the words of `docker ps`.
fn human(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        120..3600 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_docker_writes_it_and_read_back() {
        for text in ["\"1970-01-01T00:00:00Z\"", "\"2025-11-20T23:11:05.123456789Z\""] {
            let time: Timestamp = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&time).unwrap(), text);
        }
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }

    #[test]
    fn ages_are_said_as_docker_says_them() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (3 * 86_400, "3 days"),
        ] {
            assert_eq!(human(seconds), text);
        }
    }
}
