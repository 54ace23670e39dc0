//! One chunk of a slab: a run of slots in one memory map, and which of its pages may hold memory.
//!
//! A chunk does not know which of its slots are taken; the slab tells it. It knows pages: each that a value was written
//! to is marked until it is given back, so that giving back never asks the kernel twice and the footprint is a count. The
//! last mark of a huge page hands it over to become one.

use std::ops::{Range, RangeInclusive};

use zerocopy::FromZeros;

use crate::limits::{HUGE_PAGE_BYTES, SLAB_CHUNK_BYTES_MAX};
use crate::map::{Map, MapError, Pages, page_bytes};

pub(super) struct Chunk<T> {
    pub(super) slots: Map<T>,
    /// Slots that are taken.
    pub(super) live: u32,
    /// One bit a page: a value was written to it since it was last given back.
    touched: Box<[u64]>,
    /// Bytes of a page are two to this power.
    page_shift: u32,
    /// What it stands on, and what becomes of a huge page that is touched throughout.
    on: Pages,
}

impl<T: Copy + FromZeros> Chunk<T> {
    /// On ordinary pages until it is told otherwise.
    pub(super) fn new(slots: u32) -> Result<Self, MapError> {
        assert!(slots > 0 && size_of::<T>() > 0);
        let slots: Map<T> = Map::new(slots as usize)?;
        // A kernel that has no huge pages refuses, and need not be asked.
        slots.ordinary();
        let pages = slots.mapped_bytes() / page_bytes();
        let touched = vec![0; pages.div_ceil(64)].into_boxed_slice();
        Ok(Self { slots, live: 0, touched, page_shift: page_bytes().trailing_zeros(), on: Pages::Ordinary })
    }

    #[inline]
    pub(super) fn write(&mut self, offset: u32, value: T) {
        self.slots[offset as usize] = value;
        for page in self.pages_of(offset) {
            if !self.is_touched(page) {
                self.touch(page);
            }
        }
    }

    /// What to stand on from now on. Ordinary pages that are there already stay until they are full, or for as long as the
    /// kernel likes.
    pub(super) fn stand_on(&mut self, pages: Pages) {
        self.on = pages;
        match pages {
            Pages::Ordinary => {}
            Pages::HugeWhenFull => (0..self.pages()).step_by(self.pages_per_huge()).for_each(|page| self.settle(page)),
            Pages::Huge if self.slots.huge() => {}
            // A kernel without huge pages refuses, and memory is counted by ordinary ones.
            Pages::Huge => self.on = Pages::Ordinary,
        }
    }

    /// A page is written to for the first time.
    #[cold]
    fn touch(&mut self, page: usize) {
        self.touched[page / 64] |= 1 << (page % 64);
        if self.on == Pages::HugeWhenFull {
            self.settle(page);
        }
    }

    /// Hands over the huge page that `page` lies in, if every page of it was touched.
    fn settle(&mut self, page: usize) {
        let per_huge = self.pages_per_huge();
        let first = page / per_huge * per_huge;
        let all = first..first + per_huge;
        if all.end <= self.pages() && all.clone().all(|page| self.is_touched(page)) {
            self.slots.collapse(all.start << self.page_shift..all.end << self.page_shift);
        }
    }

    /// Gives back everything; the caller knows that no slot is taken. Returns the bytes that had been written to.
    pub(super) fn release_all(&mut self) -> usize {
        assert_eq!(self.live, 0, "a chunk with values in it cannot be given back");
        self.release(0..self.pages())
    }

    /// Gives back each run of pages that holds no taken slot. Returns the bytes of those that had been written to.
    pub(super) fn release_free(&mut self, are_free: impl Fn(Range<u32>) -> bool) -> usize {
        let mut released = 0;
        let mut run = 0..0;
        for page in 0..self.pages() {
            if are_free(self.slots_of(page)) {
                run.end = page + 1;
                continue;
            }
            released += self.release(run);
            run = page + 1..page + 1;
        }
        released + self.release(run)
    }

    /// Bytes of memory behind the slots, at most. A huge page counts whole as soon as one byte of it was touched.
    pub(super) fn footprint(&self) -> usize {
        let pages_per_huge = self.pages_per_huge();
        let whole_huge = if self.on == Pages::Huge { self.pages() / pages_per_huge * pages_per_huge } else { 0 };
        let small = (whole_huge..self.pages()).filter(|page| self.is_touched(*page)).count();
        let huge = (0..whole_huge).step_by(pages_per_huge);
        let huge = huge.filter(|first| (*first..first + pages_per_huge).any(|page| self.is_touched(page))).count();
        (small << self.page_shift) + huge * HUGE_PAGE_BYTES + size_of_val(&self.touched[..])
    }

    fn release(&mut self, pages: Range<usize>) -> usize {
        let touched = pages.clone().filter(|page| self.is_touched(*page)).count();
        if touched == 0 {
            return 0;
        }
        // The slots that lie in these pages, wholly or in part: all of them are free, or the pages would not be here. A
        // page that lies entirely inside these slots is therefore one of these pages, so the map releases exactly them.
        let first = (pages.start << self.page_shift) / size_of::<T>();
        let end = (pages.end << self.page_shift).div_ceil(size_of::<T>()).min(self.slots.len());
        if self.slots.release(first..end) == 0 {
            return 0;
        }
        for page in pages {
            self.touched[page / 64] &= !(1 << (page % 64));
        }
        touched << self.page_shift
    }

    /// The pages that slot `offset` lies in.
    #[inline]
    fn pages_of(&self, offset: u32) -> RangeInclusive<usize> {
        let first = offset as usize * size_of::<T>();
        first >> self.page_shift..=(first + size_of::<T>() - 1) >> self.page_shift
    }

    /// The slots that lie in `page`, wholly or in part.
    fn slots_of(&self, page: usize) -> Range<u32> {
        let first = (page << self.page_shift) / size_of::<T>();
        let end = ((page + 1) << self.page_shift).div_ceil(size_of::<T>());
        first as u32..end.min(self.slots.len()) as u32
    }

    fn pages(&self) -> usize {
        self.slots.mapped_bytes() >> self.page_shift
    }

    fn pages_per_huge(&self) -> usize {
        HUGE_PAGE_BYTES >> self.page_shift
    }

    #[inline]
    fn is_touched(&self, page: usize) -> bool {
        self.touched[page / 64] >> (page % 64) & 1 == 1
    }
}

/// Slots of a chunk as a power of two: the fewest that fill whole huge pages, if that is at most 8 MiB; else the most that
/// stay under 8 MiB; never more than the limit needs, and at least one.
pub(super) fn slots_shift(slot_bytes: usize, limit: u32) -> u32 {
    assert!(slot_bytes > 0);
    let whole = HUGE_PAGE_BYTES.trailing_zeros().saturating_sub(slot_bytes.trailing_zeros());
    let most = (SLAB_CHUNK_BYTES_MAX / slot_bytes).max(1).ilog2();
    let needed = u32::BITS - limit.saturating_sub(1).leading_zeros();
    whole.min(most).min(needed).min(u32::BITS - 1)
}
