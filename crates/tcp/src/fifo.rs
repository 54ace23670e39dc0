//! Records in a slab, in the order in which they were put in line. For deadlines that are all the same time away, this is
//! the order in which they fall due, and no timer is needed.
//!
//! The links are in the records; a [`Fifo`] is its two ends. Every operation touches at most three records.
//!
//! Invariant: following `next` from `first` ends at `last`, and following `previous` is the way back. A record is in at most
//! one line at a time; whose it is, its owner knows.

use crore_base::slab::Slab;
use zerocopy::FromZeros;

/// The index of no record. Slabs of more than `u32::MAX` records do not exist, so it names none.
const NONE: u32 = u32::MAX;

/// The neighbours of a record in its line.
#[derive(Copy, Clone, Debug, FromZeros)]
#[repr(C)]
pub(crate) struct Links {
    next: u32,
    previous: u32,
}

impl Links {
    /// Those of a record that is in no line.
    pub(crate) const ALONE: Self = Self { next: NONE, previous: NONE };
}

/// A record that can stand in line.
pub(crate) trait Linked: Copy + FromZeros {
    /// Its neighbours.
    fn links(&mut self) -> &mut Links;
}

/// The ends of a line.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Fifo {
    first: u32,
    last: u32,
}

impl Fifo {
    /// A line with nobody in it.
    pub(crate) const EMPTY: Self = Self { first: NONE, last: NONE };

    /// The record that has waited longest.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Puts record `index`, which is in no line, at the end.
    ///
    /// # Panics
    /// If it does not exist.
    pub(crate) fn push<T: Linked>(&mut self, records: &mut Slab<T>, index: u32) {
        assert!(index != NONE && index != self.last, "a record is in line once");
        *links(records, index) = Links { next: NONE, previous: self.last };
        match self.last {
            NONE => self.first = index,
            last => links(records, last).next = index,
        }
        self.last = index;
    }

    /// Takes record `index` out of this line.
    ///
    /// # Panics
    /// If it does not exist, or is found not to be in this line.
    pub(crate) fn unlink<T: Linked>(&mut self, records: &mut Slab<T>, index: u32) {
        let Links { next, previous } = std::mem::replace(links(records, index), Links::ALONE);
        assert!(previous != NONE || self.first == index, "only the first has nobody before it");
        assert!(next != NONE || self.last == index, "only the last has nobody behind it");
        match previous {
            NONE => self.first = next,
            previous => links(records, previous).next = next,
        }
        match next {
            NONE => self.last = previous,
            next => links(records, next).previous = previous,
        }
    }
}

fn links<T: Linked>(records: &mut Slab<T>, index: u32) -> &mut Links {
    // The owner unlinks a record before it removes it, so what is in line exists.
    records.at_mut(index).expect("a record in line exists").links()
}

#[cfg(test)]
mod tests;
