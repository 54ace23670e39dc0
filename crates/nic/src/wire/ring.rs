//! A ring of bytes in shared memory: frames of any length, one producer, one consumer, in two processes.
//!
//! A record is one word with the length of the frame, then its bytes, then whatever fills the cache line. Records may
//! wrap around the end of the ring at any word. `tail` and `head` count bytes since the ring was made and are published
//! once a burst. Each side keeps its own index privately and a copy of the other's, which it renews only when it seems
//! to be at the end: so in steady traffic an index crosses between cores once a burst.
//!
//! Everything read from shared memory is checked before it is used: an index must lie where an honest one could, a
//! length must be that of a frame that fits what was published. What fails is a [`Violation`], and the caller hangs up.
//!
//! Invariants, whatever the other side does: `head <= tail <= head + capacity` for the private pair of each side, both
//! are multiples of a record's alignment, and the private index of a side is never read back from shared memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crore_base::limits::FRAME_BYTES;
use crore_base::prefetch::prefetch_at;

use crate::limits::RECORD_ALIGN_BYTES;

use super::layout::RingPlace;
use super::shared::SharedMemory;

const WORD_BYTES: usize = size_of::<u64>();
const RECORD_ALIGN: u64 = RECORD_ALIGN_BYTES as u64;
const _: () = assert!(FRAME_BYTES.is_multiple_of(WORD_BYTES), "a frame is copied by whole words");

/// The other side has written something into shared memory that no honest side writes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Violation;

/// Bytes of the ring that a frame of `len` bytes takes.
#[inline]
fn record_bytes(len: usize) -> u64 {
    (WORD_BYTES + len).next_multiple_of(RECORD_ALIGN_BYTES) as u64
}

/// Whether `tail` and `head` can belong together.
#[inline]
fn are_plausible(tail: u64, head: u64, capacity: u64) -> bool {
    let used = tail.wrapping_sub(head);
    used <= capacity && used.is_multiple_of(RECORD_ALIGN)
}

/// One side's access to a ring.
struct Access {
    memory: Arc<SharedMemory>,
    place: RingPlace,
    capacity: u64,
}

impl Access {
    fn new(memory: Arc<SharedMemory>, place: RingPlace) -> Self {
        let capacity = (place.data.len() * WORD_BYTES) as u64;
        assert!(place.data.end <= memory.len(), "the ring lies inside the memory");
        assert!(capacity.is_power_of_two() && capacity >= record_bytes(FRAME_BYTES), "{capacity} bytes are no ring");
        Self { memory, place, capacity }
    }

    /// The words of the ring.
    #[inline]
    fn data(&self) -> &[AtomicU64] {
        &self.memory[self.place.data.clone()]
    }

    /// The word of the ring at a position since the beginning of time.
    #[inline]
    fn word_at(&self, position: u64) -> usize {
        (position & (self.capacity - 1)) as usize / WORD_BYTES
    }

    #[inline]
    fn tail(&self) -> &AtomicU64 {
        &self.memory[self.place.tail]
    }

    #[inline]
    fn head(&self) -> &AtomicU64 {
        &self.memory[self.place.head]
    }
}

/// The side that writes frames.
pub(super) struct Producer {
    ring: Access,
    /// Where the next record goes. Ours; the shared index follows with [`publish`](Self::publish).
    tail: u64,
    published: u64,
    /// The consumer's index when we last looked.
    head: u64,
}

impl Producer {
    /// The producer of a ring that nobody has used yet.
    pub(super) fn new(memory: Arc<SharedMemory>, place: RingPlace) -> Self {
        Self { ring: Access::new(memory, place), tail: 0, published: 0, head: 0 }
    }

    /// Whether a frame of `len` bytes fits now.
    #[inline]
    pub(super) fn has_room(&mut self, len: usize) -> Result<bool, Violation> {
        let wanted = record_bytes(len);
        if self.capacity_left() >= wanted {
            return Ok(true);
        }
        let head = self.ring.head().load(Ordering::Acquire);
        // It cannot go back either: that would make bytes free which it has already read once.
        let forward = head.wrapping_sub(self.head) <= self.tail.wrapping_sub(self.head);
        if !forward || !are_plausible(self.tail, head, self.ring.capacity) {
            return Err(Violation);
        }
        self.head = head;
        Ok(self.capacity_left() >= wanted)
    }

    /// Copies a frame into the ring; the other side sees it after [`publish`](Self::publish). False if there is no
    /// room.
    #[inline]
    pub(super) fn push(&mut self, frame: &[u8]) -> Result<bool, Violation> {
        assert!(!frame.is_empty() && frame.len() <= FRAME_BYTES, "{} bytes are no frame", frame.len());
        if !self.has_room(frame.len())? {
            return Ok(false);
        }
        let data = self.ring.data();
        let at = self.ring.word_at(self.tail);
        data[at].store(frame.len() as u64, Ordering::Relaxed);
        let (words, rest) = frame.as_chunks::<WORD_BYTES>();
        // A record begins at a multiple of its alignment, so the word after its length is still inside the ring.
        let straight = (data.len() - at - 1).min(words.len());
        store_words(&data[at + 1..], &words[..straight]);
        store_words(data, &words[straight..]);
        if !rest.is_empty() {
            let mut last = [0; WORD_BYTES];
            last[..rest.len()].copy_from_slice(rest);
            data[(at + 1 + words.len()) & (data.len() - 1)].store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
        self.tail = self.tail.wrapping_add(record_bytes(frame.len()));
        debug_assert!(are_plausible(self.tail, self.head, self.ring.capacity));
        Ok(true)
    }

    /// Shows the other side what was pushed since the last call; false if that was nothing.
    #[inline]
    pub(super) fn publish(&mut self) -> bool {
        if self.tail == self.published {
            return false;
        }
        self.ring.tail().store(self.tail, Ordering::Release);
        self.published = self.tail;
        true
    }

    #[inline]
    fn capacity_left(&self) -> u64 {
        self.ring.capacity - self.tail.wrapping_sub(self.head)
    }
}

/// The side that reads frames.
pub(super) struct Consumer {
    ring: Access,
    /// The next record. Ours; the shared index follows with [`publish`](Self::publish).
    head: u64,
    published: u64,
    /// The producer's index when we last looked.
    tail: u64,
}

impl Consumer {
    /// The consumer of a ring that nobody has used yet.
    pub(super) fn new(memory: Arc<SharedMemory>, place: RingPlace) -> Self {
        Self { ring: Access::new(memory, place), head: 0, published: 0, tail: 0 }
    }

    /// The length of the next frame, 1 to [`FRAME_BYTES`], or `None` if there is none now.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<usize>, Violation> {
        if self.head == self.tail && !self.look()? {
            return Ok(None);
        }
        let data = self.ring.data();
        let len = data[self.ring.word_at(self.head)].load(Ordering::Relaxed);
        let waiting = self.tail.wrapping_sub(self.head);
        if len == 0 || len > FRAME_BYTES as u64 || record_bytes(len as usize) > waiting {
            return Err(Violation);
        }
        Ok(Some(len as usize))
    }

    /// Copies out the next frame, whose length [`peek`](Self::peek) has just given. The other side gets the room back
    /// after [`publish`](Self::publish).
    ///
    /// Up to seven bytes behind the frame are overwritten in `into`.
    #[inline]
    pub(super) fn take(&mut self, len: usize, into: &mut [u8; FRAME_BYTES]) {
        assert!(record_bytes(len) <= self.tail.wrapping_sub(self.head), "{len} bytes were not announced");
        let data = self.ring.data();
        let at = self.ring.word_at(self.head);
        let next = self.head.wrapping_add(record_bytes(len));
        prefetch_at(data, self.ring.word_at(next));
        let words = &mut into.as_chunks_mut::<WORD_BYTES>().0[..len.div_ceil(WORD_BYTES)];
        let straight = (data.len() - at - 1).min(words.len());
        let (before, after) = words.split_at_mut(straight);
        load_words(&data[at + 1..], before);
        load_words(data, after);
        self.head = next;
        debug_assert!(are_plausible(self.tail, self.head, self.ring.capacity));
    }

    /// Gives the room of all frames taken so far back to the other side. True if that has reached another half of the
    /// ring since the last call: the moment to wake a producer that may sleep because the ring was full.
    #[inline]
    pub(super) fn publish(&mut self) -> bool {
        let passed = self.head ^ self.published;
        if passed == 0 {
            return false;
        }
        self.ring.head().store(self.head, Ordering::Release);
        self.published = self.head;
        // Either the half that it is in has changed, or it went around; a burst may do that in a small ring.
        passed >= self.ring.capacity / 2
    }

    /// Whether no frame waits.
    #[inline]
    pub(super) fn is_empty(&mut self) -> Result<bool, Violation> {
        Ok(self.head == self.tail && !self.look()?)
    }

    /// Looks where the producer is; whether it has moved.
    #[inline]
    fn look(&mut self) -> Result<bool, Violation> {
        debug_assert!(self.head == self.tail, "there is no need to look while frames wait");
        let tail = self.ring.tail().load(Ordering::Acquire);
        // Since head and tail were equal, this also finds a producer that goes back.
        if !are_plausible(tail, self.head, self.ring.capacity) {
            return Err(Violation);
        }
        self.tail = tail;
        Ok(tail != self.head)
    }
}

#[inline]
fn store_words(to: &[AtomicU64], words: &[[u8; WORD_BYTES]]) {
    for (to, word) in to.iter().zip(words) {
        to.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
    }
}

#[inline]
fn load_words(from: &[AtomicU64], words: &mut [[u8; WORD_BYTES]]) {
    for (from, word) in from.iter().zip(words) {
        *word = from.load(Ordering::Relaxed).to_ne_bytes();
    }
}

#[cfg(test)]
mod tests;
