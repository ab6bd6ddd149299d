//! `packets`: every packet on the wire, and any packet onto it.
//!
//! A socket of the family AF_PACKET reads and writes whole Ethernet frames. On a bridge that containers share, it
//! answers "that address is mine" (ARP) for a neighbour, and reads what was meant for the neighbour. The same kind
//! of socket was the way to CVE-2020-14386, a bug in the kernel's code for it.
//! Source: `packet(7)`; CVE-2020-14386 (Linux 4.6 to 5.9).
//! Succeeds in: chapter 3, and in chapter 6 too, because Docker leaves CAP_NET_RAW in the default set, for `ping`.
//! Stopped by: `--cap-drop NET_RAW`.

use coracle_ground::{Result, sys};

/// Opens the socket, and sends nothing.
pub(crate) fn run(_: &[String]) -> Result<String> {
    sys::packet_socket().map(|_| "a socket for whole frames is open".into())
}
