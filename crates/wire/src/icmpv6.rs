//! ICMP for IPv6 (RFC 4443): echo, errors about packets of ours, and the two messages of neighbour discovery.

use crate::Refused;
use crate::bytes::{put, u32_at};
use crate::checksum::Sum;
pub use crate::icmp::LEN;
use crate::icmp::{Echo, Error, ErrorKind, echo_of, put_echo};
use crate::ip::Ip;
use crate::ndp::{NeighbourAdvertisement, NeighbourSolicitation};
use crate::packet::Packet;
use crate::protocol;

const UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// A message that is of use to us.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// Answer this.
    EchoRequest(Echo<'a>),
    /// Somebody answered what we asked.
    EchoReply(Echo<'a>),
    /// A packet of ours did not arrive; never [`ErrorKind::SourceQuench`].
    Error(Error<'a>),
    /// A neighbour asks who has an address.
    Solicitation(NeighbourSolicitation),
    /// A neighbour says who has an address.
    Advertisement(NeighbourAdvertisement),
}

/// Reads `bytes`, the payload of `packet`.
///
/// # Errors
/// [`Refused::IcmpLength`], [`Refused::IcmpChecksum`], [`Refused::Ndp`], or [`Refused::IcmpKind`] for everything that
/// [`Message`] does not have: router discovery, redirects, multicast listeners.
pub fn parse<'a>(bytes: &'a [u8], packet: &Packet) -> Result<Message<'a>, Refused> {
    let Some((head, rest)) = bytes.split_first_chunk::<LEN>() else {
        return Err(Refused::IcmpLength);
    };
    let mut sum = pseudo_header(&packet.source, &packet.destination, bytes.len());
    sum.add(bytes);
    if sum.finish() != 0 {
        return Err(Refused::IcmpChecksum);
    }
    let code = head[1];
    let error = |kind| Message::Error(Error { kind, code, mtu: 0, quoted: rest });
    match (head[0], code) {
        (ECHO_REQUEST, 0) => Ok(Message::EchoRequest(echo_of(head, rest))),
        (ECHO_REPLY, 0) => Ok(Message::EchoReply(echo_of(head, rest))),
        // Its code means nothing and is to be ignored (RFC 4443, section 3.2).
        (PACKET_TOO_BIG, _) => {
            Ok(Message::Error(Error { kind: ErrorKind::PacketTooBig, code, mtu: u32_at(head, 4), quoted: rest }))
        }
        (UNREACHABLE, _) => Ok(error(ErrorKind::Unreachable)),
        (TIME_EXCEEDED, _) => Ok(error(ErrorKind::TimeExceeded)),
        (PARAMETER_PROBLEM, _) => Ok(error(ErrorKind::ParameterProblem)),
        (NEIGHBOUR_SOLICITATION, _) => NeighbourSolicitation::parse(bytes, packet).map(Message::Solicitation),
        (NEIGHBOUR_ADVERTISEMENT, _) => NeighbourAdvertisement::parse(bytes, packet).map(Message::Advertisement),
        _ => Err(Refused::IcmpKind),
    }
}

impl Message<'_> {
    /// Bytes of the message.
    pub fn emitted_len(&self) -> usize {
        match self {
            Self::EchoRequest(echo) | Self::EchoReply(echo) => LEN + echo.data.len(),
            Self::Error(error) => LEN + error.quoted.len(),
            Self::Solicitation(solicitation) => solicitation.emitted_len(),
            Self::Advertisement(advertisement) => advertisement.emitted_len(),
        }
    }

    /// Writes the message over `out`, without IP: [`emit::icmpv6`](crate::emit::icmpv6) has both. The addresses are
    /// those of the packet, which the checksum covers.
    ///
    /// # Panics
    /// If `out` is not exactly [`emitted_len`](Self::emitted_len) bytes, or the error is of a kind that IPv6 does not
    /// have.
    pub fn emit(&self, out: &mut [u8], source: &Ip, destination: &Ip) {
        assert_eq!(out.len(), self.emitted_len(), "the room for a message is what it takes");
        match self {
            Self::EchoRequest(echo) => put_echo(out, ECHO_REQUEST, echo),
            Self::EchoReply(echo) => put_echo(out, ECHO_REPLY, echo),
            Self::Error(error) => put_error(out, error),
            Self::Solicitation(solicitation) => {
                put(out, 0, [NEIGHBOUR_SOLICITATION, 0, 0, 0]);
                solicitation.emit(out);
            }
            Self::Advertisement(advertisement) => {
                put(out, 0, [NEIGHBOUR_ADVERTISEMENT, 0, 0, 0]);
                advertisement.emit(out);
            }
        }
        let mut sum = pseudo_header(source, destination, out.len());
        sum.add(out);
        put(out, 2, sum.finish().to_be_bytes());
    }

    /// Whether the message is of neighbour discovery, which travels with a hop limit of 255 only.
    pub fn is_neighbour_discovery(&self) -> bool {
        matches!(self, Self::Solicitation(_) | Self::Advertisement(_))
    }
}

fn pseudo_header(source: &Ip, destination: &Ip, len: usize) -> Sum {
    Sum::pseudo_header(source, destination, protocol::ICMPV6, len as u32)
}

fn put_error(out: &mut [u8], error: &Error<'_>) {
    let kind = match error.kind {
        ErrorKind::Unreachable => UNREACHABLE,
        ErrorKind::PacketTooBig => PACKET_TOO_BIG,
        ErrorKind::TimeExceeded => TIME_EXCEEDED,
        ErrorKind::ParameterProblem => PARAMETER_PROBLEM,
        ErrorKind::SourceQuench => panic!("ICMPv6 has no source quench"),
    };
    put(out, 0, [kind, error.code, 0, 0]);
    put(out, 4, error.mtu.to_be_bytes());
    out[LEN..].copy_from_slice(error.quoted);
}

#[cfg(test)]
mod tests;
