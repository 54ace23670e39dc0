//! ICMP for IPv4 (RFC 792, RFC 1191): echo, and errors about packets of ours. IPv6 shares the values of this module.

use crate::Refused;
use crate::bytes::{put, u16_at};
use crate::checksum::Sum;

/// Bytes before the data of an echo or the quoted packet of an error.
pub const LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// The code of "unreachable" that means: the packet is too big, and must not be fragmented.
pub const FRAGMENTATION_NEEDED: u8 = 4;

/// A message that is of use to us.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// Answer this.
    EchoRequest(Echo<'a>),
    /// Somebody answered what we asked.
    EchoReply(Echo<'a>),
    /// A packet of ours did not arrive.
    Error(Error<'a>),
}

/// An echo; the answer has the same content.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Echo<'a> {
    /// Which of the asker's askers.
    pub identifier: u16,
    /// Which question.
    pub sequence: u16,
    /// Anything.
    pub data: &'a [u8],
}

/// What happened to a packet of ours, in the terms of both families.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum ErrorKind {
    /// It cannot get there; the code says why, in the terms of the family.
    Unreachable,
    /// It is too big for the way. IPv4 says this as "unreachable", code 4.
    PacketTooBig,
    /// It went too many hops, or waited too long for its fragments.
    TimeExceeded,
    /// Somebody did not understand its header.
    ParameterProblem,
    /// IPv4 only, and obsolete (RFC 6633): somebody wants less of them. To be dropped silently.
    SourceQuench,
}

/// An error about a packet of ours; or so it says, for anybody can send one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Error<'a> {
    /// What happened.
    pub kind: ErrorKind,
    /// The code, as the family has it.
    pub code: u8,
    /// The largest packet that fits, bytes, for [`ErrorKind::PacketTooBig`]: zero if an old router did not say.
    /// Otherwise zero.
    pub mtu: u32,
    /// The start of the packet, its IP header first: see [`Quote`](crate::packet::Quote).
    pub quoted: &'a [u8],
}

/// Reads the payload of an IPv4 packet.
///
/// # Errors
/// [`Refused::IcmpLength`], [`Refused::IcmpChecksum`], or [`Refused::IcmpKind`] for everything that [`Message`] does
/// not have: redirects, router discovery, timestamps.
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Refused> {
    let Some((head, rest)) = bytes.split_first_chunk::<LEN>() else {
        return Err(Refused::IcmpLength);
    };
    if Sum::of(bytes).finish() != 0 {
        return Err(Refused::IcmpChecksum);
    }
    let code = head[1];
    let error = |kind| Message::Error(Error { kind, code, mtu: 0, quoted: rest });
    match (head[0], code) {
        (ECHO_REQUEST, 0) => Ok(Message::EchoRequest(echo_of(head, rest))),
        (ECHO_REPLY, 0) => Ok(Message::EchoReply(echo_of(head, rest))),
        (UNREACHABLE, FRAGMENTATION_NEEDED) => Ok(Message::Error(Error {
            kind: ErrorKind::PacketTooBig,
            code,
            mtu: u32::from(u16_at(head, 6)),
            quoted: rest,
        })),
        (UNREACHABLE, _) => Ok(error(ErrorKind::Unreachable)),
        (TIME_EXCEEDED, _) => Ok(error(ErrorKind::TimeExceeded)),
        (PARAMETER_PROBLEM, _) => Ok(error(ErrorKind::ParameterProblem)),
        // RFC 9293 MUST-55: named, so that it can be dropped and counted as what it is.
        (SOURCE_QUENCH, _) => Ok(error(ErrorKind::SourceQuench)),
        _ => Err(Refused::IcmpKind),
    }
}

impl Message<'_> {
    /// Bytes of the message.
    pub fn emitted_len(&self) -> usize {
        let (Self::EchoRequest(Echo { data: rest, .. })
        | Self::EchoReply(Echo { data: rest, .. })
        | Self::Error(Error { quoted: rest, .. })) = self;
        LEN + rest.len()
    }

    /// Writes the message over `out`, without IP: [`emit::icmp`](crate::emit::icmp) has both. The code of
    /// [`ErrorKind::PacketTooBig`] is always 4; its MTU above 65,535 is written as that.
    ///
    /// # Panics
    /// If `out` is not exactly [`emitted_len`](Self::emitted_len) bytes.
    pub fn emit(&self, out: &mut [u8]) {
        assert_eq!(out.len(), self.emitted_len(), "the room for a message is what it takes");
        match self {
            Self::EchoRequest(echo) => put_echo(out, ECHO_REQUEST, echo),
            Self::EchoReply(echo) => put_echo(out, ECHO_REPLY, echo),
            Self::Error(error) => {
                let (kind, code) = match error.kind {
                    ErrorKind::Unreachable => (UNREACHABLE, error.code),
                    ErrorKind::PacketTooBig => (UNREACHABLE, FRAGMENTATION_NEEDED),
                    ErrorKind::TimeExceeded => (TIME_EXCEEDED, error.code),
                    ErrorKind::ParameterProblem => (PARAMETER_PROBLEM, error.code),
                    ErrorKind::SourceQuench => (SOURCE_QUENCH, error.code),
                };
                let mtu = error.mtu.min(u32::from(u16::MAX)) as u16;
                put(out, 0, [kind, code, 0, 0, 0, 0]);
                put(out, 6, mtu.to_be_bytes());
                out[LEN..].copy_from_slice(error.quoted);
            }
        }
        let checksum = Sum::of(out).finish();
        put(out, 2, checksum.to_be_bytes());
    }
}

/// The echo in a message of which `head` is the start.
pub(crate) fn echo_of<'a>(head: &[u8; LEN], data: &'a [u8]) -> Echo<'a> {
    Echo { identifier: u16_at(head, 4), sequence: u16_at(head, 6), data }
}

/// Writes an echo with a checksum of zero.
pub(crate) fn put_echo(out: &mut [u8], kind: u8, echo: &Echo<'_>) {
    put(out, 0, [kind, 0, 0, 0]);
    put(out, 4, echo.identifier.to_be_bytes());
    put(out, 6, echo.sequence.to_be_bytes());
    out[LEN..].copy_from_slice(echo.data);
}

#[cfg(test)]
mod tests;
