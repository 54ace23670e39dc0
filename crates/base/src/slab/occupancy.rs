//! Which slots are taken, and which free one is the lowest: bitmaps over bitmaps.
//!
//! Level 0 has one bit a slot. Each level above has one bit for each 64-bit word below it, set when that word is full.
//! So the lowest free slot is found by walking down from the top, one word a level, at most six; and because *taken* is 1,
//! fresh zero memory is right as it is and pages of the bitmap that were never needed are never touched.
//!
//! Invariants: bits beyond the limit are set, so a full top word means full; a bit above level 0 is set exactly when the
//! word it stands for is all ones.

use std::ops::Range;

use crate::map::page_bytes;

const BITS: u32 = u64::BITS;
const FULL: u64 = u64::MAX;

pub(super) struct Occupancy {
    /// From one bit a slot up to a single word.
    levels: Vec<Box<[u64]>>,
    limit: u32,
    /// Slots from here on were never taken.
    untouched_from: u32,
}

impl Occupancy {
    pub(super) fn new(limit: u32) -> Self {
        let mut levels = Vec::new();
        let mut bits = limit;
        loop {
            let words = bits.div_ceil(BITS).max(1);
            let mut level = vec![0; words as usize].into_boxed_slice();
            if let Some(last) = level.last_mut() {
                let used = bits - (words - 1) * BITS;
                *last = if used == BITS { 0 } else { FULL << used };
            }
            levels.push(level);
            if words == 1 {
                return Self { levels, limit, untouched_from: 0 };
            }
            bits = words;
        }
    }

    /// The lowest slot that is not taken.
    #[inline]
    pub(super) fn lowest_free(&self) -> Option<u32> {
        let mut at = 0;
        for level in self.levels.iter().rev() {
            let free = level[at as usize].trailing_ones();
            if free == BITS {
                // Only the top word can be full here: a full word below it would not have been chosen.
                return None;
            }
            at = at * BITS + free;
        }
        debug_assert!(at < self.limit);
        Some(at)
    }

    #[inline]
    pub(super) fn take(&mut self, slot: u32) {
        debug_assert!(slot < self.limit && !self.is_taken(slot), "slot {slot} is taken twice");
        self.untouched_from = self.untouched_from.max(slot + 1);
        let mut at = slot;
        for level in &mut self.levels {
            let word = &mut level[(at / BITS) as usize];
            *word |= 1 << (at % BITS);
            if *word != FULL {
                return;
            }
            at /= BITS;
        }
    }

    #[inline]
    pub(super) fn free(&mut self, slot: u32) {
        debug_assert!(self.is_taken(slot), "slot {slot} is freed twice");
        let mut at = slot;
        for level in &mut self.levels {
            let word = &mut level[(at / BITS) as usize];
            let was_full = *word == FULL;
            *word &= !(1 << (at % BITS));
            if !was_full {
                return;
            }
            at /= BITS;
        }
    }

    pub(super) fn is_taken(&self, slot: u32) -> bool {
        slot < self.limit && self.levels[0][(slot / BITS) as usize] >> (slot % BITS) & 1 == 1
    }

    /// Whether no slot of `slots` is taken. Looks at one word for every 64 of them.
    pub(super) fn are_free(&self, slots: Range<u32>) -> bool {
        assert!(slots.start < slots.end && slots.end <= self.limit, "{slots:?} of {}", self.limit);
        let (first, last) = (slots.start / BITS, (slots.end - 1) / BITS);
        (first..=last).all(|word| {
            let mut bits = self.levels[0][word as usize];
            if word == first {
                bits &= FULL << (slots.start % BITS);
            }
            if word == last {
                bits &= FULL >> (BITS - 1 - (slots.end - 1) % BITS);
            }
            bits == 0
        })
    }

    /// The taken slots in ascending order.
    pub(super) fn taken(&self) -> impl Iterator<Item = u32> + '_ {
        let words = self.untouched_from.div_ceil(BITS);
        (0..words)
            .flat_map(move |word| {
                let mut bits = self.levels[0][word as usize];
                std::iter::from_fn(move || {
                    let bit = bits.trailing_zeros();
                    bits &= bits.wrapping_sub(1);
                    (bit < BITS).then_some(word * BITS + bit)
                })
            })
            .take_while(|slot| *slot < self.limit)
    }

    /// Bytes of bitmap that may hold memory: the touched part of each level, in whole pages.
    pub(super) fn footprint(&self) -> usize {
        let mut bits = self.untouched_from as usize;
        self.levels.iter().fold(0, |bytes, level| {
            bits = bits.div_ceil(BITS as usize);
            // The last word was written when the bitmap was made, which may have touched one page more.
            let touched = (bits * size_of::<u64>()).next_multiple_of(page_bytes()) + page_bytes();
            bytes + touched.min(size_of_val(&level[..]))
        })
    }

    /// One more than the highest slot that was ever taken.
    pub(super) fn untouched_from(&self) -> u32 {
        self.untouched_from
    }
}

#[cfg(test)]
mod tests;
