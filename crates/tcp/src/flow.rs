//! The flow table: from a hash to a 32-bit value, for millions of them, without ever pausing.
//!
//! It finds the connection of a segment that came in. It does not know connections, only the keyed 64-bit hash of their
//! addresses and a number that stands for them; the caller compares. What a place in the table costs is one cache line:
//! seven entries of value and tag, and a count of those that had to go on to the next line (`flow/bucket.rs`).
//!
//! Lines are grouped in segments of 64 KiB (`flow/segment.rs`), found through a small directory (`flow/directory.rs`).
//! This is extendible hashing (Fagin, Nievergelt, Pippenger and Strong, 1979): a segment that is nine tenths full is split in
//! two, from the tags alone, and the rest of the table is left as it is. Segments split one after the other, not all at
//! once, because hashes are spread unevenly over them on purpose (`flow/tag.rs`). Siblings that have become small are merged,
//! and their memory goes back to the system. The memory of the next split is taken before it, page by page, by the
//! insertions that come before, and what has filled a huge page becomes one in the background (`flow/memory.rs`).
//!
//! Invariants:
//! - one insertion splits one segment at most, one removal merges one pair at most, so no operation moves more than the
//!   entries of one segment;
//! - one insertion takes one ordinary page of memory ahead at most, or, in a split that comes so early that its memory is not
//!   there, that of one segment;
//! - a segment of depth `d` holds exactly the entries whose tags start with its `d` bits;
//! - `occupants[n]` is what segment `n` holds, and the table's length is their sum.

mod bucket;
mod directory;
mod limits;
mod memory;
mod segment;
mod tag;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;

use crore_base::map::{Map, MapError, Pages};
use crore_base::prefetch::prefetch_at;

use directory::Directory;
use limits::{
    MOVED_ENTRIES_MAX, SEGMENT_ENTRIES, SEGMENT_MERGE_ENTRIES, SEGMENT_MERGE_LOOK_REMOVALS, SEGMENT_PREPARE_ENTRIES,
    SEGMENT_SPLIT_ENTRIES,
};
use memory::Next;
use segment::Segment;
use tag::Tag;

/// A table of at most `limit` entries, each a 64-bit hash and a 32-bit value. See the opening comment of the module.
///
/// Hashes must be keyed and uniform in all bits (SipHash): the table looks at the high 32 and the low 10 of them. Values
/// mean nothing to it; any number is allowed, and the same hash may have several.
///
/// An operation reads one cache line of the table, and never the caller's records. The next line is read by one hit in
/// thirteen, because the entry's own was full, and by one miss in forty. Memory is 14 to 16 bytes an entry while the table
/// grows from a million on, and one huge page; in a table that shrinks, up to 30.
pub struct FlowTable {
    segments: Map<Segment>,
    directory: Directory,
    /// For each segment that was ever used.
    occupants: Vec<Occupants>,
    /// Those of them that are not in use now; the lowest is taken first, so that whole huge pages at the top fall free.
    free: BinaryHeap<Reverse<u32>>,
    /// What is there already of the segment that the next split takes.
    next: Next,
    depth_max: u32,
    limit: u32,
    len: u32,
    /// What it is to stand on when it is large.
    pages: Pages,
    /// It has been large enough for huge pages.
    large: bool,
    /// The first segment of the huge page that nobody uses yet and that is made ready for the splits to come.
    ahead: Option<usize>,
}

/// Who is in a segment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Occupants {
    entries: u16,
    /// Bits of their prefix; `None` while the segment is free.
    depth: Option<u8>,
}

const UNUSED: Occupants = Occupants { entries: 0, depth: None };

/// The table has as many entries as it was made for, or far too many with nearly the same hash. Nothing has changed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Full;

impl FlowTable {
    /// A table for at most `limit` entries, on huge pages once it is large. Takes address space (24 bytes an entry) and no
    /// memory yet; the first entries take up to 64 KiB.
    ///
    /// # Errors
    /// The kernel has no address space.
    pub fn new(limit: u32) -> Result<Self, MapError> {
        Self::on(Pages::default(), limit)
    }

    /// As [`new`](Self::new), on pages of a kind.
    ///
    /// # Errors
    /// The kernel has no address space.
    pub fn on(pages: Pages, limit: u32) -> Result<Self, MapError> {
        let count = memory::segments_for(limit);
        let depth_max = memory::depth_for(count);
        let segments = Map::new(count)?;
        // A kernel that has no huge pages refuses, and need not be asked.
        segments.ordinary();
        Ok(Self {
            segments,
            directory: Directory::new(),
            occupants: vec![Occupants { entries: 0, depth: Some(0) }],
            free: BinaryHeap::new(),
            next: Next::default(),
            depth_max,
            limit,
            len: 0,
            pages,
            large: false,
            ahead: None,
        })
    }

    /// Entries in the table.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries that the table takes at most.
    pub fn capacity(&self) -> u32 {
        self.limit
    }

    /// Asks for the cache line of this hash. The first stage of a burst: do it for all, then go on with the first.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        let tag = Tag::of(hash);
        let segment = &self.segments[self.directory.segment(tag)];
        prefetch_at(segment.buckets(), tag.home());
    }

    /// The value that this hash most likely has, for prefetching what it stands for. The second stage of a burst.
    ///
    /// It may be a stranger's whose tag is the same, at ten million entries once in three hundred times; `None` is certain.
    #[inline]
    pub fn candidate(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// The first value of this hash for which `same` is true. `same` is asked about every value that has the same tag:
    /// with overwhelming probability one if the hash is present, none if it is not.
    #[inline]
    pub fn find(&self, hash: u64, same: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = Tag::of(hash);
        self.segments[self.directory.segment(tag)].find(tag, same).map(|place| place.value)
    }

    /// Adds an entry. The caller knows that it is not there yet; the table does not look.
    ///
    /// Once in thousands of times this splits a segment: some forty microseconds. Sixteen of the insertions between two
    /// splits take a page of memory each, or one of them a huge page if the background has not yet made it ready.
    ///
    /// # Errors
    /// [`Full`].
    #[inline]
    pub fn insert(&mut self, hash: u64, value: u32) -> Result<(), Full> {
        if self.len == self.limit {
            return Err(Full);
        }
        let tag = Tag::of(hash);
        let mut number = self.directory.segment(tag);
        let entries = self.occupants[number].entries;
        if entries >= SEGMENT_SPLIT_ENTRIES {
            self.split(number, tag);
            number = self.directory.segment(tag);
        } else if entries >= SEGMENT_PREPARE_ENTRIES && !self.next.is_there() {
            self.prepare_next();
        }
        let occupants = &mut self.occupants[number];
        assert!(occupants.depth.is_some(), "the directory names segments in use");
        if occupants.entries == SEGMENT_ENTRIES {
            return Err(Full);
        }
        occupants.entries += 1;
        self.len += 1;
        self.segments[number].insert(tag, value);
        Ok(())
    }

    /// Gives the entry of this hash and value another value. False, with nothing changed, if there is none.
    #[inline]
    pub fn replace(&mut self, hash: u64, old: u32, new: u32) -> bool {
        let tag = Tag::of(hash);
        self.segments[self.directory.segment(tag)].replace(tag, old, new)
    }

    /// Removes the entry of this hash and value. False, with nothing changed, if there is none.
    ///
    /// Once in thousands of times this merges two segments, which costs what a split costs.
    #[inline]
    pub fn remove(&mut self, hash: u64, value: u32) -> bool {
        let tag = Tag::of(hash);
        let number = self.directory.segment(tag);
        let Some(moved) = self.segments[number].remove(tag, value) else {
            return false;
        };
        Self::note_moved(moved);
        let occupants = &mut self.occupants[number];
        assert!(occupants.entries > 0 && self.len > 0, "an entry was counted when it came");
        occupants.entries -= 1;
        self.len -= 1;
        let left = occupants.entries;
        if left <= SEGMENT_MERGE_ENTRIES && left.is_multiple_of(SEGMENT_MERGE_LOOK_REMOVALS) {
            self.merge(tag);
        }
        true
    }

    /// All values, in no order. Reads the whole table.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let in_use = self.segments.iter().zip(&self.occupants).filter(|(_, occupants)| occupants.entries > 0);
        let buckets = in_use.flat_map(|(segment, _)| segment.buckets());
        buckets.flat_map(|bucket| bucket.slots().map(|slot| bucket.value(slot)))
    }

    /// Gives the upper half of a segment to a new one, if there is one left and hash bits to tell them apart. If not,
    /// the segment just goes on filling up.
    #[cold]
    fn split(&mut self, number: usize, tag: Tag) {
        let depth = self.occupants[number].depth.map(u32::from).expect("the directory names segments in use");
        if depth == self.depth_max {
            return;
        }
        let Some(upper) = self.take_segment() else {
            return;
        };
        let pair = self.segments.get_disjoint_mut([number, upper as usize]);
        let [segment, other] = pair.expect("a segment in use and a free one are two");
        let Some(moved) = segment.split(other, depth) else {
            self.free.push(Reverse(upper));
            return;
        };
        self.next = Next::default();
        self.directory.split(tag, depth, upper);
        let deeper = Some(depth as u8 + 1);
        let stayed = self.occupants[number].entries - moved.away;
        self.occupants[number] = Occupants { entries: stayed, depth: deeper };
        self.occupants[upper as usize] = Occupants { entries: moved.away, depth: deeper };
        Self::note_moved(moved.all);
    }

    /// Makes one of a segment and its sibling, if together they are small; and goes on with the result while no entry has
    /// to move for it, so that a table that empties ends as one segment.
    #[cold]
    fn merge(&mut self, tag: Tag) {
        for _ in 0..self.depth_max {
            match self.merge_siblings(tag) {
                Some(0) => {}
                Some(moved) => return Self::note_moved(moved),
                None => return,
            }
        }
    }

    /// One merge; how many entries moved. The lower segment stays.
    fn merge_siblings(&mut self, tag: Tag) -> Option<u32> {
        let number = self.directory.segment(tag);
        let depth = self.occupants[number].depth.filter(|depth| *depth > 0)?;
        let sibling = self.directory.sibling(tag, depth.into());
        let entries = self.occupants[number].entries + self.occupants[sibling].entries;
        if self.occupants[sibling].depth != Some(depth) || entries > SEGMENT_MERGE_ENTRIES {
            return None;
        }
        let (stays, goes) = (number.min(sibling), number.max(sibling));
        let pair = self.segments.get_disjoint_mut([goes, stays]);
        let [from, into] = pair.expect("siblings of one depth are two");
        let moved = from.drain_into(into);
        assert_eq!(moved, u32::from(self.occupants[goes].entries), "segment {goes} was miscounted");
        self.directory.merge(tag, depth.into(), stays as u32);
        self.occupants[stays] = Occupants { entries, depth: Some(depth - 1) };
        self.occupants[goes] = UNUSED;
        self.give_back(goes);
        Some(moved)
    }

    #[inline]
    fn note_moved(entries: u32) {
        debug_assert!(entries <= MOVED_ENTRIES_MAX);
        #[cfg(test)]
        tests::count_moved(entries);
    }
}

impl fmt::Debug for FlowTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowTable({} of {} entries)", self.len, self.limit)
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flow table is full: raise the limit on connections")
    }
}

impl std::error::Error for Full {}

#[cfg(test)]
mod tests;
