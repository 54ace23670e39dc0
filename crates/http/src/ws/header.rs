//! The header of a frame that comes in, checked as early as its bytes allow.

use super::{Opcode, Role, WsError};
use crate::limits::WS_CONTROL_BYTES_MAX;

/// Bytes of the longest header.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// The bit of the first byte that marks a compressed message.
pub(super) const RSV1: u8 = 0x40;
const RESERVED: u8 = 0x70;

/// A frame's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    /// RSV1: the message that begins here is compressed (RFC 7692, section 6).
    pub(super) is_compressed: bool,
    pub(super) length: u64,
    /// All zero without a mask.
    pub(super) key: [u8; 4],
    /// Bytes of the header itself.
    pub(super) bytes: usize,
}

/// The header at the start of `bytes`; `None` while it is incomplete and what there is of it is right. `deflates` says that
/// messages may be compressed.
pub(super) fn parse(bytes: &[u8], role: Role, deflates: bool) -> Result<Option<Header>, WsError> {
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    let (opcode, is_final, is_compressed) = first_byte(first, deflates)?;
    let Some(&second) = bytes.get(1) else {
        return Ok(None);
    };
    let short = second & 0x7f;
    if opcode.is_control() && usize::from(short) > WS_CONTROL_BYTES_MAX {
        return Err(WsError::ControlTooLong);
    }
    match (role, second & 0x80 != 0) {
        (Role::Server, false) => return Err(WsError::NotMasked),
        (Role::Client, true) => return Err(WsError::Masked),
        _ => {}
    }
    let Some((length, at)) = extended_length(bytes, short)? else {
        return Ok(None);
    };
    let (key, end) = match role {
        Role::Client => ([0; 4], at),
        Role::Server => match bytes.get(at..at + 4) {
            None => return Ok(None),
            Some(key) => ([key[0], key[1], key[2], key[3]], at + 4),
        },
    };
    assert!(end <= HEADER_BYTES_MAX && end <= bytes.len(), "a header has at most 14 bytes, all of them here");
    Ok(Some(Header { opcode, is_final, is_compressed, length, key, bytes: end }))
}

/// Opcode, whether the frame is final, and whether a compressed message begins. Only the first frame of a message may say so.
fn first_byte(byte: u8, deflates: bool) -> Result<(Opcode, bool, bool), WsError> {
    let is_compressed = deflates && byte & RESERVED == RSV1 && matches!(byte & 0x0f, 1 | 2);
    if byte & RESERVED != 0 && !is_compressed {
        return Err(WsError::ReservedBits { byte });
    }
    let opcode = Opcode::from_bits(byte & 0x0f).ok_or(WsError::Opcode { opcode: byte & 0x0f })?;
    let is_final = byte & 0x80 != 0;
    if opcode.is_control() && !is_final {
        return Err(WsError::FragmentedControl);
    }
    Ok((opcode, is_final, is_compressed))
}

/// The length and where it ends; lengths must use the shortest form and fit in 63 bits.
fn extended_length(bytes: &[u8], short: u8) -> Result<Option<(u64, usize)>, WsError> {
    let (length, end, least) = match short {
        126 => match bytes.get(2..4) {
            None => return Ok(None),
            Some(field) => (u64::from(u16::from_be_bytes([field[0], field[1]])), 4, 126),
        },
        127 => match bytes.get(2..10).and_then(|field| <[u8; 8]>::try_from(field).ok()) {
            None => return Ok(None),
            Some(field) => (u64::from_be_bytes(field), 10, 0x1_0000),
        },
        short => (u64::from(short), 2, 0),
    };
    if length < least || length >> 63 != 0 {
        return Err(WsError::Length { length });
    }
    Ok(Some((length, end)))
}
