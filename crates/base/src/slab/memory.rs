//! Where a slab's memory comes from, where it goes, and how much it is.

use zerocopy::FromZeros;

use crate::limits::SLAB_HUGE_BYTES_MIN;
use crate::map::{Pages, page_bytes};

use super::Slab;
use super::chunk::Chunk;

impl<T: Copy + FromZeros> Slab<T> {
    /// Gives every page back that holds no value, and returns the bytes of those that had been written to.
    ///
    /// Looks at every page of the slab and makes a system call for each run of pages: milliseconds at ten million values.
    /// For the quiet moment after a crowd has left. Of a huge page that is needed in part, the kernel may free the rest only
    /// when it is short.
    pub fn trim(&mut self) -> usize {
        let mut released = 0;
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            let first = (number as u32) << self.chunk_shift;
            released += chunk.release_free(|slots| self.occupancy.are_free(first + slots.start..first + slots.end));
        }
        self.spare = None;
        released
    }

    /// Bytes of memory that the slab occupies, at most: touched pages of values, and all tables beside them.
    ///
    /// Looks at one bit of every page.
    pub fn footprint(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Chunk::footprint).sum();
        let used = self.occupancy.untouched_from() as usize;
        let generations = (used * size_of::<u32>()).next_multiple_of(page_bytes());
        let chunk_list = self.chunks.capacity() * size_of::<Chunk<T>>();
        chunks + generations + chunk_list + self.occupancy.footprint()
    }

    /// Opens the next chunk; false if the kernel has no room for it.
    #[cold]
    pub(super) fn grow(&mut self) -> bool {
        let first = (self.chunks.len() as u32) << self.chunk_shift;
        assert!(first < self.limit, "a chunk is opened only for a slot that may exist");
        let slots = (self.limit - first).min(1 << self.chunk_shift);
        let bytes = (first + slots) as usize * size_of::<T>();
        let large = self.large || bytes >= SLAB_HUGE_BYTES_MIN;
        if !self.generations.reserve(first + slots) {
            return false;
        }
        let Ok(chunk) = Chunk::new(slots) else {
            return false;
        };
        self.chunks.push(chunk);
        if large && self.pages != Pages::Ordinary {
            // Those that were opened while the slab was small are told now.
            let untold = if self.large { self.chunks.len() - 1 } else { 0 };
            self.chunks[untold..].iter_mut().for_each(|chunk| chunk.stand_on(self.pages));
            self.generations.settle(first);
        }
        self.large = large;
        true
    }

    /// A chunk has become empty: it is kept for the values to come, unless a lower one already is.
    #[cold]
    pub(super) fn keep_in_hand(&mut self, chunk: u32) {
        assert_ne!(self.spare, Some(chunk), "a chunk becomes empty once");
        let kept = self.spare.map_or(chunk, |spare| spare.min(chunk));
        if let Some(spare) = self.spare {
            self.chunks[spare.max(chunk) as usize].release_all();
        }
        self.spare = Some(kept);
    }
}
