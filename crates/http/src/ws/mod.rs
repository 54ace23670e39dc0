//! WebSocket (RFC 6455), both sides, with `permessage-deflate` (RFC 7692) where both want it.
//!
//! A server checks a request with [`accept`] and answers with its [`Accepted::response`]; a client makes a
//! [`ClientHandshake`]. From then on bytes go through a [`Decoder`], which needs to exist only while a frame or message
//! is incomplete, and frames come from [`encode`] (server, unmasked, the same bytes for every receiver) or
//! [`encode_masked`] (client).
//!
//! Compression is the owner's choice: without [`DeflateOptions`] it is neither offered nor accepted, and a reserved bit is an
//! error. With it, a core has one [`Inflater`] and one [`Deflater`] for all its connections; see [`DeflateOptions`] for what it
//! costs.

use core::fmt;

mod client;
mod close;
mod decoder;
mod deflate;
mod frame;
mod handshake;
mod header;
mod mask;
mod message;

pub use client::{ClientHandshake, HandshakeError};
pub use close::{close_code, is_close_code};
pub use decoder::{Decoder, Event};
pub use deflate::{DeflateOptions, DeflateSide, DeflateTerms, Deflater, History, Inflater, Inflating};
pub use frame::{FrameHeader, encode, encode_close, encode_masked, fragment_header, frame_header};
pub use handshake::{Accepted, Offer, Origins, Refusal, accept};

/// Which side a decoder is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads what clients send: masked.
    Server,
    /// Reads what a server sends: not masked.
    Client,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// More of a message that was begun.
    Continuation = 0,
    /// UTF-8 text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// The end of the conversation.
    Close = 8,
    /// To be answered by a pong with the same payload.
    Ping = 9,
    /// An answer to a ping, or a sign of life.
    Pong = 10,
}

impl Opcode {
    /// Close, ping and pong: never fragmented, at most 125 bytes.
    pub const fn is_control(self) -> bool {
        self as u8 >= 8
    }

    const fn from_bits(bits: u8) -> Option<Opcode> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }
}

/// What a peer got wrong. The connection is to be closed with [`WsError::close_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WsError {
    /// A reserved bit is set where no extension that was negotiated allows it.
    ReservedBits {
        /// The first byte of the frame.
        byte: u8,
    },
    /// An opcode that does not exist.
    Opcode {
        /// Its number.
        opcode: u8,
    },
    /// A control frame in fragments.
    FragmentedControl,
    /// A control frame with more than 125 bytes.
    ControlTooLong,
    /// A frame of a client that is not masked.
    NotMasked,
    /// A frame of a server that is masked.
    Masked,
    /// A length in more bytes than it needs, or with its highest bit set.
    Length {
        /// The length as it was sent.
        length: u64,
    },
    /// A continuation without a message that it continues.
    NothingToContinue,
    /// A new message inside of another.
    MessageUnfinished,
    /// A close frame with one byte, or a code that may not be sent.
    CloseCode {
        /// The code; 0 if there was only one byte.
        code: u16,
    },
    /// Text, or a close reason, that is not UTF-8.
    Utf8,
    /// A message longer than the limit.
    TooLarge {
        /// Bytes declared so far.
        length: u64,
        /// The limit, in bytes.
        limit: u32,
    },
    /// A message of too many frames.
    TooManyFragments {
        /// The limit.
        limit: u32,
    },
    /// A compressed message is not DEFLATE, or ends in the middle of it.
    Deflate,
    /// A compressed message becomes longer than the limit.
    InflatesTooLarge {
        /// The limit, in bytes.
        limit: u32,
    },
    /// A compressed message becomes too many times as long.
    InflatesTooMuch {
        /// How many times as long as it came it may become.
        limit: u32,
    },
}

impl WsError {
    /// The code to close with: 1002 (protocol), 1007 (not UTF-8, not DEFLATE) or 1009 (too large).
    pub fn close_code(&self) -> u16 {
        match self {
            WsError::Utf8 | WsError::Deflate => close_code::INVALID_PAYLOAD,
            WsError::TooLarge { .. }
            | WsError::TooManyFragments { .. }
            | WsError::InflatesTooLarge { .. }
            | WsError::InflatesTooMuch { .. } => close_code::TOO_LARGE,
            _ => close_code::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for WsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            WsError::ReservedBits { byte } => {
                write!(f, "reserved bits set in frame byte 0x{byte:02x}: no extension allows them here")
            }
            WsError::Opcode { opcode } => {
                write!(f, "unknown opcode {opcode}: use 0, 1, 2, 8, 9 or 10")
            }
            WsError::FragmentedControl => f.write_str("fragmented control frame: send it in one"),
            WsError::ControlTooLong => f.write_str("control frame of more than 125 bytes: shorten it"),
            WsError::NotMasked => f.write_str("unmasked frame from a client: mask it"),
            WsError::Masked => f.write_str("masked frame from a server: do not mask it"),
            WsError::Length { length } => {
                write!(f, "length {length} not in its shortest form, or of more than 63 bits")
            }
            WsError::NothingToContinue => f.write_str("continuation frame without a message: begin one"),
            WsError::MessageUnfinished => f.write_str("new message before the end of the last: finish it"),
            WsError::CloseCode { code } => write!(f, "close code {code} may not be sent: use 1000 or 3000 to 4999"),
            WsError::Utf8 => f.write_str("text is not UTF-8: encode it so, or send a binary message"),
            WsError::TooLarge { length, limit } => {
                write!(f, "message of {length} bytes, the limit is {limit}: send less")
            }
            WsError::TooManyFragments { limit } => {
                write!(f, "message of more than {limit} frames: send fewer")
            }
            WsError::Deflate => f.write_str("compressed message is not DEFLATE, or incomplete: compress it anew"),
            WsError::InflatesTooLarge { limit } => {
                write!(f, "compressed message of more than {limit} bytes: send less")
            }
            WsError::InflatesTooMuch { limit } => {
                write!(f, "compressed message of more than {limit} times its length: send it uncompressed")
            }
        }
    }
}

impl std::error::Error for WsError {}
