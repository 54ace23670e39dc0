//! The options of a TCP header, from bytes and to bytes.
//!
//! Reading is exact about lengths: an option that is longer or shorter than its kind allows, or that runs past the
//! header, spoils the segment. RFC 9293 wants such lengths survived; a sender that writes one is broken or hostile, and
//! guessing where the next option starts would let it choose what we see.

use crate::Refused;
use crate::bytes::{put, u16_at, u32_at};
use crate::limits::TCP_OPTION_BYTES_MAX;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
pub(super) const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

const MSS_LEN: usize = 4;
const WINDOW_SCALE_LEN: usize = 3;
const SACK_PERMITTED_LEN: usize = 2;
pub(super) const SACK_HEAD_LEN: usize = 2;
pub(super) const SACK_BLOCK_LEN: usize = 8;
const TIMESTAMPS_LEN: usize = 10;

/// Two no-operations and the head of a timestamps option: how nearly every data segment starts its options (RFC 7323,
/// appendix A).
pub(crate) const ALIGNED_TIMESTAMPS: [u8; 4] = [NO_OPERATION, NO_OPERATION, TIMESTAMPS, TIMESTAMPS_LEN as u8];
/// Bytes of that layout, the only options of such a segment.
const ALIGNED_TIMESTAMPS_LEN: usize = 12;

/// The timestamps option (RFC 7323).
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// The receiver's clock as the sender last saw it; means something only with ACK.
    pub echo: u32,
}

/// The options that we know, but for the ranges of SACK: see [`SackBlocks`](super::SackBlocks). Of an option that comes
/// twice, the last one counts.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Options {
    /// The largest payload that the sender wants in one segment, bytes; for SYN only.
    pub mss: Option<u16>,
    /// The shift of the sender's windows; for SYN only. More than 14 is possible on the wire and means 14.
    pub window_scale: Option<u8>,
    /// The sender understands SACK; for SYN only.
    pub sack_permitted: bool,
    /// Clocks of both sides.
    pub timestamps: Option<Timestamps>,
}

impl Options {
    /// No option.
    pub const NONE: Self = Self { mss: None, window_scale: None, sack_permitted: false, timestamps: None };

    /// Reads what lies between the fixed header and the payload: at most 40 bytes.
    #[inline]
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.is_empty() {
            return Ok(Self::NONE);
        }
        if let Ok(layout) = <&[u8; ALIGNED_TIMESTAMPS_LEN]>::try_from(bytes)
            && layout.starts_with(&ALIGNED_TIMESTAMPS)
        {
            return Ok(Self { timestamps: Some(timestamps_at(layout, 4)), ..Self::NONE });
        }
        Self::parse_any(bytes)
    }

    /// Reads options in any order and at any alignment.
    #[cold]
    fn parse_any(bytes: &[u8]) -> Result<Self, Refused> {
        let mut options = Self::NONE;
        each_option(bytes, |kind, option| options.read(kind, option))?;
        Ok(options)
    }

    /// Takes over one option; `option` is all of it, kind and length included.
    fn read(&mut self, kind: u8, option: &[u8]) -> Result<(), Refused> {
        debug_assert!(option.len() >= 2 && option.len() == usize::from(option[1]));
        match (kind, option.len()) {
            (MSS, MSS_LEN) => self.mss = Some(u16_at(option, 2)),
            (WINDOW_SCALE, WINDOW_SCALE_LEN) => self.window_scale = Some(option[2]),
            (SACK_PERMITTED, SACK_PERMITTED_LEN) => self.sack_permitted = true,
            (TIMESTAMPS, TIMESTAMPS_LEN) => self.timestamps = Some(timestamps_at(option, 2)),
            // One range at least, and nothing but whole ones.
            (SACK, len) if len > SACK_HEAD_LEN && (len - SACK_HEAD_LEN).is_multiple_of(SACK_BLOCK_LEN) => {}
            (MSS | WINDOW_SCALE | SACK_PERMITTED | TIMESTAMPS | SACK, _) => return Err(Refused::TcpOption),
            // RFC 9293 MUST-6: whatever else there is, is passed over.
            _ => {}
        }
        Ok(())
    }

    /// The timestamps, if there is no other option.
    #[inline]
    pub fn only_timestamps(&self) -> Option<Timestamps> {
        let alone = self.mss.is_none() & self.window_scale.is_none() & !self.sack_permitted;
        self.timestamps.filter(|_| alone)
    }

    /// Bytes of these options in a header, with their padding: a multiple of four, 0 to 20.
    #[inline]
    pub fn emitted_len(&self) -> usize {
        let timestamps = match (self.timestamps, self.sack_permitted) {
            (None, false) => 0,
            (None, true) => SACK_PERMITTED_LEN,
            // The SACK-permitted option stands where two no-operations would.
            (Some(_), _) => ALIGNED_TIMESTAMPS_LEN,
        };
        let len = usize::from(self.mss.is_some()) * MSS_LEN
            + timestamps
            + usize::from(self.window_scale.is_some()) * WINDOW_SCALE_LEN;
        len.next_multiple_of(4)
    }

    /// Writes the options over `out`, which is exactly [`emitted_len`](Self::emitted_len) bytes.
    #[inline]
    pub(crate) fn emit(&self, out: &mut [u8]) {
        let only_timestamps = self.mss.is_none() && self.window_scale.is_none() && !self.sack_permitted;
        match (self.timestamps, <&mut [u8; ALIGNED_TIMESTAMPS_LEN]>::try_from(&mut *out)) {
            (None, _) if only_timestamps => {}
            (Some(timestamps), Ok(layout)) if only_timestamps => put_aligned_timestamps(layout, timestamps),
            _ => self.emit_any(out),
        }
    }

    fn emit_any(&self, out: &mut [u8]) {
        assert_eq!(out.len(), self.emitted_len(), "the room for options is what they take");
        assert!(out.len() <= TCP_OPTION_BYTES_MAX, "{} bytes of options do not fit a TCP header", out.len());
        // RFC 9293 MUST-69: what is not written below is padding, and zero; a zero also ends the options.
        out.fill(0);
        let mut at = 0;
        if let Some(mss) = self.mss {
            put(out, at, [MSS, MSS_LEN as u8]);
            put(out, at + 2, mss.to_be_bytes());
            at += MSS_LEN;
        }
        if let Some(timestamps) = self.timestamps {
            put_aligned_timestamps(&mut out[at..at + ALIGNED_TIMESTAMPS_LEN], timestamps);
            if self.sack_permitted {
                put(out, at, [SACK_PERMITTED, SACK_PERMITTED_LEN as u8]);
            }
            at += ALIGNED_TIMESTAMPS_LEN;
        } else if self.sack_permitted {
            put(out, at, [SACK_PERMITTED, SACK_PERMITTED_LEN as u8]);
            at += SACK_PERMITTED_LEN;
        }
        if let Some(shift) = self.window_scale {
            put(out, at, [WINDOW_SCALE, WINDOW_SCALE_LEN as u8, shift]);
            at += WINDOW_SCALE_LEN;
        }
        assert_eq!(at.next_multiple_of(4), out.len());
    }
}

#[inline]
fn timestamps_at(bytes: &[u8], at: usize) -> Timestamps {
    Timestamps { value: u32_at(bytes, at), echo: u32_at(bytes, at + 4) }
}

#[inline]
fn put_aligned_timestamps(out: &mut [u8], timestamps: Timestamps) {
    debug_assert_eq!(out.len(), ALIGNED_TIMESTAMPS_LEN);
    put(out, 0, ALIGNED_TIMESTAMPS);
    put(out, 4, timestamps.value.to_be_bytes());
    put(out, 8, timestamps.echo.to_be_bytes());
}

/// Hands every option to `take`, by its kind and with all of its bytes, kind and length included; at most 40 steps.
pub(super) fn each_option(
    mut bytes: &[u8],
    mut take: impl FnMut(u8, &[u8]) -> Result<(), Refused>,
) -> Result<(), Refused> {
    debug_assert!(bytes.len() <= TCP_OPTION_BYTES_MAX);
    // RFC 9293 MUST-64: bytes are taken one by one, so an option may start anywhere.
    while let [kind, rest @ ..] = bytes {
        // RFC 9293 MUST-4: end, no-operation and, in `Options::read`, MSS.
        match *kind {
            END => break,
            NO_OPERATION => bytes = rest,
            kind => {
                // RFC 9293 MUST-68: every other option has a length, also those that nobody has thought of yet.
                // RFC 9293 MUST-7: a length that cannot be, too short or past the header, is refused.
                let len = rest.first().map_or(0, |&len| usize::from(len));
                if len < 2 || len > bytes.len() {
                    return Err(Refused::TcpOption);
                }
                take(kind, &bytes[..len])?;
                bytes = &bytes[len..];
            }
        }
    }
    Ok(())
}
