//! Making a container: a conversation between two processes.
//!
//! The kernel offers namespaces, mounts and `clone3`; the chapters teach them one by one. Here they are put together,
//! and each of the two sides has one file, which reads as the book's table of contents:
//!
//! - `host`: the steps of the command that was typed. It stands on the host, and stays.
//! - `init`: the steps of the child that becomes PID 1 of the container, and in the end the program itself.
//!
//! Around them: `rootfs` is what the container may write to; `group` is its control group; `prepared` is what can be worked out before anything is made; `stdio` and `terminal` are what the program reads and writes; `relay` carries bytes and signals
//! between the two worlds while the program runs; `spec` is the one struct that says what a container is.
//!
//! ```text
//!   your terminal ⇄ coracle (host, relay) ⇄ pipes or a pseudo-terminal ⇄ the program (PID 1)
//! ```
//!
//! What we leave out until its chapter: layers (7), networks (10),
//! and a container that outlives the command (12).

mod filter;
mod group;
mod host;
mod init;
mod prepared;
mod relay;
mod rootfs;
mod spec;
mod stdio;
mod terminal;

use group::Groups;
pub(crate) use group::remove_group;
pub(crate) use host::{NotStarted, run};
pub(crate) use prepared::Prepared;
pub(crate) use rootfs::Rootfs;
pub(crate) use spec::*;
