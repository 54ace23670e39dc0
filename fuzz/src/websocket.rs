//! One direction of a WebSocket: any split gives the same events and error; events are written and read again.
//!
//! The first byte of an input is odd if a client reads it.

use crore_http::WsLimits;
use crore_http::ws::{Decoder, Event, Opcode, Role, WsError, encode, encode_close, encode_masked};

use super::splits;

/// Small, so that a fuzzer meets both.
pub const LIMITS: WsLimits = WsLimits { message_bytes: 300, fragments: 4 };

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An event that is no longer lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The end.
    Close(Option<u16>, String),
}

/// Reads the rest of `bytes` in the role that their first byte says.
pub fn run(bytes: &[u8]) {
    let Some((&kind, input)) = bytes.split_first() else { return };
    let (role, other_role) = if kind % 2 == 1 { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
    let [whole, others @ ..] = splits::ways(input).map(|parts| read(role, &LIMITS, &parts));
    for other in others {
        assert_eq!(whole, other, "two splits of one stream");
    }
    for role in [role, other_role] {
        let stream: Vec<u8> = whole.0.iter().flat_map(|seen| frame(seen, role)).collect();
        let (read, end) = read(role, &LIMITS, &[&stream]);
        assert_eq!(read, whole.0, "events that were written");
        assert!(end.is_ok(), "{end:?} in what was written");
    }
}

/// The events in these parts; then whether the decoder is idle, or the error.
pub fn read(role: Role, limits: &WsLimits, parts: &[&[u8]]) -> (Vec<Seen>, Result<bool, WsError>) {
    let mut decoder = Decoder::new(role, limits);
    let mut seen = Vec::new();
    for part in parts {
        let mut input = part.to_vec();
        let mut at = 0;
        loop {
            match decoder.on_input(&mut input[at..]) {
                Err(error) => return (seen, Err(error)),
                Ok((consumed, event)) => {
                    at += consumed;
                    let Some(event) = event else { break };
                    seen.push(kept(event));
                }
            }
        }
        assert_eq!(at, input.len(), "without an event everything was consumed");
    }
    (seen, Ok(decoder.is_idle()))
}

fn kept(event: Event<'_>) -> Seen {
    match event {
        Event::Text(text) => Seen::Text(text.to_owned()),
        Event::Binary(bytes) => Seen::Binary(bytes.to_vec()),
        Event::Ping(bytes) => Seen::Ping(bytes.to_vec()),
        Event::Pong(bytes) => Seen::Pong(bytes.to_vec()),
        Event::Close { code, reason } => Seen::Close(code, reason.to_owned()),
    }
}

/// The frame of an event for a reader in this role.
pub fn frame(seen: &Seen, role: Role) -> Vec<u8> {
    let whole = |opcode, payload: &[u8]| match role {
        Role::Server => encode_masked(opcode, payload, KEY),
        Role::Client => encode(opcode, payload),
    };
    match seen {
        Seen::Text(text) => whole(Opcode::Text, text.as_bytes()),
        Seen::Binary(bytes) => whole(Opcode::Binary, bytes),
        Seen::Ping(bytes) => whole(Opcode::Ping, bytes),
        Seen::Pong(bytes) => whole(Opcode::Pong, bytes),
        Seen::Close(None, _) => whole(Opcode::Close, b""),
        Seen::Close(Some(code), reason) => encode_close(*code, reason, (role == Role::Server).then_some(KEY))
            .expect("a code that was read may be sent"),
    }
}
