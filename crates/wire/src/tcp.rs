//! The TCP header and its options (RFC 9293, section 3.1) as values, and reading them.
//!
//! Writing is [`emit::tcp`](crate::emit::tcp). Everything here is what the wire says: windows are not scaled, options
//! that make no sense in a segment without SYN are reported all the same, a shift of 200 is 200. What they mean is for
//! the engine.

mod flags;
mod options;
mod sack;

use crate::Refused;
use crate::bytes::{u16_at, u32_at};
use crate::checksum::Sum;
use crate::limits::WINDOW_SCALE_MAX;
use crate::seq::Seq;

pub use flags::Flags;
pub(crate) use options::ALIGNED_TIMESTAMPS;
pub use options::{Options, Timestamps};
pub use sack::SackBlocks;

/// Bytes of a header without options.
pub const LEN: usize = 20;

/// The header of a segment.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Header {
    /// The sender's port. Zero is possible on the wire and nobody's.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The number of the first byte of the payload, or of the SYN.
    pub seq: Seq,
    /// The number that the sender expects next; means something only with ACK.
    pub ack: Seq,
    /// SYN, ACK and so on.
    pub flags: Flags,
    /// The window as the wire has it: not scaled.
    pub window: u16,
    /// The urgent pointer; means something only with URG: see [`urgent_end`](Self::urgent_end).
    pub urgent: u16,
    /// The options.
    pub options: Options,
}

impl Header {
    /// The window in bytes, if it is scaled by `shift`. Shifts above 14 count as 14 (RFC 7323, section 2.3); the window
    /// of a segment with SYN is never scaled, so pass zero.
    #[inline]
    pub fn scaled_window(&self, shift: u8) -> u32 {
        // RFC 9293 MUST-1: unsigned, and in 32 bits from here on (REC-1); at most 2^30, so sums with it do not
        // overflow.
        u32::from(self.window) << shift.min(WINDOW_SCALE_MAX)
    }

    /// The number of the first byte behind the urgent data, if the segment announces some.
    #[inline]
    pub fn urgent_end(&self) -> Option<Seq> {
        // RFC 9293 MUST-30, MUST-31, MUST-62: the pointer counts from this segment's number and points behind the
        // urgent data, which may have begun in any earlier segment and may end in a later one.
        self.flags.contains(Flags::URG).then(|| self.seq + u32::from(self.urgent))
    }

    /// How many sequence numbers the segment takes: its payload, and one each for SYN and FIN.
    #[inline]
    pub fn sequence_len(&self, payload_len: u32) -> u32 {
        payload_len + u32::from(self.flags.contains(Flags::SYN)) + u32::from(self.flags.contains(Flags::FIN))
    }
}

/// Reads the header at the start of `segment`, and where its payload starts. The checksum is not looked at: see
/// [`verify`].
///
/// # Errors
/// [`Refused::TcpLength`] or [`Refused::TcpOption`].
#[inline]
pub fn parse(segment: &[u8]) -> Result<(Header, usize), Refused> {
    // RFC 9293 MUST-5: options are read whatever the segment is.
    let (fixed, options) = split(segment)?;
    let start = LEN + options.len();
    let options = Options::parse(options)?;
    let header = Header {
        source_port: u16_at(fixed, 0),
        destination_port: u16_at(fixed, 2),
        seq: Seq(u32_at(fixed, 4)),
        ack: Seq(u32_at(fixed, 8)),
        flags: Flags(fixed[13]),
        window: u16_at(fixed, 14),
        urgent: u16_at(fixed, 18),
        options,
    };
    Ok((header, start))
}

/// The bytes of the fixed header, and those of the options.
#[inline]
fn split(segment: &[u8]) -> Result<(&[u8; LEN], &[u8]), Refused> {
    let Some(fixed) = segment.first_chunk::<LEN>() else {
        return Err(Refused::TcpLength);
    };
    let start = usize::from(fixed[12] >> 4) * 4;
    match segment.get(LEN..start) {
        Some(options) => Ok((fixed, options)),
        None => Err(Refused::TcpLength),
    }
}

/// Whether the checksum of `segment` is right. `pseudo` is the sum of its pseudo-header, for exactly its length
/// ([`Sum::pseudo_header`]). Reads the segment once.
#[inline]
#[must_use]
pub fn verify(segment: &[u8], pseudo: &Sum) -> bool {
    let mut sum = *pseudo;
    sum.add(segment);
    // RFC 9293 MUST-3: a segment for which this is false is to be dropped and counted ([`Refused::TcpChecksum`]).
    sum.finish() == 0
}

#[cfg(test)]
mod tests;
