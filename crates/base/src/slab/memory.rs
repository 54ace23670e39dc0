//! Where a slab's memory comes from, where it goes, and how much it is.
//!
//! All slots are one map, so a slot is found by its number alone; the units of the map are what comes and goes. At most one
//! unit that nobody is in is kept in hand, and at most one beyond the last is made ready ahead of use.

use std::ops::Range;

use zerocopy::FromZeros;

use crate::limits::SLAB_HUGE_BYTES_MIN;
use crate::map::{Map, Pages};

use super::Slab;
use super::unit::{UNIT_BYTES, Unit};

impl<T: Copy + FromZeros> Slab<T> {
    /// Gives every page back that holds no value, and returns the bytes of those that had been written to.
    ///
    /// Looks at every page of the slab and makes a system call for each run of pages: milliseconds at ten million values.
    /// For the quiet moment after a crowd has left. Of a huge page that is needed in part, the kernel may free the rest only
    /// when it is short.
    pub fn trim(&mut self) -> usize {
        self.spare = None;
        self.forget_ahead();
        let mut released = 0;
        let mut run = 0..0;
        for page in 0..self.pages_known() {
            if self.occupancy.are_free(self.slots_of(page)) {
                run.end = page + 1;
                continue;
            }
            released += self.release(run);
            run = page + 1..page + 1;
        }
        released + self.release(run)
    }

    /// Bytes of memory that the slab occupies, at most: touched pages of values, and all tables beside them. A huge page
    /// counts whole as soon as one byte of it was touched.
    pub fn footprint(&self) -> usize {
        let mapped = self.slots.mapped_bytes();
        let bytes_of = |(number, unit): (usize, &Unit)| match (unit.touched(), self.large) {
            (0, _) => 0,
            (_, true) => UNIT_BYTES.min(mapped - number * UNIT_BYTES),
            (pages, false) => pages << self.page_shift,
        };
        let values: usize = self.units.iter().enumerate().map(bytes_of).sum();
        let ahead = self.ahead.map_or(0, |unit| self.bytes_of_unit(unit).len());
        let generations = self.generations.footprint(self.occupancy.untouched_from());
        let units = self.units.capacity() * size_of::<Unit>();
        values + ahead + generations + units + self.occupancy.footprint()
    }

    /// Makes room up to byte `end` of the slots; false if the kernel has none. The first room is all the address space that
    /// there will be.
    #[cold]
    pub(super) fn grow(&mut self, end: usize) -> bool {
        if self.slots.is_empty() {
            let Ok(slots) = Map::new(self.limit as usize) else {
                return false;
            };
            if !self.generations.reserve() {
                return false;
            }
            // A kernel that has no huge pages refuses, and need not be asked.
            slots.ordinary();
            self.slots = slots;
        }
        assert!(end <= self.slots.mapped_bytes(), "room is made only for a slot that may exist");
        self.units.resize(end.div_ceil(UNIT_BYTES), Unit::default());
        true
    }

    /// A value is in these bytes from now on.
    #[inline]
    pub(super) fn move_in(&mut self, bytes: Range<usize>) {
        for number in units_of(&bytes) {
            self.units[number].values += 1;
            if self.spare == Some(number) {
                self.spare = None;
            }
        }
        for page in bytes.start >> self.page_shift..=(bytes.end - 1) >> self.page_shift {
            let (unit, offset) = self.place_of(page);
            if !self.units[unit].is_touched(offset) {
                self.touch(unit, offset);
            }
        }
    }

    /// The value that was in these bytes is gone.
    #[inline]
    pub(super) fn move_out(&mut self, bytes: Range<usize>) {
        for number in units_of(&bytes) {
            let unit = &mut self.units[number];
            unit.values -= 1;
            if unit.values == 0 {
                self.keep_in_hand(number);
            }
        }
    }

    /// A page is written to for the first time. If it is the first of its unit, the next one is made ready.
    #[cold]
    fn touch(&mut self, number: usize, page: usize) {
        let is_first = self.units[number].touched() == 0;
        self.units[number].touch(page);
        if self.ahead == Some(number) {
            self.ahead = None;
        }
        if !is_first {
            return;
        }
        if !self.large && self.pages == Pages::Huge && (number + 1) * UNIT_BYTES >= SLAB_HUGE_BYTES_MIN {
            // This unit has an ordinary page already and keeps to those. A kernel without huge ones refuses, and memory is
            // counted by ordinary ones.
            self.large = self.slots.huge();
            self.generations.stand_on_huge(self.occupancy.untouched_from());
        }
        if self.large {
            self.prepare(number + 1);
        }
    }

    /// Has a unit made ready for who comes next, unless it holds memory already. One that was made ready before and not
    /// used goes back.
    fn prepare(&mut self, number: usize) {
        let holds_memory = self.units.get(number).is_some_and(|unit| unit.touched() > 0);
        if self.ahead == Some(number) || holds_memory || number * UNIT_BYTES >= self.slots.mapped_bytes() {
            return;
        }
        self.forget_ahead();
        self.ahead = Some(number);
        let bytes = self.bytes_of_unit(number);
        self.generations.prepare((bytes.end / size_of::<T>()) as u32);
        self.slots.touch_ahead(bytes);
    }

    /// Gives back the unit that was made ready, if nobody has used it.
    fn forget_ahead(&mut self) {
        if let Some(number) = self.ahead.take() {
            self.release_bytes(self.bytes_of_unit(number));
        }
    }

    /// A unit has become empty: it is kept for the values to come, unless a lower one already is.
    #[cold]
    fn keep_in_hand(&mut self, number: usize) {
        assert_ne!(self.spare, Some(number), "a unit becomes empty once");
        let kept = self.spare.map_or(number, |spare| spare.min(number));
        if let Some(spare) = self.spare {
            let bytes = self.bytes_of_unit(spare.max(number));
            self.release(bytes.start >> self.page_shift..bytes.end >> self.page_shift);
        }
        self.spare = Some(kept);
    }

    /// Gives back pages whose slots, wholly or in part in them, are all free. Returns the bytes of those that had been
    /// written to.
    fn release(&mut self, pages: Range<usize>) -> usize {
        let is_touched = |page: usize| {
            let (unit, offset) = self.place_of(page);
            self.units[unit].is_touched(offset)
        };
        if !pages.clone().any(is_touched)
            || !self.release_bytes(pages.start << self.page_shift..pages.end << self.page_shift)
        {
            return 0;
        }
        let mut released = 0;
        for page in pages {
            let (unit, offset) = self.place_of(page);
            released += usize::from(self.units[unit].forget(offset)) << self.page_shift;
        }
        released
    }

    /// Gives back the memory of these whole pages, and of no page that somebody is in. False if the kernel refuses.
    fn release_bytes(&mut self, bytes: Range<usize>) -> bool {
        let first = bytes.start / size_of::<T>();
        let end = bytes.end.div_ceil(size_of::<T>()).min(self.slots.len());
        self.slots.release(first..end) > 0
    }

    /// The slots that lie in a page, wholly or in part.
    fn slots_of(&self, page: usize) -> Range<u32> {
        let first = (page << self.page_shift) / size_of::<T>();
        let end = ((page + 1) << self.page_shift).div_ceil(size_of::<T>());
        first as u32..end.min(self.slots.len()) as u32
    }

    /// Pages of all units that were ever used.
    fn pages_known(&self) -> usize {
        (self.units.len() * UNIT_BYTES).min(self.slots.mapped_bytes()) >> self.page_shift
    }

    /// The unit that a page is in, and which of the unit's it is.
    #[inline]
    fn place_of(&self, page: usize) -> (usize, usize) {
        let shift = UNIT_BYTES.trailing_zeros() - self.page_shift;
        (page >> shift, page & ((1 << shift) - 1))
    }

    fn bytes_of_unit(&self, number: usize) -> Range<usize> {
        number * UNIT_BYTES..((number + 1) * UNIT_BYTES).min(self.slots.mapped_bytes())
    }
}

/// The units that these bytes lie in.
#[inline]
fn units_of(bytes: &Range<usize>) -> std::ops::RangeInclusive<usize> {
    bytes.start / UNIT_BYTES..=(bytes.end - 1) / UNIT_BYTES
}
