//! Where everything is in the memory that the two ends of a wire share.
//!
//! Both ends compute this from the same four numbers, so the memory holds no offsets that could be wrong. In words:
//! first a flag for each queue (1: its core sleeps, ring its doorbell), hosting end first; then the indexes of each
//! ring, the producer's and the consumer's far enough apart not to share a cache line; then the bytes of each ring.
//!
//! There is a ring for every pair of a sending queue and a receiving queue, so each has one producer and one consumer.

use std::ops::Range;

use crore_base::limits::CORE_APART_BYTES;

use crate::limits::{CROSS_RING_BYTES, QUEUES_MAX, RING_BYTES, RING_BYTES_MAX, RING_BYTES_MIN};

/// Words of a flag or an index: it has its cache lines to itself.
const APART_WORDS: usize = CORE_APART_BYTES / size_of::<u64>();
/// Rings start at whole pages.
const PAGE_WORDS: usize = 4096 / size_of::<u64>();

/// Which end of a wire.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// The end that came first and made the memory.
    Host,
    /// The end that came second.
    Guest,
}

impl Side {
    /// The other end.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Host => Self::Guest,
            Self::Guest => Self::Host,
        }
    }
}

/// Sizes of rings in bytes, powers of two.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct RingSizes {
    /// Of a ring that carries flows.
    pub(super) main: u32,
    /// Of a ring between queues of different numbers, if both ends have as many queues.
    pub(super) cross: u32,
}

impl RingSizes {
    /// What wires have unless a test asks for something else.
    pub(super) const DEFAULT: Self = Self { main: RING_BYTES, cross: CROSS_RING_BYTES };

    /// Whether these can be sizes of rings, whoever says so.
    pub(super) fn are_valid(self) -> bool {
        [self.main, self.cross]
            .iter()
            .all(|bytes| bytes.is_power_of_two() && (RING_BYTES_MIN..=RING_BYTES_MAX).contains(bytes))
    }
}

/// Where one ring is, in words of the shared memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RingPlace {
    /// Where its producer is: bytes written since the beginning of time.
    pub(super) tail: usize,
    /// Where its consumer is: bytes read since the beginning of time.
    pub(super) head: usize,
    /// Its bytes.
    pub(super) data: Range<usize>,
}

/// The four numbers that say where everything is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    host_queues: u16,
    guest_queues: u16,
    sizes: RingSizes,
}

impl Layout {
    /// The layout of these numbers, or `None` if an end that says so is confused.
    pub(super) fn new(host_queues: u16, guest_queues: u16, sizes: RingSizes) -> Option<Self> {
        let queues_fit = (1..=QUEUES_MAX).contains(&host_queues) && (1..=QUEUES_MAX).contains(&guest_queues);
        if queues_fit && sizes.are_valid() { Some(Self { host_queues, guest_queues, sizes }) } else { None }
    }

    /// Queues of an end.
    pub(super) fn queues(&self, side: Side) -> u16 {
        match side {
            Side::Host => self.host_queues,
            Side::Guest => self.guest_queues,
        }
    }

    /// Words of the whole memory.
    pub(super) fn words(&self) -> usize {
        let last = self.ring(Side::Guest, self.guest_queues - 1, self.host_queues - 1);
        last.data.end
    }

    /// The word that says whether a queue sleeps.
    pub(super) fn sleep_flag(&self, side: Side, queue: u16) -> usize {
        assert!(queue < self.queues(side), "queue {queue} does not exist");
        let before = if side == Side::Host { 0 } else { self.host_queues };
        usize::from(before + queue) * APART_WORDS
    }

    /// The ring from queue `from` of the end `sender` to queue `to` of the other.
    pub(super) fn ring(&self, sender: Side, from: u16, to: u16) -> RingPlace {
        let (senders, receivers) = (self.queues(sender), self.queues(sender.other()));
        assert!(from < senders && to < receivers, "there is no ring from {from} to {to}");
        let one_way = usize::from(self.host_queues) * usize::from(self.guest_queues);
        let number = usize::from(from) * usize::from(receivers) + usize::from(to);
        let (rings_before, words_before) = match sender {
            Side::Host => (0, 0),
            Side::Guest => (one_way, self.words_of_rings(one_way)),
        };

        let indexes = usize::from(self.host_queues + self.guest_queues) * APART_WORDS;
        let tail = indexes + (rings_before + number) * 2 * APART_WORDS;
        let data = (indexes + 2 * one_way * 2 * APART_WORDS).next_multiple_of(PAGE_WORDS);
        let start = data + words_before + self.words_of_rings(number);
        let end = start + self.bytes_of_ring(from, to) as usize / size_of::<u64>();
        RingPlace { tail, head: tail + APART_WORDS, data: start..end }
    }

    /// Words of the first `rings` rings of one way. With as many queues at both ends, rings on the diagonal are larger.
    fn words_of_rings(&self, rings: usize) -> usize {
        let [main, cross] = [self.sizes.main, self.sizes.cross].map(|bytes| bytes as usize / size_of::<u64>());
        if self.host_queues != self.guest_queues {
            return rings * main;
        }
        let on_diagonal = rings.div_ceil(usize::from(self.host_queues) + 1);
        on_diagonal * main + (rings - on_diagonal) * cross
    }

    /// A flow has the same queue number at both ends if they have as many queues; else any pair of queues is as likely.
    fn bytes_of_ring(&self, from: u16, to: u16) -> u32 {
        if self.host_queues != self.guest_queues || from == to { self.sizes.main } else { self.sizes.cross }
    }
}

#[cfg(test)]
mod tests;
