//! Where the segments of a flow table come from, where they go, and how much memory they are.

use std::cmp::Reverse;

use crore_base::limits::HUGE_PAGE_BYTES;

use super::limits::{DEPTH_BITS_MAX, HUGE_SEGMENTS_MIN, SEGMENT_BYTES, SEGMENT_SPLIT_ENTRIES};
use super::{FlowTable, Occupants, UNUSED};

/// Segments of a huge page.
const HUGE_PAGE_SEGMENTS: usize = HUGE_PAGE_BYTES / SEGMENT_BYTES;

impl FlowTable {
    /// Bytes of memory that the table occupies, at most: its segments, in whole huge pages once it has asked for those,
    /// and all that is beside them. Looks at the head of every segment: microseconds at ten million entries.
    pub fn memory_bytes(&self) -> usize {
        let unit = self.release_unit();
        let units = self.occupants.chunks(unit).filter(|unit| unit.iter().any(|segment| *segment != UNUSED));
        let segments = (units.count() * unit).min(self.segments.len());
        let lists = self.occupants.capacity() * size_of::<Occupants>() + self.free.capacity() * size_of::<u32>();
        segments * SEGMENT_BYTES + self.directory.bytes() + lists
    }

    /// An empty segment: the lowest that was given back, or the next that was never used. `None` if there is neither.
    pub(super) fn take_segment(&mut self) -> Option<u32> {
        if let Some(Reverse(number)) = self.free.pop() {
            assert!(self.occupants[number as usize] == UNUSED, "segment {number} was given back");
            return Some(number);
        }
        let number = self.occupants.len();
        if number == self.segments.len() {
            return None;
        }
        self.occupants.push(UNUSED);
        if !self.huge && number >= HUGE_SEGMENTS_MIN {
            // A kernel without huge pages refuses; the table then gives memory back in coarser units than it must.
            self.segments.huge();
            self.huge = true;
        }
        Some(number as u32)
    }

    /// Takes back an empty segment. Its memory goes back to the system at once, or under huge pages when the whole page
    /// is out of use: taking pieces out of one would leave small pages for the next crowd.
    pub(super) fn give_back(&mut self, number: usize) {
        assert!(self.occupants[number] == UNUSED, "segment {number} is in use");
        self.free.push(Reverse(number as u32));
        let unit = self.release_unit();
        let first = number / unit * unit;
        let known = (first + unit).min(self.occupants.len());
        if self.occupants[first..known].iter().all(|segment| *segment == UNUSED) {
            self.segments.release(first..(first + unit).min(self.segments.len()));
        }
    }

    /// Segments whose memory is given back together.
    fn release_unit(&self) -> usize {
        if self.huge { HUGE_PAGE_SEGMENTS } else { 1 }
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
