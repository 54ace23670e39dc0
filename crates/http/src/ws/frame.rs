//! Frames to send.

use super::header::RSV1;
use super::{Opcode, WsError, close_code, is_close_code, mask};
use crate::limits::WS_CONTROL_BYTES_MAX;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// The bytes before a payload: 2 to 10, or 14 with a mask.
#[derive(Clone, Copy, Debug)]
pub struct FrameHeader {
    bytes: [u8; 14],
    length: u8,
}

impl core::ops::Deref for FrameHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// The header of a whole, unmasked message of `length` bytes, for a payload that is sent from where it is.
pub fn frame_header(opcode: Opcode, length: usize) -> FrameHeader {
    fragment_header(opcode, true, length)
}

/// The header of one unmasked frame of a message: the first has the message's opcode, the others are
/// [`Opcode::Continuation`], and only the last is final.
///
/// # Panics
/// If a control frame is not final or longer than 125 bytes.
pub fn fragment_header(opcode: Opcode, is_final: bool, length: usize) -> FrameHeader {
    assert!(
        !opcode.is_control() || (is_final && length <= WS_CONTROL_BYTES_MAX),
        "a control frame is one frame of at most {WS_CONTROL_BYTES_MAX} bytes"
    );
    let mut bytes = [0; 14];
    bytes[0] = opcode as u8 | if is_final { FINAL } else { 0 };
    let used = match length {
        0..=125 => {
            bytes[1] = length as u8;
            2
        }
        126..=0xffff => {
            bytes[1] = 126;
            bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            bytes[1] = 127;
            bytes[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    FrameHeader { bytes, length: used }
}

/// The header of a whole, compressed message of `length` bytes as they are sent; masked with `key` if a client sends it.
pub(super) fn compressed_header(opcode: Opcode, length: usize, key: Option<[u8; 4]>) -> FrameHeader {
    assert!(matches!(opcode, Opcode::Text | Opcode::Binary), "only messages are compressed, not {opcode:?}");
    let mut header = frame_header(opcode, length);
    header.bytes[0] |= RSV1;
    if let Some(key) = key {
        header.mask(key);
    }
    header
}

impl FrameHeader {
    fn mask(&mut self, key: [u8; 4]) {
        assert!(self.bytes[1] & MASKED == 0, "a header is masked once");
        self.bytes[1] |= MASKED;
        let used = usize::from(self.length);
        self.bytes[used..used + 4].copy_from_slice(&key);
        self.length += 4;
    }
}

/// A whole, unmasked message in one allocation: what a server sends, the same bytes to every receiver.
///
/// # Panics
/// If a control frame is longer than 125 bytes.
pub fn encode(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let header = frame_header(opcode, payload.len());
    let mut frame = Vec::with_capacity(header.len() + payload.len());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(payload);
    frame
}

/// A whole message as a client sends it. The key must be unpredictable for each frame (RFC 6455, section 5.3).
///
/// # Panics
/// If a control frame is longer than 125 bytes.
pub fn encode_masked(opcode: Opcode, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut header = frame_header(opcode, payload.len());
    header.mask(key);
    let mut frame = Vec::with_capacity(header.len() + payload.len());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(payload);
    mask::apply(&mut frame[header.len()..], key, 0);
    frame
}

fn close_payload(code: u16, reason: &str) -> Result<Vec<u8>, WsError> {
    if !is_close_code(code) {
        return Err(WsError::CloseCode { code });
    }
    let reason = &reason[..reason.floor_char_boundary(WS_CONTROL_BYTES_MAX - 2)];
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    assert!(payload.len() <= WS_CONTROL_BYTES_MAX, "code and reason fit a control frame");
    Ok(payload)
}

/// A close frame; masked with `key` if a client sends it. With [`close_code::NORMAL`] and no reason if in doubt.
///
/// A reason of more than 123 bytes is cut at the last whole character, since it is for people and the frame has no
/// more room.
///
/// # Errors
/// [`WsError::CloseCode`] if the code may not be on the wire: 1005, 1006, 1015, or beyond 4999.
pub fn encode_close(code: u16, reason: &str, key: Option<[u8; 4]>) -> Result<Vec<u8>, WsError> {
    let payload = close_payload(code, reason)?;
    Ok(match key {
        None => encode(Opcode::Close, &payload),
        Some(key) => encode_masked(Opcode::Close, &payload, key),
    })
}

const _: () = assert!(is_close_code(close_code::NORMAL) && !is_close_code(1005));
