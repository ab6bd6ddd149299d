//! The tables of nftables in this network namespace, asked from the kernel itself: `nft` need not be installed, and
//! starting it twice in each test would take longer than everything else that a world does.
//!
//! ```text
//!   request   length, type GETTABLE, flags "all of them", number, port │ family "any" …
//!   answers   length, type NEWTABLE, …                                 │ family … │ attribute NAME │ …
//!   the end   length, type DONE, …
//! ```
//!
//! Man pages: netlink(7), nft(8). All numbers are in the machine's own byte order.

use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};
use std::fs::File;
use std::io::{self, Read, Write};

/// Length, type, flags, number and port: the header of each netlink message.
const HEADER: usize = 16;
/// Family, version and resource: the header that netfilter adds.
const SUBHEADER: usize = 4;
/// nftables' part of netfilter, in the upper byte of a message's type.
const NFTABLES: u16 = 10 << 8;
const NEW_TABLE: u16 = NFTABLES;
const GET_TABLE: u16 = NFTABLES | 1;
/// A request, and for the whole list.
const REQUEST_ALL: u16 = 0x001 | 0x300;
/// The attribute that holds a table's name.
const NAME: u16 = 1;

/// Each table as `nft list tables` prints it: `inet coracle`. Needs CAP_NET_ADMIN in the network namespace's owner.
pub(crate) fn tables() -> io::Result<Vec<String>> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let mut socket = File::from(socket_with(family, kind, SocketFlags::CLOEXEC, Some(netlink::NETFILTER))?);
    socket.write_all(&request())?;
    let mut tables = Vec::new();
    let mut answer = vec![0; 32 * 1024];
    loop {
        let length = socket.read(&mut answer)?;
        let mut rest = &answer[..length];
        while let Some((kind, body, next)) = message(rest) {
            match kind {
                NEW_TABLE => tables.extend(table(body)),
                _ => return Ok(tables), // the end of the list, or an error: then there is no nftables here
            }
            rest = next;
        }
        if length == 0 {
            return Ok(tables);
        }
    }
}

fn request() -> Vec<u8> {
    let length = (HEADER + SUBHEADER) as u32;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(GET_TABLE.to_ne_bytes());
    bytes.extend(REQUEST_ALL.to_ne_bytes());
    bytes.extend([0; 8]); // number and port: we ask only once
    bytes.extend([0; SUBHEADER]); // any family
    bytes
}

/// The type and the body of the first message, and what follows it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = number(bytes.get(4..)?)?;
    Some((kind, bytes.get(HEADER..length)?, bytes.get(padded(length)..).unwrap_or_default()))
}

/// Family and name of one table.
fn table(body: &[u8]) -> Option<String> {
    let family = match body.first()? {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "other",
    };
    let mut rest = body.get(SUBHEADER..)?;
    loop {
        let length = number(rest)? as usize;
        let kind = number(rest.get(2..)?)?;
        if kind == NAME {
            let name = String::from_utf8_lossy(rest.get(4..length)?);
            return Some(format!("{family} {}", name.trim_end_matches('\0')));
        }
        rest = rest.get(padded(length.max(4))..)?;
    }
}

/// The first two bytes as a number.
fn number(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?))
}

/// Messages and attributes begin at multiples of four.
fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}
