//! A segment as a table writes it: numbers count from each side's SYN, which is 0, so the first byte of data is 1.
//!
//! One type serves for what the peer sends and for what the engine must say. What is left out has an obvious value: the
//! next new byte, everything that has come so far.

use crore_tcp::event::Ready;
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags, Options};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) flags: Flags,
    pub(crate) seq: Option<u32>,
    pub(crate) ack: Option<u32>,
    pub(crate) window: Option<u16>,
    pub(crate) urgent: u16,
    /// All but timestamps.
    pub(crate) options: Options,
    /// Options byte by byte, in place of all others.
    pub(crate) raw_options: Option<Vec<u8>>,
    pub(crate) timestamps: Clocks,
    pub(crate) payload: Vec<u8>,
}

/// The timestamps option of a segment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Clocks {
    /// As agreed on: the sender's clock, and the echo of what came last.
    AsAgreed,
    /// None, whatever was agreed on.
    Absent,
    /// The peer's clock as given; the echo of what came last.
    Value(u32),
    /// Both as given; the echo as it goes over the wire.
    Both(u32, u32),
    /// Of the engine: echoes this value of the peer.
    Echo(u32),
}

impl Segment {
    pub(crate) fn new(flags: Flags) -> Self {
        Self {
            flags,
            seq: None,
            ack: None,
            window: None,
            urgent: 0,
            options: Options::NONE,
            raw_options: None,
            timestamps: Clocks::AsAgreed,
            payload: Vec::new(),
        }
    }

    pub(crate) fn seq(mut self, seq: u32) -> Self {
        self.seq = Some(seq);
        self
    }

    pub(crate) fn ack(mut self, ack: u32) -> Self {
        self.flags |= Flags::ACK;
        self.ack = Some(ack);
        self
    }

    pub(crate) fn window(mut self, window: u16) -> Self {
        self.window = Some(window);
        self
    }

    pub(crate) fn with(mut self, flags: Flags) -> Self {
        self.flags |= flags;
        self
    }

    pub(crate) fn without(mut self, flags: Flags) -> Self {
        self.flags = self.flags.without(flags);
        self
    }

    pub(crate) fn fin(self) -> Self {
        self.with(Flags::FIN)
    }

    /// Urgent data ends `pointer` bytes behind this segment's number.
    pub(crate) fn urgent(mut self, pointer: u16) -> Self {
        self.urgent = pointer;
        self.with(Flags::URG)
    }

    pub(crate) fn mss(mut self, mss: u16) -> Self {
        self.options.mss = Some(mss);
        self
    }

    pub(crate) fn scale(mut self, shift: u8) -> Self {
        self.options.window_scale = Some(shift);
        self
    }

    pub(crate) fn sack_permitted(mut self) -> Self {
        self.options.sack_permitted = true;
        self
    }

    pub(crate) fn raw_options(mut self, bytes: &[u8]) -> Self {
        assert!(bytes.len() <= 40 && bytes.len().is_multiple_of(4));
        self.raw_options = Some(bytes.to_vec());
        self
    }

    /// The peer's clock.
    pub(crate) fn clock(mut self, value: u32) -> Self {
        self.timestamps = Clocks::Value(value);
        self
    }

    /// Both timestamps; the echo as it goes over the wire.
    pub(crate) fn clocks(mut self, value: u32, echo: u32) -> Self {
        self.timestamps = Clocks::Both(value, echo);
        self
    }

    /// The engine echoes this clock of the peer.
    pub(crate) fn echoes(mut self, value: u32) -> Self {
        self.timestamps = Clocks::Echo(value);
        self
    }

    pub(crate) fn no_timestamps(mut self) -> Self {
        self.timestamps = Clocks::Absent;
        self
    }

    pub(crate) fn payload(mut self, bytes: &[u8]) -> Self {
        self.payload = bytes.to_vec();
        self
    }

    /// Numbers that the segment takes.
    pub(crate) fn len(&self) -> u32 {
        let bits = self.flags.contains(Flags::SYN) as u32 + self.flags.contains(Flags::FIN) as u32;
        self.payload.len() as u32 + bits
    }
}

pub(crate) fn syn() -> Segment {
    Segment::new(Flags::SYN).seq(0)
}

pub(crate) fn syn_ack() -> Segment {
    Segment::new(Flags::SYN | Flags::ACK).seq(0)
}

pub(crate) fn ack() -> Segment {
    Segment::new(Flags::ACK)
}

/// Data in a segment that is pushed, as the last one of a queue is.
pub(crate) fn data(bytes: &[u8]) -> Segment {
    Segment::new(Flags::ACK | Flags::PSH).payload(bytes)
}

/// Data that more follows: without PSH.
pub(crate) fn more(bytes: &[u8]) -> Segment {
    Segment::new(Flags::ACK).payload(bytes)
}

pub(crate) fn fin() -> Segment {
    Segment::new(Flags::ACK | Flags::FIN)
}

/// Without ACK.
pub(crate) fn rst() -> Segment {
    Segment::new(Flags::RST)
}

pub(crate) fn rst_ack() -> Segment {
    Segment::new(Flags::RST | Flags::ACK)
}

/// `len` bytes that say where they are, so that a byte in the wrong place is seen.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    bytes_from(1, len)
}

/// As [`bytes`], of a stream from number `from` on.
pub(crate) fn bytes_from(from: u32, len: usize) -> Vec<u8> {
    (from..from + len as u32).map(|n| (n ^ n >> 8 ^ n >> 16) as u8).collect()
}

/// A segment that the engine sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) flags: Flags,
    /// Counted from the engine's SYN. Meaningless before it is known.
    pub(crate) seq: u32,
    /// Counted from the peer's SYN; zero without ACK.
    pub(crate) ack: u32,
    pub(crate) header: crore_wire::tcp::Header,
    pub(crate) packet: crore_wire::packet::Packet,
    pub(crate) payload: Vec<u8>,
    /// The whole frame.
    pub(crate) frame: Vec<u8>,
}

impl Seen {
    pub(crate) fn len(&self) -> u32 {
        self.header.sequence_len(self.payload.len() as u32)
    }

    pub(crate) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len())
    }

    pub(crate) fn window(&self) -> u16 {
        self.header.window
    }

    pub(crate) fn is(&self, flags: Flags) -> bool {
        self.flags == flags
    }

    /// The engine's clock in it.
    pub(crate) fn clock(&self) -> u32 {
        self.header.options.timestamps.expect("a segment with timestamps").value
    }

    pub(crate) fn echo(&self) -> u32 {
        self.header.options.timestamps.expect("a segment with timestamps").echo
    }
}

/// The engine's initial number and the peer's, to count from.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Origins {
    pub(crate) engine: Seq,
    pub(crate) peer: Seq,
}

/// What an event says, told together.
pub(crate) fn all_of(sets: &[Ready]) -> Ready {
    sets.iter().fold(Ready::default(), |all, &one| all | one)
}
