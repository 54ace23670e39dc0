//! ICMP errors about segments of ours: which flow, what happened, and how much it means.
//!
//! Anybody can forge one (RFC 5927). Here it is checked that the quoted segment is one that we could have sent; that it
//! belongs to a connection, and that its sequence number is in flight, is for the engine to check before it believes
//! anything.

use crore_wire::icmp::{self, ErrorKind};
use crore_wire::ip::Ip;
use crore_wire::packet::Quote;
use crore_wire::seq::Seq;

use super::input::Ignored;
use super::limits::{PATH_MTU_BYTES_MIN, PATH_MTU_V6_BYTES_MIN};

/// The network says that a segment of ours did not arrive.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct FlowError {
    /// Our address; of the same family as the remote one.
    pub(crate) local: Ip,
    /// Our port.
    pub(crate) local_port: u16,
    /// Whom the segment was for.
    pub(crate) remote: Ip,
    /// And at which port.
    pub(crate) remote_port: u16,
    /// The segment's sequence number. The error is credible only if that is in flight.
    pub(crate) seq: Seq,
    /// What happened.
    pub(crate) kind: FlowErrorKind,
}

/// What happened to the segment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum FlowErrorKind {
    /// It cannot get there. The code is the family's: what it means, [`FlowError::is_soft`] knows.
    Unreachable {
        /// As the ICMP or ICMPv6 message has it.
        code: u8,
    },
    /// It is larger than the path carries.
    TooBig {
        /// Bytes of the largest datagram that passes: smaller than the link's MTU, and not below the floors of
        /// [`limits`](super::limits).
        mtu: u16,
    },
    /// It went in circles or too far.
    TimeExceeded,
    /// A router or the host did not understand its header.
    ParameterProblem,
}

impl FlowError {
    /// Whether the trouble may pass, so that the connection must be kept and the application merely told.
    ///
    /// What is not soft (IPv4: protocol or port unreachable; IPv6: port unreachable) may end a connection that is still
    /// being opened (RFC 5461).
    pub(crate) fn is_soft(&self) -> bool {
        let is_v4 = self.local.is_v4();
        match self.kind {
            // RFC 9293 MUST-56: unreachable codes 0, 1 and 5, time exceeded and parameter problem never end a
            // connection. The codes that came later (filtered, prohibited) are treated alike: a firewall in the way may
            // go again.
            FlowErrorKind::Unreachable { code } if is_v4 => !matches!(code, 2..=4),
            FlowErrorKind::Unreachable { code } => code != 4,
            FlowErrorKind::TooBig { .. } | FlowErrorKind::TimeExceeded | FlowErrorKind::ParameterProblem => true,
        }
    }
}

/// What an error says about which flow. `addressed_to` is whom the message was for, `mtu` the link's own.
///
/// # Errors
/// It says nothing that could be of use: see [`Ignored`].
pub(super) fn interpret(error: &icmp::Error<'_>, addressed_to: &Ip, mtu: u16) -> Result<FlowError, Ignored> {
    let is_v4 = addressed_to.is_v4();
    if error.kind == ErrorKind::SourceQuench {
        // RFC 9293 MUST-55: silently dropped (RFC 6633).
        return Err(Ignored::SourceQuench);
    }
    // RFC 9293 MUST-54: an error is acted on only if it quotes addresses, ports and sequence number of a segment of
    // ours.
    let quote = if is_v4 { Quote::parse_v4(error.quoted) } else { Quote::parse_v6(error.quoted) };
    let quote = quote.filter(|quote| quote.source == *addressed_to).ok_or(Ignored::Quote)?;
    let kind = match error.kind {
        ErrorKind::Unreachable => FlowErrorKind::Unreachable { code: error.code },
        ErrorKind::PacketTooBig => FlowErrorKind::TooBig { mtu: path_mtu(error, is_v4, mtu).ok_or(Ignored::Mtu)? },
        ErrorKind::TimeExceeded => FlowErrorKind::TimeExceeded,
        ErrorKind::ParameterProblem => FlowErrorKind::ParameterProblem,
        ErrorKind::SourceQuench => unreachable!("dropped above"),
    };
    assert!(quote.destination.is_v4() == is_v4, "a quote has one family");
    Ok(FlowError {
        local: quote.source,
        local_port: quote.source_port,
        remote: quote.destination,
        remote_port: quote.destination_port,
        seq: quote.seq,
        kind,
    })
}

/// The path MTU that a message means, `None` if that is no news or cannot be.
fn path_mtu(error: &icmp::Error<'_>, is_v4: bool, link_mtu: u16) -> Option<u16> {
    let mtu = match (is_v4, error.mtu) {
        (true, 0) => next_plateau(error.quoted),
        (true, mtu) => mtu.max(PATH_MTU_BYTES_MIN),
        // Every IPv6 link carries this much, so the message is false (RFC 8201 section 4).
        (false, ..PATH_MTU_V6_BYTES_MIN) => return None,
        (false, mtu) => mtu,
    };
    u16::try_from(mtu).ok().filter(|mtu| *mtu < link_mtu)
}

/// The next size that links are known to have, below that of the quoted datagram: for routers that do not say what they
/// carry (RFC 1191 section 7.1, of whose table this is what a frame can hold).
fn next_plateau(quoted: &[u8]) -> u32 {
    const PLATEAUS: [u32; 4] = [2002, 1492, 1006, PATH_MTU_BYTES_MIN];
    let total = quoted.get(2..4).map_or(0, |bytes| u32::from(u16::from_be_bytes([bytes[0], bytes[1]])));
    PLATEAUS.into_iter().find(|plateau| *plateau < total).unwrap_or(PATH_MTU_BYTES_MIN)
}
