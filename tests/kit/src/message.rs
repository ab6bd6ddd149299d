//! What the two sides of a world say to each other: the host side (a test, or the `world` command) and the
//! world's init.
//!
//! One socket pair connects them, and is the standard input of both processes that make the world. The host side
//! sends the [`Spec`] (once for each of the two), then the subject's three standard streams as file descriptors
//! (`SCM_RIGHTS`), and may send [`Order`]s. Init answers with [`News`]. Orders and news are one line of JSON each.
//!
//! Man pages: unix(7), cmsg(3).

use crate::ranges::Ranges;
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// Everything that decides what a world is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// Names the run: in the cgroup, and in the environment of everything in the world.
    pub(crate) id: String,
    /// Make a user namespace in which this user and group are root; `None` when the caller is privileged.
    pub(crate) user: Option<(u32, u32)>,
    /// More users and groups for that namespace.
    pub(crate) ranges: Option<Ranges>,
    /// The directory that becomes the world's only writable place.
    pub(crate) scratch: PathBuf,
    /// A tiny root filesystem to copy to `rootfs` in the scratch directory.
    pub(crate) rootfs: Option<PathBuf>,
    /// Files that move a process into the world's cgroups when `0` is written to them.
    pub(crate) join: Vec<PathBuf>,
    /// The same, one further down in v2, when the cgroup namespace is made.
    pub(crate) settle: Vec<PathBuf>,
    /// The cgroups that the world sees as the tops of the trees, and where those are mounted: there it may write.
    pub(crate) trees: Vec<(PathBuf, PathBuf)>,
    /// The subject: program and arguments.
    pub(crate) argv: Vec<String>,
    /// Its whole environment.
    pub(crate) env: Vec<(String, String)>,
    /// Its working directory.
    pub(crate) dir: PathBuf,
    /// Its standard input is a terminal that it shall control.
    pub(crate) terminal: bool,
    /// Stay in the caller's session and process group, and leave Ctrl-C to the subject.
    pub(crate) foreground: bool,
}

/// What the host side may ask of the world's init.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Send this signal to the subject.
    Signal(i32),
    /// The time is over: say what still runs, and end it.
    GiveUp,
}

/// What the world's init tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum News {
    /// The world is made and the subject runs.
    Started,
    /// The world could not be made, and why.
    Failed(String),
    /// The subject has ended.
    Ended(Ended),
}

/// How it ended, and what it left.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Its exit code, if it exited.
    pub(crate) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// Processes that still ran when the subject had ended.
    pub(crate) leftovers: Vec<String>,
    /// Every other difference between the photographs before and after.
    pub(crate) leaks: Vec<String>,
    /// What still ran when the time was over.
    pub(crate) running_at_timeout: Vec<String>,
}

/// Sends one message as a line of JSON.
pub(crate) fn say(mut to: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Sends the description of a world, with its length before it.
pub(crate) fn describe(mut to: &UnixStream, spec: &Spec) -> io::Result<()> {
    let text = serde_json::to_vec(spec)?;
    to.write_all(&(text.len() as u32).to_ne_bytes())?;
    to.write_all(&text)
}

/// Receives what [`describe`] sent, and not a byte more: it is another process that reads on.
pub(crate) fn described(mut from: &UnixStream) -> io::Result<Spec> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_ne_bytes(length) as usize];
    from.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Sends the subject's standard streams, with one byte to carry them.
pub(crate) fn send_streams(to: &UnixStream, streams: &[OwnedFd; 3]) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let borrowed = streams.each_ref().map(|stream| stream.as_fd());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut buffer = SendAncillaryBuffer::new(&mut space);
    buffer.push(SendAncillaryMessage::ScmRights(&borrowed));
    sendmsg(to, &[IoSlice::new(b"s")], &mut buffer, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives what [`send_streams`] sent.
pub(crate) fn receive_streams(from: &UnixStream) -> io::Result<[OwnedFd; 3]> {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut buffer = RecvAncillaryBuffer::new(&mut space);
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut buffer, RecvFlags::CMSG_CLOEXEC)?;
    let streams = buffer.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files.collect::<Vec<OwnedFd>>()),
        _ => None,
    });
    let streams: Vec<OwnedFd> = streams.flatten().collect();
    streams.try_into().map_err(|_| io::Error::other("the host side sent no standard streams"))
}
