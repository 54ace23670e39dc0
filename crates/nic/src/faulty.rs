//! A bad network in front of a good device: loss, duplication, reordering, bit flips, truncation, delay, a rate limit.
//!
//! Every fault of every direction has its own dice, all from one seed, so that a run can be repeated exactly and
//! switching one fault on does not move the others. Time is what [`on_time`](PacketIo::on_time) says, so this works in
//! virtual time too.
//!
//! Delayed frames stay in the pool of their core until they are delivered; a network that holds a second of traffic
//! needs a pool for it.

mod dice;
mod line;

use std::io;
use std::os::fd::BorrowedFd;

use crore_base::frame::{Frame, FramePool};
use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};

use crate::limits::FAULTY_FLIPPED_BITS_MAX;
use crate::packet_io::{Capabilities, Link, PacketIo};

pub use line::FaultCounts;
use line::Line;

/// A probability, in parts of a million.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Chance(u32);

impl Chance {
    /// What never happens.
    pub const NEVER: Self = Self(0);
    /// What always happens.
    pub const ALWAYS: Self = Self(1_000_000);

    /// `parts` times in a million; always, if that is a million or more.
    pub const fn per_million(parts: u32) -> Self {
        if parts > 1_000_000 { Self::ALWAYS } else { Self(parts) }
    }

    /// `percent` times in a hundred; always, if that is a hundred or more.
    pub const fn percent(percent: u32) -> Self {
        Self::per_million(percent.saturating_mul(10_000))
    }

    /// Times in a million.
    pub const fn parts_per_million(self) -> u32 {
        self.0
    }
}

/// What one direction of a network does to frames. The default is nothing.
///
/// Faults are met in this order: loss, duplication (the copy is spared the next two), bit flips, truncation, the rate
/// limit with its queue, delay, being overtaken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Faults {
    /// A frame disappears.
    pub loss: Chance,
    /// A frame arrives twice.
    pub duplication: Chance,
    /// A frame is overtaken by some of those behind it: one to `overtaken_by_max`, or fewer if they do not come soon.
    pub reordering: Chance,
    /// How many frames overtake at most.
    pub overtaken_by_max: u32,
    /// Some bits of a frame are turned over.
    pub corruption: Chance,
    /// How many at most, 1 to 4. One is always found by a checksum; several may cancel each other out in it.
    pub flipped_bits_max: u32,
    /// A frame loses its end; at least one byte is left.
    pub truncation: Chance,
    /// Every frame takes this long.
    pub delay: Duration,
    /// And up to this much longer, each length as likely. Frames do not overtake each other by it: one that would
    /// arrive before its predecessor arrives with it.
    pub jitter: Duration,
    /// Frames leave one after the other at this rate of bits of whole frames; zero is no limit.
    pub bits_per_second: u64,
    /// Bytes that may wait for the rate limit; a frame that finds more is dropped.
    pub queue_bytes_max: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            loss: Chance::NEVER,
            duplication: Chance::NEVER,
            reordering: Chance::NEVER,
            overtaken_by_max: 3,
            corruption: Chance::NEVER,
            flipped_bits_max: FAULTY_FLIPPED_BITS_MAX,
            truncation: Chance::NEVER,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            bits_per_second: 0,
            queue_bytes_max: 256 << 10,
        }
    }
}

/// Which way frames go, seen from whoever holds the device.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Frames that are received.
    In,
    /// Frames that are sent.
    Out,
}

/// A device behind a bad network.
pub struct Faulty<T> {
    inner: T,
    incoming: Line,
    outgoing: Line,
    now: Instant,
    /// Fresh from the device, empty between calls.
    arrived: Vec<Frame>,
    /// Through the network, and not yet taken by the device.
    leaving: Vec<Frame>,
}

impl<T: PacketIo> Faulty<T> {
    /// Puts a network in front of `inner` that does `incoming` to what is received and `outgoing` to what is sent.
    pub fn new(inner: T, seed: u64, incoming: Faults, outgoing: Faults) -> Self {
        let mut rng = Rng::from_seed(seed);
        Self {
            inner,
            incoming: Line::new(incoming, rng.next_u64()),
            outgoing: Line::new(outgoing, rng.next_u64()),
            now: Instant::ZERO,
            arrived: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Changes what happens to frames from now on; those on their way keep their fate. All dice roll on.
    pub fn set_faults(&mut self, direction: Direction, faults: Faults) {
        self.line_mut(direction).set_faults(faults);
    }

    /// What has happened to frames so far.
    pub fn counts(&self, direction: Direction) -> FaultCounts {
        match direction {
            Direction::In => self.incoming.counts(),
            Direction::Out => self.outgoing.counts(),
        }
    }

    /// Gives every frame on its way back to the pool: the network disappears with what it holds.
    pub fn clear(&mut self, frames: &mut FramePool) {
        self.incoming.clear(frames);
        self.outgoing.clear(frames);
        self.leaving.drain(..).for_each(|frame| frames.free(frame));
    }

    /// The device inside.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    fn line_mut(&mut self, direction: Direction) -> &mut Line {
        match direction {
            Direction::In => &mut self.incoming,
            Direction::Out => &mut self.outgoing,
        }
    }
}

impl<T: PacketIo> PacketIo for Faulty<T> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn link(&self) -> Link {
        self.inner.link()
    }

    fn receive(&mut self, frames: &mut FramePool, into: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let received = self.inner.receive(frames, &mut self.arrived, max);
        for frame in self.arrived.drain(..) {
            self.incoming.offer(frame, frames, self.now);
        }
        let delivered = self.incoming.deliver(self.now, into, max);
        received.map(|_| delivered)
    }

    fn transmit(&mut self, frames: &mut FramePool, from: &mut Vec<Frame>) -> io::Result<usize> {
        self.outgoing.deliver(self.now, &mut self.leaving, usize::MAX);
        self.inner.transmit(frames, &mut self.leaving)?;
        if !self.leaving.is_empty() {
            // The device itself is full: that is no fault of the network, so the sender must see it.
            return Ok(0);
        }
        let taken = from.len();
        for frame in from.drain(..) {
            self.outgoing.offer(frame, frames, self.now);
        }
        self.outgoing.deliver(self.now, &mut self.leaving, usize::MAX);
        self.inner.transmit(frames, &mut self.leaving)?;
        Ok(taken)
    }

    fn recycle(&mut self, frames: &mut FramePool) -> usize {
        self.inner.recycle(frames)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inner.descriptor()
    }

    fn prepare_sleep(&mut self) -> bool {
        !self.incoming.is_ready() && self.inner.prepare_sleep()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [self.incoming.next_deadline(), self.outgoing.next_deadline(), self.inner.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn on_time(&mut self, now: Instant) {
        debug_assert!(now >= self.now, "time does not go back");
        self.now = now;
        self.inner.on_time(now);
    }
}

#[cfg(test)]
mod tests;
