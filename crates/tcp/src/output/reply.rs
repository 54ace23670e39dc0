//! Segments that belong to no connection: SYN-ACKs of the SYN cache, RSTs to strangers, ACKs of TIME-WAIT.

use crore_wire::emit::Path;
use crore_wire::ethernet::Mac;
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags as Bits, Header, Options};

use crate::input::segment::Segment;
use crate::tuple::Tuple;

/// Hop limit of replies; connections have their own.
const REPLY_HOP_LIMIT: u8 = 64;

/// One such segment, waiting for the output pass.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) tuple: Tuple,
    /// Where it goes on the link: back to where the segment came from that it answers.
    pub(crate) mac: Mac,
    pub(crate) header: Header,
}

impl Reply {
    /// A segment without data from our end of `tuple`.
    pub(crate) fn new(tuple: &Tuple, mac: Mac, seq: Seq, ack: Seq, flags: Bits) -> Self {
        let header = Header {
            source_port: tuple.local_port,
            destination_port: tuple.remote_port,
            seq,
            ack,
            flags,
            window: 0,
            urgent: 0,
            options: Options::NONE,
        };
        Self { tuple: *tuple, mac, header }
    }

    /// The RST that answers a segment of a connection that does not exist (RFC 9293 section 3.10.7.1): one that the peer
    /// will find acceptable. `None` for an RST, which is never answered.
    pub(crate) fn reset(segment: &Segment) -> Option<Self> {
        if segment.has(Bits::RST) {
            return None;
        }
        let tuple = segment.tuple();
        Some(match segment.has(Bits::ACK) {
            true => Self::new(&tuple, segment.mac, segment.header.ack, Seq(0), Bits::RST),
            false => Self::new(&tuple, segment.mac, Seq(0), segment.end(), Bits::RST.with(Bits::ACK)),
        })
    }

    pub(crate) fn path(&self, source_mac: Mac) -> Path {
        Path {
            source_mac,
            destination_mac: self.mac,
            source: self.tuple.local,
            destination: self.tuple.remote,
            hop_limit: REPLY_HOP_LIMIT,
            dscp: 0,
        }
    }
}
