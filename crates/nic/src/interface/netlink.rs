//! Questions to the kernel about its network, and the attributes in which questions and answers are written.
//!
//! A request is a header, a struct of fixed size, and attributes: length, kind, bytes, padded to four. An answer is one
//! or many messages of the same form, then one that says "done" or carries an error number. See netlink(7) and
//! rtnetlink(7). Numbers are in the machine's byte order, addresses in the network's.
//!
//! Invariant: nothing is read beyond what the kernel has sent; what is cut short is skipped.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use crate::limits::{NETLINK_ANSWER_BYTES, NETLINK_MESSAGES_MAX};

/// The answer goes on, message after message, until one says that it is done.
pub(super) const DUMP: u16 = 0x300;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;

const KIND_ERROR: u16 = 2;
const KIND_DONE: u16 = 3;

const HEADER_BYTES: usize = 16;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// The two highest bits of an attribute's kind say something about its content.
const KIND_MASK: u16 = 0x3fff;

/// A socket to the kernel of the network namespace in which this thread is.
pub(super) struct Netlink {
    socket: OwnedFd,
    answer: Vec<u8>,
}

impl Netlink {
    /// `None` asks about interfaces, addresses and routes; a protocol, something else.
    pub(super) fn open(protocol: Option<Protocol>) -> Result<Self, Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        Ok(Self { socket, answer: vec![0; NETLINK_ANSWER_BYTES] })
    }

    /// Asks, and gives the body of every message of the answer to `each`.
    ///
    /// # Errors
    /// The kernel's own error number; `EMSGSIZE` or `EPROTO` for an answer that cannot be one.
    pub(super) fn ask(&mut self, kind: u16, flags: u16, body: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Errno> {
        let mut request = Vec::with_capacity(HEADER_BYTES + body.len());
        request.extend(((HEADER_BYTES + body.len()) as u32).to_ne_bytes());
        request.extend(kind.to_ne_bytes());
        request.extend((flags | REQUEST | ACKNOWLEDGE).to_ne_bytes());
        request.extend([0; 8]);
        request.extend(body);
        send(&self.socket, &request, SendFlags::empty())?;
        for _ in 0..NETLINK_MESSAGES_MAX {
            let (_, bytes) = recv(&self.socket, &mut self.answer[..], RecvFlags::TRUNC)?;
            let answer = self.answer.get(..bytes).ok_or(Errno::MSGSIZE)?;
            if let Some(outcome) = read_messages(answer, &mut each) {
                return outcome;
            }
        }
        Err(Errno::PROTO)
    }
}

/// Goes through what one receive has brought. `Some` when the answer is complete.
fn read_messages(mut answer: &[u8], each: &mut impl FnMut(&[u8])) -> Option<Result<(), Errno>> {
    while let Some(header) = answer.first_chunk::<HEADER_BYTES>() {
        let bytes = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let Some(message) = answer.get(HEADER_BYTES..bytes) else {
            return Some(Err(Errno::PROTO));
        };
        match u16::from_ne_bytes([header[4], header[5]]) {
            KIND_ERROR => {
                let number = message.first_chunk().map_or(0, |number| i32::from_ne_bytes(*number));
                return Some(match number {
                    0 => Ok(()),
                    -4095..0 => Err(Errno::from_raw_os_error(-number)),
                    _ => Err(Errno::PROTO),
                });
            }
            KIND_DONE => return Some(Ok(())),
            _ => each(message),
        }
        answer = answer.get(bytes.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

/// The attributes in these bytes: kind and content. Ends at the first that does not fit.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.first_chunk::<ATTRIBUTE_HEADER_BYTES>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & KIND_MASK;
        let content = bytes.get(ATTRIBUTE_HEADER_BYTES..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, content))
    })
}

/// The content of the first attribute of a kind.
pub(super) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(found, content)| (found == kind).then_some(content))
}

/// The first attribute of a kind as a number, if it is four bytes.
pub(super) fn number(bytes: &[u8], kind: u16) -> Option<u32> {
    Some(u32::from_ne_bytes(attribute(bytes, kind)?.try_into().ok()?))
}

/// Appends an attribute.
///
/// # Panics
/// If its content does not fit the 16 bits of its length: ours are a few dozen bytes.
pub(super) fn put(into: &mut Vec<u8>, kind: u16, content: &[u8]) {
    let length = u16::try_from(ATTRIBUTE_HEADER_BYTES + content.len()).expect("our attributes are small");
    into.extend(length.to_ne_bytes());
    into.extend(kind.to_ne_bytes());
    into.extend(content);
    into.resize(into.len().next_multiple_of(4), 0);
}

/// Appends an attribute that holds attributes.
pub(super) fn put_nested(into: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    const NESTED: u16 = 1 << 15;
    let mut content = Vec::new();
    fill(&mut content);
    put(into, kind | NESTED, &content);
}

#[cfg(test)]
mod tests;
