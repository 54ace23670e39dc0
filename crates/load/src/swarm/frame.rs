//! WebSocket frames of a server, found where they lie (RFC 6455, section 5).
//!
//! What a gateway sends to a client is whole, unmasked text frames and control frames. Everything else ends the
//! connection with its reason: a decoder with a state would be a multiple of what a waiting client is.

use crate::limits::SWARM_FRAME_BYTES_MAX;

/// One whole frame, lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Header and payload.
    pub(super) whole: &'a [u8],
    pub(super) kind: Kind<'a>,
}

/// What it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A message; not checked to be UTF-8.
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    /// The end, with its code if there is one.
    Close(Option<u16>, &'a [u8]),
}

/// The first frame of `bytes`; none while it is incomplete.
///
/// # Errors
/// What is no frame that a gateway may send, as text.
pub(super) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, String> {
    let [opcode, length, ..] = *bytes else { return Ok(None) };
    if !matches!(opcode, 0x81 | 0x88 | 0x89 | 0x8a) {
        return Err(format!("bad frame: its first byte is {opcode:#04x}, no whole text and no control frame"));
    }
    let (from, length) = match length {
        0..=125 => (2, usize::from(length)),
        126 if opcode == 0x81 => match bytes.get(2..4) {
            Some(field) => (4, usize::from(u16::from_be_bytes([field[0], field[1]]))),
            None => return Ok(None),
        },
        _ => return Err(format!("bad frame: masked, or longer than {SWARM_FRAME_BYTES_MAX} bytes")),
    };
    let Some(whole) = bytes.get(..from + length) else { return Ok(None) };
    let payload = &whole[from..];
    let kind = match opcode {
        0x81 => Kind::Text(payload),
        0x88 => match *payload {
            [high, low, ref reason @ ..] => Kind::Close(Some(u16::from_be_bytes([high, low])), reason),
            _ => Kind::Close(None, &[]),
        },
        0x89 => Kind::Ping(payload),
        _ => Kind::Pong,
    };
    Ok(Some(Frame { whole, kind }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crore_http::ws::{Opcode, encode, encode_close};

    #[test]
    fn frames_of_the_codec_are_found_whole_and_not_before() {
        for length in [0, 2, 125, 126, 1_000, 65_535] {
            let text = vec![b'x'; length];
            let mut bytes = encode(Opcode::Text, &text);
            let whole = bytes.len();
            bytes.extend_from_slice(b"\x81");
            let frame = first(&bytes).unwrap().unwrap();
            assert_eq!((frame.whole.len(), frame.kind), (whole, Kind::Text(&text)));
            for cut in [0, 1, 2, 3, whole - 1].into_iter().filter(|cut| *cut < whole) {
                assert_eq!(first(&bytes[..cut]).unwrap(), None, "{cut} of {whole} bytes");
            }
        }
    }

    #[test]
    fn control_frames_are_told_apart() {
        let close = encode_close(3001, "shutdown", None).unwrap();
        assert_eq!(first(&close).unwrap().unwrap().kind, Kind::Close(Some(3001), b"shutdown"));
        assert_eq!(first(b"\x88\x00").unwrap().unwrap().kind, Kind::Close(None, b""));
        assert_eq!(first(b"\x89\x01a").unwrap().unwrap().kind, Kind::Ping(b"a"));
        assert_eq!(first(b"\x8a\x00").unwrap().unwrap().kind, Kind::Pong);
    }

    #[test]
    fn what_a_gateway_does_not_send_is_refused() {
        for bytes in [&b"\x01\x00"[..], b"\x82\x00", b"\x80\x00", b"\xc1\x00", b"\x81\x80", b"\x81\x7f", b"\x89\x7e"] {
            assert!(first(bytes).is_err(), "{bytes:?}");
        }
    }
}
