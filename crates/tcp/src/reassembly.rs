//! What came before its time: the out-of-order bytes of one connection, in the chunks in which they arrived.
//!
//! Chunks lie in ranges without gaps, of which there are at most [`RANGES_MAX`]. A range is a chain of chunks in an arena;
//! since a chunk always comes to the front or the back of a range, or joins two, nothing is ever searched or moved. So an
//! insertion costs at most eight steps over the ranges, however much is stored: CVE-2018-5390 was a store whose cost grew
//! with what the peer put in.
//!
//! Where bytes come twice the first ones stay, so nobody can replace what was received. A store with nothing in it holds no
//! memory.
//!
//! Invariants: ranges ascend, neither overlap nor touch, and none is empty; the chunks of a range are its bytes in order;
//! `bytes` is the sum of them. Sequence numbers are compared by their distance from the next expected one, which is less than
//! [`SPAN_BYTES_MAX`], so that wrapping does not matter.

mod arena;

use crore_wire::seq::Seq;

use crate::limits::RANGES_MAX;

use arena::{Arena, CHUNKS_MAX, NONE};

/// Bytes beyond the next expected one that a chunk may lie at most: the largest window (RFC 7323 section 2.3).
const SPAN_BYTES_MAX: u32 = 1 << 30;

/// Stored bytes for each of which a chunk may be kept. A chunk may hold a frame of 2 KiB, however few bytes are in it; so a
/// peer that sends single bytes out of order makes us hold four times its limit at most.
const BYTES_PER_CHUNK: usize = 512;

/// Chunks that may be kept besides, so that small limits still allow a chunk in each range.
const CHUNKS_MIN: usize = RANGES_MAX;

/// Some received bytes, which the store can cut at both ends.
pub(crate) trait Chunk {
    /// How many bytes there are.
    fn len(&self) -> usize;
    /// Drops `n` bytes at the front, `n` ≤ `len`.
    fn advance(&mut self, n: usize);
    /// Keeps the first `len` bytes, `len` ≤ what there is.
    fn truncate(&mut self, len: usize);
}

/// A chunk that was not taken: the caller's to free.
#[derive(Debug)]
pub(crate) struct Refused<C> {
    /// The chunk, which may have been cut.
    pub(crate) chunk: C,
    /// Why.
    pub(crate) reason: Reason,
}

/// Why a chunk was not taken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// It would be one range too many.
    Ranges,
    /// It would be more bytes than the limit.
    Bytes,
    /// It would be more chunks than the limit allows.
    Chunks,
    /// It lies further ahead than any window reaches.
    Beyond,
}

/// Bytes without a gap.
#[derive(Copy, Clone, Debug)]
struct Range {
    start: Seq,
    end: Seq,
    first: u16,
    last: u16,
    /// When something last came for it: larger is later.
    stamp: u32,
}

/// The out-of-order bytes of one connection. Dropping it drops the chunks in it; if that is not enough to free them, call
/// [`drain`](Self::drain) before.
#[derive(Debug)]
pub(crate) struct Reassembly<C> {
    ranges: Vec<Range>,
    arena: Arena<C>,
    bytes: u32,
    stamp: u32,
}

impl<C> Default for Reassembly<C> {
    fn default() -> Self {
        Self { ranges: Vec::new(), arena: Arena::EMPTY, bytes: 0, stamp: 0 }
    }
}

impl<C: Chunk> Reassembly<C> {
    /// Keeps of `chunk`, whose first byte has the number `seq`, what is new: up to its first gap that it fills. Bytes before
    /// `rcv_nxt` are old. The store holds at most `limit` bytes. A chunk that is not
    /// needed comes back, perhaps cut, for the caller to free.
    ///
    /// Data that is in order is delivered and not put here; it would be taken all the same.
    ///
    /// # Errors
    /// There is no room, and the chunk comes back with the reason, perhaps cut; what is stored is as it was.
    pub(crate) fn insert(&mut self, rcv_nxt: Seq, seq: Seq, chunk: C, limit: usize) -> Result<Option<C>, Refused<C>> {
        let mut chunk = chunk;
        let Some((start, place)) = self.trim(rcv_nxt, seq, &mut chunk) else {
            return Ok(Some(chunk));
        };
        if let Some(reason) = self.objection(rcv_nxt, start, place, chunk.len(), limit) {
            return Err(Refused { chunk, reason });
        }
        self.put(start, place, chunk);
        assert!(self.ranges.len() <= RANGES_MAX && self.bytes as usize <= limit, "the bounds hold");
        Ok(None)
    }

    /// The next chunk if it continues the stream at `rcv_nxt`, without the bytes that the stream has already moved past.
    /// A chunk that it has moved past altogether comes back empty, for the caller to free: call again.
    pub(crate) fn pop(&mut self, rcv_nxt: Seq) -> Option<C> {
        let range = self.ranges.first_mut()?;
        if range.start.is_after(rcv_nxt) {
            return None;
        }
        let mut chunk = self.arena.take(&mut range.first);
        self.bytes -= chunk.len() as u32;
        let old = rcv_nxt - range.start;
        range.start += chunk.len() as u32;
        if range.start == range.end {
            assert!(range.first == NONE, "a range ends with its last chunk");
            self.ranges.remove(0);
        }
        chunk.advance((old as usize).min(chunk.len()));
        self.rest();
        Some(chunk)
    }

    /// Takes all chunks out, in no order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = C> + use<C> {
        std::mem::take(self).arena.into_chunks()
    }

    /// Bytes in the store.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Chunks in the store.
    pub(crate) fn chunks(&self) -> usize {
        self.arena.len()
    }

    /// Where the first range begins, which is behind the next byte that is expected.
    #[inline]
    pub(crate) fn start(&self) -> Option<Seq> {
        self.ranges.first().map(|range| range.start)
    }

    /// Whether nothing is in the store.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, each from its first byte to the first one behind; first those for which something came last, which is the
    /// order of a SACK option (RFC 2018 section 4).
    #[cfg(test)]
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (Seq, Seq)> {
        let mut latest_first = [(0, Seq(0), Seq(0)); RANGES_MAX];
        for (copy, range) in latest_first.iter_mut().zip(&self.ranges) {
            *copy = (self.stamp.wrapping_sub(range.stamp), range.start, range.end);
        }
        let count = self.ranges.len();
        latest_first[..count].sort_unstable_by_key(|&(age, ..)| age);
        latest_first.into_iter().take(count).map(|(_, start, end)| (start, end))
    }

    /// Cuts off what is old and what is here already, and what lies behind the next range's first byte. Where the rest
    /// starts, and how many ranges lie before it; `None` if nothing is left.
    fn trim(&mut self, rcv_nxt: Seq, seq: Seq, chunk: &mut C) -> Option<(Seq, usize)> {
        let mut start = seq;
        if start.is_before(rcv_nxt) {
            start = cut_front(chunk, start, rcv_nxt)?;
        }
        let place = self.ranges.iter().position(|range| range.end.is_after(start)).unwrap_or(self.ranges.len());
        let Some(&range) = self.ranges.get(place) else {
            return (chunk.len() > 0).then_some((start, place));
        };
        if range.start.is_after(start) {
            cut_back(chunk, start, range.start);
            return (chunk.len() > 0).then_some((start, place));
        }
        // It begins in this range: what is behind it may be new, up to the next.
        self.touch(place);
        start = cut_front(chunk, start, range.end)?;
        if let Some(next) = self.ranges.get(place + 1) {
            cut_back(chunk, start, next.start);
        }
        (chunk.len() > 0).then_some((start, place + 1))
    }

    /// Why `len` bytes from `start`, behind `place` ranges, cannot be kept.
    fn objection(&self, rcv_nxt: Seq, start: Seq, place: usize, len: usize, limit: usize) -> Option<Reason> {
        let chunks_max = (CHUNKS_MIN + limit / BYTES_PER_CHUNK).min(CHUNKS_MAX);
        let joins = self.joins_before(start, place) || self.joins_behind(start + len as u32, place);
        if (start - rcv_nxt) as usize + len > SPAN_BYTES_MAX as usize {
            return Some(Reason::Beyond);
        }
        if self.bytes() + len > limit {
            return Some(Reason::Bytes);
        }
        if self.chunks() == chunks_max {
            return Some(Reason::Chunks);
        }
        (!joins && self.ranges.len() == RANGES_MAX).then_some(Reason::Ranges)
    }

    /// Puts a chunk that fits exactly into the gap behind `place` ranges.
    fn put(&mut self, start: Seq, place: usize, chunk: C) {
        let len = chunk.len() as u32;
        let end = start + len;
        let node = self.arena.keep(chunk);
        self.bytes += len;
        match (self.joins_before(start, place), self.joins_behind(end, place)) {
            (false, false) => {
                self.ranges.insert(place, Range { start, end, first: node, last: node, stamp: 0 });
                self.touch(place);
            }
            (true, false) => {
                self.append(place - 1, node, node, end);
                self.touch(place - 1);
            }
            (false, true) => {
                let range = &mut self.ranges[place];
                self.arena.link(node, range.first);
                (range.first, range.start) = (node, start);
                self.touch(place);
            }
            (true, true) => {
                let behind = self.ranges.remove(place);
                self.append(place - 1, node, node, end);
                self.append(place - 1, behind.first, behind.last, behind.end);
                self.touch(place - 1);
            }
        }
    }

    fn joins_before(&self, start: Seq, place: usize) -> bool {
        place > 0 && self.ranges[place - 1].end == start
    }

    fn joins_behind(&self, end: Seq, place: usize) -> bool {
        self.ranges.get(place).is_some_and(|range| range.start == end)
    }

    /// Hangs the chain from `first` to `last` behind a range, which then ends at `end`.
    fn append(&mut self, place: usize, first: u16, last: u16, end: Seq) {
        let range = &mut self.ranges[place];
        assert!(range.end.is_before(end), "a range grows");
        self.arena.link(range.last, first);
        (range.last, range.end) = (last, end);
    }

    /// Something came for this range.
    fn touch(&mut self, place: usize) {
        self.stamp = self.stamp.wrapping_add(1);
        self.ranges[place].stamp = self.stamp;
    }

    /// Gives memory back when nothing is stored.
    fn rest(&mut self) {
        if self.ranges.is_empty() {
            assert!(self.arena.len() == 0 && self.bytes == 0, "what is stored lies in a range");
            *self = Self::default();
        }
    }
}

/// Drops the bytes of a chunk at `start` that lie before `to`. The new start; `None` if nothing is left, and then nothing
/// was dropped.
fn cut_front<C: Chunk>(chunk: &mut C, start: Seq, to: Seq) -> Option<Seq> {
    let old = (to - start) as usize;
    if old >= chunk.len() {
        return None;
    }
    chunk.advance(old);
    Some(to)
}

/// Drops the bytes of a chunk at `start` from `to` on.
fn cut_back<C: Chunk>(chunk: &mut C, start: Seq, to: Seq) {
    let room = (to - start) as usize;
    if chunk.len() > room {
        chunk.truncate(room);
    }
}

#[cfg(test)]
mod tests;
