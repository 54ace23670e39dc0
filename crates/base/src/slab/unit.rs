//! What a slab knows of one huge page's worth of its bytes: who is in it, and which of its pages may hold memory.
//!
//! A value that lies across two units is in both, so a unit with no values holds no byte of any. Each page that a value was
//! written to is marked until it is given back: giving back never asks the kernel twice, and the footprint is a count.

use crate::limits::{HUGE_PAGE_BYTES, PAGE_BYTES_MIN};

/// Bytes of a unit.
pub(super) const UNIT_BYTES: usize = HUGE_PAGE_BYTES;

const WORDS: usize = UNIT_BYTES / PAGE_BYTES_MIN / 64;

#[derive(Copy, Clone, Default)]
pub(super) struct Unit {
    /// Values that lie in it, wholly or in part.
    pub(super) values: u32,
    /// One bit a page, from its first on.
    touched: [u64; WORDS],
}

impl Unit {
    #[inline]
    pub(super) fn is_touched(&self, page: usize) -> bool {
        self.touched[page / 64] >> (page % 64) & 1 == 1
    }

    pub(super) fn touch(&mut self, page: usize) {
        assert!(!self.is_touched(page), "page {page} is touched once");
        self.touched[page / 64] |= 1 << (page % 64);
    }

    /// The page was given back. Returns whether it had been touched.
    pub(super) fn forget(&mut self, page: usize) -> bool {
        let was_touched = self.is_touched(page);
        self.touched[page / 64] &= !(1 << (page % 64));
        was_touched
    }

    /// Pages of it that were touched.
    pub(super) fn touched(&self) -> usize {
        self.touched.iter().map(|word| word.count_ones() as usize).sum()
    }
}
