//! A TCP segment on its way through the stages of input, and what becomes of it.

use crore_base::frame::Frame;
use crore_wire::ethernet::Mac;
use crore_wire::ip::Ip;
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags, Header};

use crate::counter::Counter;
use crate::event::CloseReason;
use crate::pool::PartId;
use crate::record::Record;
use crate::tuple::Tuple;

/// A segment whose checksum and header are right. Small, because bursts of them are kept between the stages, and worked on
/// where they lie.
pub(crate) struct Segment {
    pub(crate) header: Header,
    /// Bytes of data.
    pub(crate) len: u32,
    /// Its frame, cut down to the data. Whoever keeps the data takes it; else it is freed when the segment is done with.
    pub(crate) frame: Option<Frame>,
    pub(crate) source: Ip,
    pub(crate) destination: Ip,
    /// The link-layer address that it came from.
    pub(crate) mac: Mac,
    /// It came with a SYN, even if that is done with by now: its window is not scaled.
    pub(crate) opens: bool,
    /// Nothing had come from the peer for longer than a retransmission timeout before it.
    pub(crate) after_rest: bool,
    /// The hash of its flow.
    pub(crate) hash: u64,
    /// What the flow table took for its record at first sight.
    pub(crate) candidate: Option<Record>,
    /// The part that its connection seemed to send with, for asking for the payload in it.
    pub(crate) part: PartId,
}

const _: () = assert!(size_of::<Segment>() <= 128, "a segment between the stages takes two cache lines");

impl Segment {
    #[inline]
    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.header.flags.contains(flag)
    }

    /// It carries data and an acknowledgment, or one of them, and no other flag than PSH: what nearly all segments are.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.header.flags.without(Flags::PSH) == Flags::ACK
    }

    /// The sequence number after this segment: data, SYN and FIN counted.
    #[inline]
    pub(crate) fn end(&self) -> Seq {
        self.header.seq + self.header.sequence_len(self.len)
    }

    /// The window that it offers, in bytes, to a connection on which the peer's windows are scaled by `shift`.
    #[inline]
    pub(crate) fn window(&self, shift: u8) -> u32 {
        // RFC 7323 SYN-WINDOW: not with a SYN, whatever was agreed on.
        self.header.scaled_window(if self.opens { 0 } else { shift })
    }

    /// Both ends, as this host sees them.
    #[inline]
    pub(crate) fn tuple(&self) -> Tuple {
        Tuple {
            local: self.destination,
            remote: self.source,
            local_port: self.header.destination_port,
            remote_port: self.header.source_port,
        }
    }
}

/// What becomes of a segment, and of its connection because of it. The steps decide; one place (`input.rs`) acts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It did what it came for.
    Delivered,
    /// It did nothing, for this reason.
    Dropped(Counter),
    /// It ends the connection.
    Ends(CloseReason),
    /// It is answered with an RST that fits it (RFC 9293 section 3.5.2, group 1 and 2).
    Refused(Counter),
    /// It came for an application that has closed: the connection is reset (RFC 9293 section 3.6.1).
    Unwanted,
}

/// The outcome of one step: on to the next, or a verdict.
pub(crate) type Step = Result<(), Verdict>;
