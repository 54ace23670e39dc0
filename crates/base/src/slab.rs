//! Dense tables of plain old data behind generational handles.
//!
//! A [`Slab`] is where everything that exists ten million times lives: connections, tasks, subscriptions, timers. It keeps
//! values of one type in numbered slots and names each by a [`Handle`] that goes stale when the value is removed. It is
//! not a map of owned objects: values are `Copy`, hold no pointers, and refer to others by 32-bit index or by handle.
//!
//! Invariants:
//! - The lowest free slot is always taken first, so values stay packed at the bottom and whole pages at the top fall free.
//! - Memory is touched only where values are, and goes back to the system: a huge page's worth when its last value is
//!   removed (one of them is kept in hand, so that a value coming and going costs no system calls), any free page with
//!   [`trim`](Slab::trim).
//! - Generations live outside those pages and survive them, so a handle never finds a stranger (`slab/generations.rs`).
//! - An insertion waits for the first touch of the pages of one value, one of generations and some of bitmaps. In a large
//!   slab these are huge pages, and the background makes each ready before it is needed ([`Pages`]).
//!
//! Slots are one piece of address space, reserved with the first value, so a value stays where it is.

mod generations;
mod handle;
mod memory;
mod occupancy;
mod unit;

use std::fmt;

use zerocopy::FromZeros;

use crate::map::{Map, Pages, page_bytes};
use crate::prefetch::prefetch_at;

use generations::Generations;
pub use handle::Handle;
use occupancy::Occupancy;
use unit::{UNIT_BYTES, Unit};

/// A table of at most `limit` values of one plain type. See the opening comment of the module for what it promises.
///
/// Every operation costs a constant number of instructions and allocates nothing, except the first insertion, the one
/// that comes to another 2 MiB, the removal that empties those, and where documented otherwise.
///
/// ```
/// use crore_base::slab::Slab;
///
/// let mut scores = Slab::<u64>::new(10_000_000);
/// let home = scores.insert(3).expect("there is room");
/// let away = scores.insert(1).expect("there is room");
/// assert_eq!(scores.get(home), Some(&3));
///
/// assert_eq!(scores.remove(home), Some(3));
/// let next = scores.insert(7).expect("there is room");
/// assert_eq!(next.index(), 0); // the lowest free slot
/// assert_eq!(scores.get(home), None); // its old name finds nothing
/// # assert_eq!(scores.get(away), Some(&1));
/// ```
pub struct Slab<T> {
    /// All of them, or empty until the first is needed.
    slots: Map<T>,
    /// For each piece of the slots as large as a huge page, up to the last that was ever used.
    units: Vec<Unit>,
    generations: Generations,
    occupancy: Occupancy,
    limit: u32,
    len: u32,
    /// Bytes of a page are two to this power.
    page_shift: u32,
    /// The one unit that is empty but still has its memory.
    spare: Option<usize>,
    /// The unit that has no value yet and is made ready for those to come.
    ahead: Option<usize>,
    /// What it is to stand on when it is large.
    pages: Pages,
    /// It stands on huge pages from now on.
    large: bool,
}

impl<T: Copy + FromZeros> Slab<T> {
    /// A slab for at most `limit` values, on huge pages once it is large.
    ///
    /// Takes no memory for values yet, only address space for a bitmap of `limit` bits.
    pub fn new(limit: u32) -> Self {
        Self::on(Pages::default(), limit)
    }

    /// As [`new`](Self::new), on pages of a kind.
    pub fn on(pages: Pages, limit: u32) -> Self {
        const { assert!(size_of::<T>() > 0, "values without bytes need no slab") };
        Self {
            slots: Map::empty(),
            units: Vec::new(),
            generations: Generations::new(limit),
            occupancy: Occupancy::new(limit),
            limit,
            len: 0,
            page_shift: page_bytes().trailing_zeros(),
            spare: None,
            ahead: None,
            pages,
            large: false,
        }
    }

    /// Puts `value` into the lowest free slot and names it.
    ///
    /// `None` if the slab is full, or if the kernel has no address space for `limit` values; nothing has changed then.
    #[inline]
    pub fn insert(&mut self, value: T) -> Option<Handle> {
        let index = self.occupancy.lowest_free()?;
        let bytes = Self::bytes_of(index);
        if bytes.end > self.units.len() * UNIT_BYTES && !self.grow(bytes.end) {
            return None;
        }
        self.occupancy.take(index);
        let generation = self.generations.begin(index);
        self.slots[index as usize] = value;
        self.move_in(bytes);
        self.len += 1;
        Handle::from_parts(index, generation.get())
    }

    /// The value of this name, or `None` if it was removed.
    #[inline]
    pub fn get(&self, handle: Handle) -> Option<&T> {
        let tenant = self.generations.of(handle.index());
        if tenant == handle.generation().get() { self.slot(handle.index()) } else { None }
    }

    /// The value of this name, to change, or `None` if it was removed.
    #[inline]
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let tenant = self.generations.of(handle.index());
        if tenant == handle.generation().get() { self.slot_mut(handle.index()) } else { None }
    }

    /// Takes the value of this name out, or `None` if that was done before. The handle is stale from now on.
    ///
    /// The last value of 2 MiB gives those back (one system call), unless they are the ones kept in hand.
    #[inline]
    pub fn remove(&mut self, handle: Handle) -> Option<T> {
        let value = *self.get(handle)?;
        let index = handle.index();
        // A slot that has had its last tenant stays taken and is never seen again.
        if self.generations.end(index) {
            self.occupancy.free(index);
        }
        self.len -= 1;
        self.move_out(Self::bytes_of(index));
        Some(value)
    }

    /// The value in slot `index`, whoever it is: for records that refer to each other by bare index and keep each other
    /// alive. `None` if the slot is free.
    #[inline]
    pub fn at(&self, index: u32) -> Option<&T> {
        if self.generations.is_taken(index) { self.slot(index) } else { None }
    }

    /// The value in slot `index`, to change. `None` if the slot is free.
    #[inline]
    pub fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        if self.generations.is_taken(index) { self.slot_mut(index) } else { None }
    }

    /// The full name of the value in slot `index`. `None` if the slot is free.
    #[inline]
    pub fn handle_at(&self, index: u32) -> Option<Handle> {
        Handle::from_parts(index, self.generations.of(index))
    }

    /// How many values there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many values there can be. One less for each slot that has had two billion tenants and was retired.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// All values with their names, by ascending slot. Looks at one bit of every slot up to the highest ever taken.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.occupancy.taken().filter_map(|index| {
            let handle = self.handle_at(index)?;
            Some((handle, self.get(handle)?))
        })
    }

    /// Asks for the cache lines of slot `index` and of its generation, ahead of a [`get`](Self::get) a little later. Any
    /// index is allowed.
    #[inline]
    pub fn prefetch(&self, index: u32) {
        self.generations.prefetch(index);
        self.prefetch_slot(index);
    }

    /// As [`prefetch`](Self::prefetch), for whoever goes on with [`slot`](Self::slot) and needs no generation.
    #[inline]
    pub fn prefetch_slot(&self, index: u32) {
        prefetch_at(&self.slots, index as usize);
    }

    /// Asks for the cache line of a slot's generation, ahead of [`handle_at`](Self::handle_at).
    #[inline]
    pub fn prefetch_generation(&self, index: u32) {
        self.generations.prefetch(index);
    }

    /// What is in a slot, taken or not: for records whose links are right by construction, where looking up the generation
    /// would be another cache miss. A slot that was never taken is zero; one that was left has what its last tenant left
    /// behind, or zero. `None` beyond the limit, and in a slab that never had a value.
    #[inline]
    pub fn slot(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)
    }

    /// As [`slot`](Self::slot), to change.
    #[inline]
    pub fn slot_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)
    }

    /// Where a slot lies in the bytes of all.
    #[inline]
    fn bytes_of(index: u32) -> std::ops::Range<usize> {
        let start = index as usize * size_of::<T>();
        start..start + size_of::<T>()
    }
}

impl<T> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slab({} of {} values of {} bytes)", self.len, self.limit, size_of::<T>())
    }
}

#[cfg(test)]
mod tests;
