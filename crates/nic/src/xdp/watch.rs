//! Watching a queue: is it given the right frames, do they come with checksums, and do its rings move?
//!
//! A wrong answer to any of these looks, from above, like a network that loses frames. So each has a counter, and
//! [`XdpStatistics::advice`] says in words what the counters mean and what to do.

use crore_base::time::Instant;
use crore_wire::checksum::Sum;
use crore_wire::ip::Ip;

use crate::limits::{XDP_PARTIAL_CHECKSUMS_MIN, XDP_PROOF_FRAMES, XDP_SAMPLE_FRAMES, XDP_STALL};
use crate::steering;

const TCP: u8 = 6;

/// What has happened at one queue beside frames that came and went. All counted since it was opened.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct XdpStatistics {
    /// Frames not sent because they were too short for a header or larger than the MTU allows.
    pub unfit: u64,
    /// Frames not sent because the interface was down.
    pub lost_down: u64,
    /// Frames not sent because the device was stuck.
    pub lost_stuck: u64,
    /// Times that frames had to wait because the transmit ring, or the completion ring behind it, had no room.
    pub waited: u64,
    /// Times that the transmit ring was full and none of it came back for
    /// [`XDP_STALL`](crate::limits::XDP_STALL).
    pub stalls: u64,
    /// Times that the pool had no frame for the kernel to receive into, while it had less than half of what it should.
    pub starved: u64,
    /// System calls made to have the transmit ring looked at.
    pub kicks: u64,
    /// Entries of rings that named no frame of ours: a confused driver. The frames are lost.
    pub foreign: u64,
    /// Received frames that were looked at for their queue: TCP and UDP, the first thousands and then a sample.
    pub flows_seen: u64,
    /// Those whose queue is not the one that [`steering`] names.
    pub flows_misdirected: u64,
    /// Received TCP segments that were looked at for their checksum.
    pub segments_seen: u64,
    /// Those that came with the beginning of a checksum only: their sender leaves the rest to a device that is not there.
    pub partial_checksums: u64,
    /// What the kernel counts for this socket; `None` if it does not say.
    pub kernel: Option<XdpKernelStatistics>,
}

/// What the kernel counts for a socket (`XDP_STATISTICS`). Older kernels know the first three only.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct XdpKernelStatistics {
    /// Frames dropped for other reasons than those below.
    pub receive_dropped: u64,
    /// Entries of the fill ring that it could not use.
    pub fill_invalid: u64,
    /// Entries of the transmit ring that it could not use.
    pub transmit_invalid: u64,
    /// Frames dropped because the receive ring was full: this core is too slow.
    pub receive_ring_full: u64,
    /// Frames dropped because there was nothing to receive into: the pool had none, or this core is too slow.
    pub fill_ring_empty: u64,
    /// Times that it looked for something to send and there was nothing.
    pub transmit_ring_empty: u64,
}

impl XdpStatistics {
    /// What is wrong, in words, with what to do about it. Empty if nothing is.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if self.partial_checksums >= XDP_PARTIAL_CHECKSUMS_MIN {
            advice.push(format!(
                "{} of {} TCP segments came without a whole checksum and will be dropped: their sender, on this machine, \
                 leaves checksums to a device that is not there: `ethtool -K PEER tx off` at the other end",
                self.partial_checksums, self.segments_seen
            ));
        }
        if self.flows_misdirected > 0 {
            advice.push(format!(
                "{} of {} frames came in at another queue than that of their flow: they must be handed on between \
                 cores, or use one queue (`ethtool -L NAME combined 1`)",
                self.flows_misdirected, self.flows_seen
            ));
        }
        if self.stalls > 0 {
            advice.push(format!(
                "the device was stuck {} times for {} ms or longer and {} frames were not sent: open it without \
                 zero-copy, or look at the driver",
                self.stalls,
                XDP_STALL.as_millis(),
                self.lost_stuck
            ));
        }
        let kernel = self.kernel.unwrap_or_default();
        if self.starved > 0 {
            advice.push(format!(
                "the pool had no frame to receive into {} times, and {} frames were dropped: use a larger pool",
                self.starved, kernel.fill_ring_empty
            ));
        }
        // With enough frames in the pool, the kernel runs out of them because nobody comes to give it more.
        let not_fetched = kernel.receive_ring_full + if self.starved == 0 { kernel.fill_ring_empty } else { 0 };
        if not_fetched > 0 {
            advice.push(format!(
                "{not_fetched} frames were dropped because they were not fetched in time: this core has too much to do"
            ));
        }
        if self.foreign > 0 || kernel.fill_invalid > 0 || kernel.transmit_invalid > 0 {
            advice.push(format!(
                "{} entries of rings were no frames of ours, {} of ours were none to the driver: open it without \
                 zero-copy, or look at the driver",
                self.foreign,
                kernel.fill_invalid + kernel.transmit_invalid
            ));
        }
        advice
    }
}

/// Who looks at received frames: all at first, then one in many.
pub(super) struct Inspector {
    /// Frames that are still looked at one by one.
    left: u32,
    /// Frames that pass before one is looked at again.
    until_next: usize,
}

impl Inspector {
    pub(super) fn new() -> Self {
        Self { left: XDP_PROOF_FRAMES, until_next: 0 }
    }

    /// Looks at each of the next `frames` frames again.
    pub(super) fn look_at(&mut self, frames: u32) {
        self.left = frames;
    }

    /// How many frames of a burst are to be looked at, from its first on.
    #[inline]
    pub(super) fn share_of(&mut self, burst: usize) -> usize {
        if self.left > 0 {
            let share = burst.min(self.left as usize);
            self.left -= share as u32;
            return share;
        }
        match self.until_next.checked_sub(burst) {
            Some(left) => {
                self.until_next = left;
                0
            }
            None => {
                self.until_next = XDP_SAMPLE_FRAMES;
                burst.min(1)
            }
        }
    }

    /// Looks at a frame that has come in at `queue` of `queues`.
    pub(super) fn inspect(&self, frame: &[u8], queue: u16, queues: u16, statistics: &mut XdpStatistics) {
        if let Some(flow) = steering::Flow::of_frame(frame) {
            statistics.flows_seen += 1;
            statistics.flows_misdirected += u64::from(flow.queue(queues) != queue);
            if let Some((sum, field)) = checksum_of(frame, &flow.source, &flow.destination) {
                statistics.segments_seen += 1;
                // The field holds the sum as it is; a whole checksum is its complement, and of all the segment.
                statistics.partial_checksums += u64::from(!sum == field);
            }
        }
    }
}

/// The checksum of a TCP segment's pseudo-header alone, and what is in its field. `None` if it is no TCP.
fn checksum_of(frame: &[u8], source: &Ip, destination: &Ip) -> Option<(u16, u16)> {
    const ETHERNET_BYTES: usize = 14;
    const CHECKSUM: usize = 16;
    let packet = frame.get(ETHERNET_BYTES..)?;
    let number = |at: usize| Some(u16::from_be_bytes(*packet.get(at..)?.first_chunk()?));
    let (protocol, header_bytes, packet_bytes) = match source.is_v4() {
        true => (*packet.get(9)?, usize::from(packet.first()? & 0xf) * 4, usize::from(number(2)?)),
        false => (*packet.get(6)?, 40, 40 + usize::from(number(4)?)),
    };
    let segment_bytes = packet_bytes.checked_sub(header_bytes)?;
    let sum = Sum::pseudo_header(source, destination, TCP, segment_bytes as u32).finish();
    (protocol == TCP).then_some((sum, number(header_bytes + CHECKSUM)?))
}

/// Notices that a transmit ring is full and stays so.
pub(super) struct Stall {
    /// Since when nothing has come back.
    since: Option<Instant>,
    is_stuck: bool,
}

impl Stall {
    pub(super) fn new() -> Self {
        Self { since: None, is_stuck: false }
    }

    /// Something has come back.
    #[inline]
    pub(super) fn moved(&mut self) {
        (self.since, self.is_stuck) = (None, false);
    }

    /// There was no room. True if that has been so for too long; `stalls` counts the first time of each.
    pub(super) fn full(&mut self, now: Instant, stalls: &mut u64) -> bool {
        let since = *self.since.get_or_insert(now);
        if !self.is_stuck && now.saturating_since(since) >= XDP_STALL {
            self.is_stuck = true;
            *stalls += 1;
        }
        self.is_stuck
    }
}

#[cfg(test)]
mod tests;
