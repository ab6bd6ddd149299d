//! Throwaway worlds for tests, and the photograph that proves nothing was left behind.
//!
//! A container engine is tested by running it as root on a real kernel. A wrong line then unmounts the developer's
//! `/proc`. So each test of this project runs the program under test in a **world**: its own mount, PID, network,
//! IPC, UTS and cgroup namespaces (and a user namespace when the tester is not root), with the whole tree of the
//! host read-only. When the test ends, however it ends, the world ends, with everything in it.
//!
//! # Writing a milestone test
//!
//! `tests/milestone.rs` of a chapter, with `harness = false` in its `Cargo.toml`:
//!
//! ```ignore
//! use coracle_testkit::{Outcome, World, check, milestone};
//!
//! milestone! { bin: "ch01", tests: {
//!     "1.1" => working_directory_is_the_new_root,
//!     "1.3" => a_signal_becomes_128_and_its_number,
//!     "1.3" => a_device_can_be_used needs Mknod,
//! }}
//!
//! fn working_directory_is_the_new_root() -> Outcome {
//!     let out = World::new().run([BIN, "rootfs", "/bin/pwd"])?;
//!     check(out.stdout.trim() == "/")
//!         .observed(format!("`pwd` printed {:?}", out.stdout.trim()))
//!         .means("the process still stands in a directory of the old root")
//!         .misconception("chroot() changes what `/` means, not where you stand: chdir(\"/\") must follow")
//! }
//! ```
//!
//! - [`milestone!`] makes `main`, and the constant `BIN`, the path of the binary under test. Each line is
//!   `"task" => test_function`, with `needs Root and Tool("nft")` after it if the machine must have something: see
//!   [`Need`]. Where that is missing, the test says "skipped: needs …" and is counted as ignored.
//! - The test's name is a sentence. It returns an [`Outcome`]; [`check`] takes the three sentences that a learner
//!   gets to read. Several checks: end each but the last with `?`.
//! - Anything inside may use `?`: [`World::run`] itself fails, in its own words, when the time is over, when a
//!   mount, cgroup, link, nft table or process is left behind, or when the program stops at a `todo!()`.
//!   It does **not** fail when the program does: that is what [`Output::code`] is for.
//!
//! # What the program finds in a world
//!
//! | | |
//! |---|---|
//! | working directory | an empty tmpfs; its path in every world of the same build is the same: see [`rootfs()`] |
//! | `rootfs/` in it | a private copy of the tiny root filesystem: `sh`, `ls`, `ps`, `mount`, … in `/bin` |
//! | `tmp/` in it | `TMPDIR`; the real `/tmp` is read-only, as everything else of the host is |
//! | environment | `PATH`, `HOME`, `TMPDIR`, `TERM`, `CORACLE_WORLD`, and what [`World::env`] adds; nothing else |
//! | user | root: the real one, or that of a user namespace in which only uid 0 exists ([`World::many_users`]: 60,000 more) |
//! | mounts | all *shared*, as on a machine with systemd: a runtime that does not make its own private leaks, and is told so |
//! | network | `lo`, up; nothing else |
//! | processes | PID 1 is the kit; it reaps orphans. The program is a child of it |
//! | cgroups | where the machine allows: each tree begins at the world, and groups can be made below ([`Need::Cgroups`]) |
//! | limits | ten seconds (`CORACLE_SLOW=15` makes it 150); 512 processes and 1 GiB where cgroups allow it |
//!
//! # More than one command, a signal, a terminal
//!
//! ```
//! # use coracle_testkit::{Outcome, Signal, World, check};
//! # fn test() -> Outcome {
//! // A script of the host's shell, for several commands in one world.
//! let out = World::new().env("WHO", "you").script("echo hello $WHO; ls rootfs | wc -l")?;
//!
//! // A program that is talked to while it runs.
//! let mut run = World::new().start(["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"])?;
//! run.wait_for("ready")?;
//! run.signal(Signal::SIGTERM)?;
//! let out = run.finish()?;
//!
//! // A program in a terminal.
//! let mut run = World::new().terminal().start(["sh"])?;
//! run.resize(40, 100)?;
//! run.write("stty size; exit\n")?;
//! let out = run.finish()?;
//! # check(out.code == Some(0)).observed("").means("").misconception("")
//! # }
//! ```
//!
//! [`World::unjudged`] is for tests *about* leaks and hangs: they are then found in [`Output`] and are no failures.
//! [`World::allow_leftovers`] only allows that children outlive the program.
//!
//! # The report
//!
//! With `CORACLE_REPORT=file` each test appends a line of JSON: `test`, `task`, `result` (`passed`, `failed`,
//! `skipped`, `not_yet`, `timed_out`), `observed`, `means`, `misconception`, `needs`, `fix`, `blocked_by`, `output`.
//!
//! # The command
//!
//! `world [--rootfs] [--timeout S] [--env K=V] [--dir D] -- COMMAND…` runs any command in a world, with the caller's
//! own terminal. `world photograph` lists what an engine could leave on this machine, for comparing before and after.
//!
//! # How it is made
//!
//! `inside.rs` shows the processes of a world and why each exists, `prepare.rs` its mounts, `init.rs` its PID 1,
//! `fence.rs` its cgroup, `photograph.rs` what is compared. There is no `unsafe` here and nothing forks in the test
//! harness, which has threads: every process is this program started anew.

mod captured;
mod fence;
mod frozen;
mod harness;
mod init;
mod inside;
mod judge;
mod message;
mod mountinfo;
mod needs;
mod nftables;
mod outcome;
mod photograph;
mod place;
mod prepare;
mod proc;
mod ranges;
mod report;
mod running;
mod streams;
mod transcript;
mod world;

pub use harness::{Test, main};
pub use inside::if_part_of_a_world;
pub use needs::Need;
pub use nix::sys::signal::Signal;
pub use outcome::{Check, Failure, LOOK_IT_UP, Outcome, Verdict, check, not_reached};
pub use photograph::Photograph;
pub use running::{Output, Running, said};
pub use world::{World, rootfs};
