//! Console blocks of the book's pages: found, run again, compared, and brought up to date.
//!
//! ````text
//! ```console                         run in the page's session: one bash in a throwaway world, ./rootfs beside it
//! $ mkdir a; cd a                    a command; it goes on after a trailing `\`, an open quote or a here-document
//! $ pwd                              (a `> ` before lines that go on is taken off, as bash shows it)
//! /scratch/a                         what it printed, standard error included
//! …                                  any number of lines; within a line: any text
//! ```
//! ```console,root                    only as root; skipped by name otherwise
//! ```console,stubs                   with untouched stubs as the learner's code (for `cargo workbook check 1`)
//! ```console,solved                  with the reference as the learner's code
//! ```console,ignore=opens an editor  never run; the reason is listed
//! ````
//!
//! Before comparing, what differs from run to run (ids, pids, times, inode numbers …) is masked on both sides.

pub(crate) mod compare;
pub(crate) mod page;
pub(crate) mod redact;
pub(crate) mod session;
