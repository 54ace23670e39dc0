//! One published message, as it is kept in a log and carried between cores.
//!
//! The bytes are the gateway's: compact JSON without newlines. The hub never looks into them.

use crore_base::payload::Parcel;
use crore_base::time::Instant;

/// What the log and the queues keep beside the bytes of a publication: an estimate of the record, its share of the
/// containers, and the heads of the shared allocations.
const OVERHEAD_BYTES: u64 = 128;

/// One publication. Cloning it copies references, not bytes.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Its number in the channel's stream, from 1; 0 when it is not in the stream (the channel has no history, or the
    /// publisher asked to skip it), and then it is sent without an offset.
    pub offset: u64,
    /// The data, raw JSON on one line.
    pub data: Parcel,
    /// The publisher's ClientInfo as JSON, when a client published it.
    pub info: Option<Parcel>,
    /// The tags as a JSON object.
    pub tags: Option<Parcel>,
    /// When the channel's home numbered it.
    pub accepted: Instant,
}

impl Publication {
    /// A publication of bare data, not numbered yet.
    pub fn new(data: Parcel) -> Publication {
        Publication { offset: 0, data, info: None, tags: None, accepted: Instant::ZERO }
    }

    /// What it is counted with wherever memory is bounded, in bytes: the payload bytes and the overhead of its record.
    pub fn weight(&self) -> u64 {
        let part = |part: &Option<Parcel>| part.as_ref().map_or(0, |bytes| bytes.len());
        (self.data.len() + part(&self.info) + part(&self.tags)) as u64 + OVERHEAD_BYTES
    }
}
