//! How often each slot has changed hands: four bytes a slot, outside the pages that a slab gives back.
//!
//! A slot's number is even while it is free and odd while it is taken, and only ever grows: 0 is a slot never used, 1 its
//! first tenant. A slot whose number would start over is retired instead, so no generation ever has two tenants; that
//! costs one slot after two billion tenants of it.

use std::num::NonZeroU32;

use crate::limits::HUGE_PAGE_BYTES;
use crate::map::{Map, page_bytes};
use crate::prefetch::prefetch_at;

pub(super) struct Generations {
    /// For all slots, or empty until the first is needed.
    numbers: Map<u32>,
    limit: u32,
    /// Bytes from the start that need no thought: they were made ready ahead of use, or are on ordinary pages.
    ready: usize,
}

impl Generations {
    pub(super) fn new(limit: u32) -> Self {
        Self { numbers: Map::empty(), limit, ready: 0 }
    }

    /// Makes room for all slots; false if the kernel has none.
    pub(super) fn reserve(&mut self) -> bool {
        if self.numbers.is_empty() {
            let Ok(numbers) = Map::new(self.limit as usize) else {
                return false;
            };
            // A kernel that has no huge pages refuses, and need not be asked.
            numbers.ordinary();
            self.numbers = numbers;
        }
        true
    }

    /// Takes huge pages from now on, where the kernel has them. The one that the last of `used` slots is in has ordinary
    /// pages already and keeps to those.
    pub(super) fn stand_on_huge(&mut self, used: u32) {
        self.numbers.huge();
        self.ready = self.huge_pages_of(used);
    }

    /// Has the numbers of all slots below `slots` made ready.
    pub(super) fn prepare(&mut self, slots: u32) {
        let wanted = self.huge_pages_of(slots);
        if wanted > self.ready {
            self.numbers.touch_ahead(self.ready..wanted);
            self.ready = wanted;
        }
    }

    /// Bytes of the huge pages that hold the numbers of the first `slots`.
    fn huge_pages_of(&self, slots: u32) -> usize {
        let bytes = slots as usize * size_of::<u32>();
        bytes.next_multiple_of(HUGE_PAGE_BYTES).min(self.numbers.mapped_bytes())
    }

    /// Bytes of memory behind the numbers of the first `used` slots and of what was made ready, at most.
    pub(super) fn footprint(&self, used: u32) -> usize {
        (used as usize * size_of::<u32>()).next_multiple_of(page_bytes()).max(self.ready)
    }

    /// The number of a slot; 0, which is nobody's, where there is no room yet.
    #[inline]
    pub(super) fn of(&self, slot: u32) -> u32 {
        self.numbers.get(slot as usize).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn is_taken(&self, slot: u32) -> bool {
        !self.of(slot).is_multiple_of(2)
    }

    /// A new tenant moves in: free becomes taken.
    #[inline]
    pub(super) fn begin(&mut self, slot: u32) -> NonZeroU32 {
        let number = &mut self.numbers[slot as usize];
        assert!(number.is_multiple_of(2), "slot {slot} already has a tenant");
        *number |= 1;
        NonZeroU32::MIN | *number
    }

    /// The tenant moves out: taken becomes free. False if the slot has had its last tenant.
    #[inline]
    pub(super) fn end(&mut self, slot: u32) -> bool {
        let number = &mut self.numbers[slot as usize];
        assert!(!number.is_multiple_of(2), "slot {slot} has no tenant");
        *number = number.wrapping_add(1);
        *number != 0
    }

    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        prefetch_at(&self.numbers, slot as usize);
    }

    /// Puts a free slot close to its last tenant, which no test has the time to reach by itself.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, slot: u32, number: u32) {
        assert!(number.is_multiple_of(2) && self.of(slot).is_multiple_of(2));
        self.numbers[slot as usize] = number;
    }
}
