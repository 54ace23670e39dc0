//! Where the segments of a flow table come from, where they go, and how much memory they are.
//!
//! The segment that the next split will take, the lowest that is free, is made resident beforehand, a page an insertion. A
//! segment that falls free stays resident if it is the lowest, so one free segment at most holds memory, and tables whose
//! siblings are merged and split again do not ask the kernel each time.
//!
//! A large table takes whole huge pages and gives them back as a whole. When it comes to the first segment of one, it has
//! the next made ready in the background.

use std::cmp::Reverse;
use std::ops::Range;

use crore_base::limits::HUGE_PAGE_BYTES;
use crore_base::map::Pages;

use super::limits::{DEPTH_BITS_MAX, HUGE_SEGMENTS_MIN, PREPARED_BYTES_MAX, SEGMENT_BYTES, SEGMENT_SPLIT_ENTRIES};
use super::{FlowTable, Occupants, UNUSED};

/// Segments of a huge page.
const HUGE_PAGE_SEGMENTS: usize = HUGE_PAGE_BYTES / SEGMENT_BYTES;

/// The free segment that the next split takes, and how many of its bytes, from its start, are resident.
#[derive(Copy, Clone, Default)]
pub(super) struct Next {
    number: usize,
    bytes: usize,
}

impl Next {
    /// All of it is resident.
    #[inline]
    pub(super) fn is_there(self) -> bool {
        self.bytes == SEGMENT_BYTES
    }

    fn holds(self, number: usize) -> bool {
        self.number == number && self.bytes > 0
    }
}

impl FlowTable {
    /// Bytes of memory that the table occupies, at most: its segments and the next one, in whole huge pages where it has
    /// asked for those, and all that is beside them. Looks at the head of every segment: microseconds at ten million
    /// entries.
    pub fn memory_bytes(&self) -> usize {
        let known = self.occupants.len().max(self.next.number + 1).min(self.segments.len());
        let (mut first, mut segments) = (0, 0);
        while first < known {
            let unit = self.unit_of(first);
            first = unit.end;
            segments += if self.is_free(unit.clone()) { 0 } else { unit.len() };
        }
        if let Some(ahead) = self.ahead.filter(|ahead| *ahead >= first) {
            segments += self.unit_of(ahead).len();
        }
        let lists = self.occupants.capacity() * size_of::<Occupants>() + self.free.capacity() * size_of::<u32>();
        segments * SEGMENT_BYTES + self.directory.bytes() + lists
    }

    /// Takes one more page of the segment that the next split will need.
    #[cold]
    pub(super) fn prepare_next(&mut self) {
        let Some(number) = self.lowest_free() else {
            return;
        };
        assert!(self.next.bytes == 0 || self.next.number == number, "a segment below {number} was prepared");
        self.choose_pages(number);
        let first = number * SEGMENT_BYTES + self.next.bytes;
        // If the kernel does not know this, the split takes the memory itself, as it would have done without.
        self.segments.touch(first..first + PREPARED_BYTES_MAX);
        self.next = Next { number, bytes: self.next.bytes + PREPARED_BYTES_MAX };
        #[cfg(test)]
        super::tests::count_prepared(PREPARED_BYTES_MAX);
    }

    /// The segment that [`take_segment`](Self::take_segment) gives next.
    fn lowest_free(&self) -> Option<usize> {
        let fresh = Some(self.occupants.len()).filter(|number| *number < self.segments.len());
        self.free.peek().map(|Reverse(number)| *number as usize).or(fresh)
    }

    /// An empty segment: the lowest that was given back, or the next that was never used. `None` if there is neither.
    pub(super) fn take_segment(&mut self) -> Option<u32> {
        if let Some(Reverse(number)) = self.free.pop() {
            assert!(self.occupants[number as usize] == UNUSED, "segment {number} was given back");
            self.enter(number as usize);
            return Some(number);
        }
        let number = self.occupants.len();
        if number == self.segments.len() {
            return None;
        }
        self.occupants.push(UNUSED);
        self.choose_pages(number);
        self.enter(number);
        Some(number as u32)
    }

    /// A segment is taken. With the first of a huge page, it is time to think of the next page.
    fn enter(&mut self, number: usize) {
        if self.large && number.is_multiple_of(HUGE_PAGE_SEGMENTS) {
            self.look_ahead(number);
        }
    }

    /// Turns to huge pages when the table comes to the first segment that is worth it. The page that this one is in has
    /// ordinary memory from the segment before, and keeps it.
    fn choose_pages(&mut self, number: usize) {
        if self.large || self.pages != Pages::Huge || number <= HUGE_SEGMENTS_MIN {
            return;
        }
        self.large = true;
        // A kernel without huge pages refuses; the table then gives memory back in coarser units than it must.
        self.segments.huge();
        self.look_ahead(number);
    }

    /// Has the huge page made ready after that of a segment, if nobody uses it.
    fn look_ahead(&mut self, number: usize) {
        let next = self.unit_of(self.unit_of(number).end);
        if next.start < self.segments.len() && self.is_free(next.clone()) {
            self.forget_ahead();
            self.ahead = Some(next.start);
            self.segments.touch_ahead(next.start * SEGMENT_BYTES..next.end * SEGMENT_BYTES);
        }
    }

    /// Gives back the huge page that was made ready, if no segment of it was used.
    fn forget_ahead(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            let unit = self.unit_of(ahead);
            if self.is_free(unit.clone()) {
                self.segments.release(unit);
            }
        }
    }

    /// Takes back an empty segment, which was in use until now. The lowest free one is kept for the next split. The memory
    /// of any other goes back to the system at once, or under huge pages when the whole page is out of use: taking pieces
    /// out of one would leave small pages for the next crowd.
    pub(super) fn give_back(&mut self, number: usize) {
        assert!(self.occupants[number] == UNUSED, "segment {number} is in use");
        self.free.push(Reverse(number as u32));
        let mut goes = number;
        if self.lowest_free() == Some(number) {
            goes = self.next.number;
            let kept_nothing = self.next.bytes == 0;
            self.next = Next { number, bytes: SEGMENT_BYTES };
            if kept_nothing {
                return;
            }
        }
        let unit = self.unit_of(goes);
        if self.is_free(unit.clone()) {
            self.segments.release(unit);
            self.forget_ahead();
        }
    }

    /// Whether nobody needs the memory of these segments.
    fn is_free(&self, segments: Range<usize>) -> bool {
        let mut known = self.occupants.iter().take(segments.end).skip(segments.start);
        known.all(|segment| *segment == UNUSED) && !segments.into_iter().any(|number| self.next.holds(number))
    }

    /// The segments whose memory is given back together with that of `number`.
    fn unit_of(&self, number: usize) -> Range<usize> {
        let page = number / HUGE_PAGE_SEGMENTS;
        match self.large {
            true => page * HUGE_PAGE_SEGMENTS..((page + 1) * HUGE_PAGE_SEGMENTS).min(self.segments.len()),
            false => number..number + 1,
        }
    }
}

/// Segments that a table of `limit` entries can need: half as many again as it does at its emptiest, when a wave of splits
/// has just gone through and the load is two thirds of that which splits. Address space only.
pub(super) fn segments_for(limit: u32) -> usize {
    let splits_at = usize::from(SEGMENT_SPLIT_ENTRIES);
    match limit as usize {
        limit if limit <= splits_at => 1,
        limit => (limit * 9).div_ceil(splits_at * 4) + 1,
    }
}

/// The depth that so many segments can need: one more than if they were all of one depth, because they are not.
pub(super) fn depth_for(segments: usize) -> u32 {
    let depth = segments.next_power_of_two().ilog2();
    let depth = if segments > 1 { depth + 1 } else { 0 };
    assert!(depth <= DEPTH_BITS_MAX, "{segments} segments are more than 32 bits of limit can ask for");
    depth
}
