//! How often each slot has changed hands: four bytes a slot, outside the pages that a slab gives back.
//!
//! A slot's number is even while it is free and odd while it is taken, and only ever grows: 0 is a slot never used, 1 its
//! first tenant. A slot whose number would start over is retired instead, so no generation ever has two tenants; that
//! costs one slot after two billion tenants of it. The numbers live in tables taken as the slab grows, on ordinary pages at
//! first: a table begins where a chunk begins, and one insertion must not wait for the huge pages of both. A full table
//! becomes a huge page in the background.

use std::num::NonZeroU32;

use crate::limits::{HUGE_PAGE_BYTES, SLAB_GENERATIONS_PER_TABLE};
use crate::map::Map;
use crate::prefetch::prefetch_at;

const PER_TABLE: u32 = SLAB_GENERATIONS_PER_TABLE;
const _: () = assert!(PER_TABLE.is_power_of_two() && PER_TABLE as usize * size_of::<u32>() == HUGE_PAGE_BYTES);

pub(super) struct Generations {
    tables: Vec<Map<u32>>,
    /// Tables, from the first on, that were handed over to become huge pages.
    settled: usize,
    limit: u32,
}

impl Generations {
    pub(super) fn new(limit: u32) -> Self {
        Self { tables: Vec::new(), settled: 0, limit }
    }

    /// Makes room for `slots` slots; false if the kernel has none.
    pub(super) fn reserve(&mut self, slots: u32) -> bool {
        assert!(slots <= self.limit);
        while self.tables.len() < slots.div_ceil(PER_TABLE) as usize {
            let first = self.tables.len() as u32 * PER_TABLE;
            let Ok(table) = Map::new((self.limit - first).min(PER_TABLE) as usize) else {
                return false;
            };
            // A kernel that has no huge pages refuses, and need not be asked.
            table.ordinary();
            self.tables.push(table);
        }
        true
    }

    /// Hands over each table that lies wholly below slot `used`, all of whose slots below that had tenants.
    pub(super) fn settle(&mut self, used: u32) {
        assert!(used <= self.limit);
        let full = (used / PER_TABLE) as usize;
        for table in &mut self.tables[self.settled.min(full)..full] {
            table.collapse(0..HUGE_PAGE_BYTES);
        }
        self.settled = self.settled.max(full);
    }

    /// The number of a slot; 0, which is nobody's, where there is no room yet.
    #[inline]
    pub(super) fn of(&self, slot: u32) -> u32 {
        let table = self.tables.get((slot / PER_TABLE) as usize);
        table.and_then(|table| table.get((slot % PER_TABLE) as usize)).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn is_taken(&self, slot: u32) -> bool {
        !self.of(slot).is_multiple_of(2)
    }

    /// A new tenant moves in: free becomes taken.
    #[inline]
    pub(super) fn begin(&mut self, slot: u32) -> NonZeroU32 {
        let number = &mut self.tables[(slot / PER_TABLE) as usize][(slot % PER_TABLE) as usize];
        assert!(number.is_multiple_of(2), "slot {slot} already has a tenant");
        *number |= 1;
        NonZeroU32::MIN | *number
    }

    /// The tenant moves out: taken becomes free. False if the slot has had its last tenant.
    #[inline]
    pub(super) fn end(&mut self, slot: u32) -> bool {
        let number = &mut self.tables[(slot / PER_TABLE) as usize][(slot % PER_TABLE) as usize];
        assert!(!number.is_multiple_of(2), "slot {slot} has no tenant");
        *number = number.wrapping_add(1);
        *number != 0
    }

    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        if let Some(table) = self.tables.get((slot / PER_TABLE) as usize) {
            prefetch_at(table, (slot % PER_TABLE) as usize);
        }
    }

    /// Puts a free slot close to its last tenant, which no test has the time to reach by itself.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, slot: u32, number: u32) {
        assert!(number.is_multiple_of(2) && self.of(slot).is_multiple_of(2));
        self.tables[(slot / PER_TABLE) as usize][(slot % PER_TABLE) as usize] = number;
    }
}
