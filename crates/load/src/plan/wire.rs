//! Bytes on the line: what a message, its acknowledgment, a ping and a connect take of a link, everything between the first
//! bit of a frame's preamble and the end of its gap.

use serde::Serialize;

use super::figures::{
    CONNECT_DATA_IN, CONNECT_DATA_OUT, CONNECT_FRAMES_IN, CONNECT_FRAMES_OUT, ENVELOPE, ETHERNET, FRAME_MIN, IP_HEADER,
    MTU, TCP_HEADER,
};

/// Bytes of a client's mask (RFC 6455 section 5.3).
const MASK: f64 = 4.0;
/// A ping of the protocol and its pong, `{}` (docs/protocol.md).
const PING: f64 = 2.0;

/// Frames, and the bytes that they take of the link.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) struct Burst {
    pub(super) frames: f64,
    pub(super) bytes: f64,
}

impl Burst {
    /// `data` bytes of TCP data in as many frames as they take.
    fn of_data(data: f64) -> Burst {
        let room = MTU.value - IP_HEADER.value - TCP_HEADER.value;
        let frames = (data / room).ceil().max(1.0);
        let bytes = data + frames * header();
        Burst { frames, bytes: bytes.max(frames * FRAME_MIN.value) }
    }

    fn and(self, other: Burst) -> Burst {
        Burst { frames: self.frames + other.frames, bytes: self.bytes + other.bytes }
    }

    /// So many in a second.
    pub(super) fn flow(self, per_second: f64) -> Flow {
        Flow { frames_per_second: self.frames * per_second, bits_per_second: self.bytes * 8.0 * per_second }
    }

    /// How long `count` of them occupy a link of `bits_per_second`, seconds.
    pub(super) fn seconds(self, count: f64, bits_per_second: f64) -> f64 {
        assert!(bits_per_second > 0.0, "a link carries something");
        count * self.bytes * 8.0 / bits_per_second
    }
}

/// What a link carries in one direction.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize)]
pub(super) struct Flow {
    /// Ethernet frames.
    pub(super) frames_per_second: f64,
    /// All of them, with preamble and gap.
    pub(super) bits_per_second: f64,
}

impl Flow {
    pub(super) fn and(self, other: Flow) -> Flow {
        Flow {
            frames_per_second: self.frames_per_second + other.frames_per_second,
            bits_per_second: self.bits_per_second + other.bits_per_second,
        }
    }
}

/// What something takes of a link in both directions.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) struct Exchange {
    /// To clients.
    pub(super) out: Burst,
    /// From clients.
    pub(super) back: Burst,
}

/// Everything around data in one frame.
fn header() -> f64 {
    ETHERNET.value + IP_HEADER.value + TCP_HEADER.value
}

/// A segment without data.
fn acknowledgment() -> Burst {
    Burst::of_data(0.0)
}

/// The header of a frame of the server (RFC 6455 section 5.2).
fn websocket_header(message: f64) -> f64 {
    match message {
        ..=125.0 => 2.0,
        ..=65_535.0 => 4.0,
        _ => 10.0,
    }
}

/// A WebSocket message of `bytes` to a client, and its acknowledgment: one for each second full segment (RFC 9293 section
/// 3.8.6.3), and one for each message. Clients that get several messages within 40 ms acknowledge less often.
pub(super) fn message(bytes: f64) -> Exchange {
    let out = Burst::of_data(bytes + websocket_header(bytes));
    let acknowledgments = (out.frames / 2.0).ceil();
    let back = acknowledgment();
    Exchange { out, back: Burst { frames: acknowledgments, bytes: acknowledgments * back.bytes } }
}

/// A publication with `payload` bytes of data.
pub(super) fn push(payload: u64) -> Exchange {
    message(payload as f64 + ENVELOPE.value)
}

/// A ping, its pong, and the acknowledgment of the pong. The pong acknowledges the ping.
pub(super) fn ping() -> Exchange {
    let out = Burst::of_data(PING + websocket_header(PING)).and(acknowledgment());
    Exchange { out, back: Burst::of_data(PING + websocket_header(PING) + MASK) }
}

/// A connect, from SYN to the last reply.
pub(super) fn connect() -> Exchange {
    let burst = |frames: f64, data: f64| Burst { frames, bytes: frames * header() + data };
    Exchange {
        out: burst(CONNECT_FRAMES_OUT.value, CONNECT_DATA_OUT.value),
        back: burst(CONNECT_FRAMES_IN.value, CONNECT_DATA_IN.value),
    }
}
