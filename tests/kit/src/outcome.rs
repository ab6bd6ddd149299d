//! What a test says: that all is well, or three sentences that help.
//!
//! A failed assertion in Rust says `left != right`. A learner needs three other things: what was observed (from
//! the kernel, not from the code), what that means, and which misconception usually leads there.

use serde::Serialize;
use std::fmt;

/// What a test returns.
pub type Outcome = Result<(), Failure>;

/// Begins one check; end it with [`Check::misconception`].
///
/// ```
/// # use coracle_testkit::{Outcome, check};
/// fn pwd_is_the_root(printed: &str) -> Outcome {
///     check(printed == "/")
///         .observed(format!("`pwd` printed {printed:?}"))
///         .means("the process still stands in a directory of the old root")
///         .misconception("chroot() changes what `/` means, not where you stand")
/// }
/// ```
pub fn check(holds: bool) -> Check {
    Check { holds, observed: String::new(), means: String::new() }
}

/// A check that is being told: what holds, and what to say if it does not.
#[must_use = "a check says nothing until `.misconception(…)` ends it"]
pub struct Check {
    holds: bool,
    observed: String,
    means: String,
}

impl Check {
    /// What was seen: a line of output, of mountinfo, of `/proc`, an errno, an exit code.
    pub fn observed(mut self, what: impl Into<String>) -> Check {
        self.observed = what.into();
        self
    }

    /// What that means for the container.
    pub fn means(mut self, what: impl Into<String>) -> Check {
        self.means = what.into();
        self
    }

    /// What people usually believed who got here. Ends the check.
    pub fn misconception(self, what: impl Into<String>) -> Outcome {
        if self.holds {
            return Ok(());
        }
        Err(Failure::new(Verdict::Failed, self.observed, self.means, what))
    }
}

/// For a test that is not about what failed: a step of the task `guilty` did, as `line` says, unless `holds`. It accuses
/// nobody, and sends the learner to the chapter of that task.
pub fn not_reached(holds: bool, guilty: &str, line: &str) -> Outcome {
    let chapter = guilty.split('.').next().unwrap_or(guilty);
    check(holds)
        .observed(format!("not reached: a step of task {guilty} failed first: `{line}`"))
        .means("this says nothing about this task yet")
        .misconception(format!("see what `cargo workbook check {chapter}` says about task {guilty}"))
}

/// The misconception of last resort, about a line of a milestone that ended early.
pub const LOOK_IT_UP: &str =
    "the line names the call, what it was about, and the errno: look that errno up in the call's man page";

/// How a test came out, as the report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Passed,
    /// A check did not hold, or something was left behind.
    Failed,
    /// This machine lacks what the test needs.
    Skipped,
    /// The code still says `todo!()`.
    NotYet,
    /// The time limit was reached.
    TimedOut,
}

/// Why a test did not pass.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// What kind of failure it is.
    #[serde(rename = "result")]
    pub verdict: Verdict,
    /// What was seen.
    pub observed: String,
    /// What that means.
    pub means: String,
    /// What usually leads there.
    pub misconception: String,
    /// The task whose `todo!()` was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

impl Failure {
    /// A failure with its three sentences.
    pub fn new(
        verdict: Verdict,
        observed: impl Into<String>,
        means: impl Into<String>,
        misconception: impl Into<String>,
    ) -> Failure {
        Failure {
            verdict,
            observed: observed.into(),
            means: means.into(),
            misconception: misconception.into(),
            blocked_by: None,
        }
    }

    /// The kit itself could not do its work: nobody's misconception.
    pub(crate) fn of_the_kit(what: impl fmt::Display) -> Failure {
        Failure::new(
            Verdict::Failed,
            what.to_string(),
            "the test could not be carried out; this says nothing about the code under test",
            "none: look at what this machine allows with `cargo workbook doctor`",
        )
    }
}

/// A test may use `?` on what it reads from the host.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::of_the_kit(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "observed:      {}", self.observed)?;
        writeln!(f, "that means:    {}", self.means)?;
        write!(f, "usual reason:  {}", self.misconception)
    }
}
