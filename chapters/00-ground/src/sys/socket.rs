//! The socket pair that host and init talk over: whole messages, and now and then a descriptor.

use crate::{Errno, Result};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The longest message, in bytes: a letter and the largest seccomp filter, 4096 instructions of 8 bytes. A longer one is
/// cut.
pub(crate) const LONGEST: usize = 1 + 4096 * 8;

/// A connected pair that keeps messages apart (`SOCK_SEQPACKET`) and is closed on exec: end of file means
/// that the other side has ended, or has become another program. Man page: `unix(7)`.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let made = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC);
    super::told(|| "socketpair for host and init".into(), made)
}

/// Sends one message, and `file` with it. Not narrated: the steps on both sides are. Man page: `sendmsg(2)`.
pub(crate) fn send(socket: &OwnedFd, message: &[u8], file: Option<&OwnedFd>) -> nix::Result<()> {
    let parts = [IoSlice::new(&message[..message.len().min(LONGEST)])];
    let files: Vec<i32> = file.iter().map(|file| file.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&files)];
    let rights = if files.is_empty() { &rights[..0] } else { &rights[..] };
    sendmsg::<()>(socket.as_raw_fd(), &parts, rights, MsgFlags::MSG_NOSIGNAL, None).map(drop)
}

/// Receives one message; an empty one means end of file. Man page: `recvmsg(2)`.
pub(crate) fn receive(socket: &OwnedFd) -> nix::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut bytes = vec![0; LONGEST];
    let mut space = nix::cmsg_space!(std::os::fd::RawFd);
    let mut file = None;
    let length = {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let message = loop {
            match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)
            {
                Err(Errno::EINTR) => continue,
                // The other side has ended with a message of ours unread. The kernel says so once, and before what the
                // other side said last, which is still to be read; after it comes the end of file.
                Err(Errno::ECONNRESET) => continue,
                answer => break answer?,
            }
        };
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(files) = control {
                for fd in files {
                    // SAFETY: the kernel has just installed this descriptor for us, and nobody else knows it.
                    file = Some(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
        }
        message.bytes
    };
    bytes.truncate(length);
    Ok((bytes, file))
}
