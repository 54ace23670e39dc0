//! Values that many connections share, each stored once and named by 16 bits.
//!
//! A connection keeps the name of its neighbour and of its local address instead of 6 and 16 bytes. This table holds
//! the values, counts how many hold each name, and finds a value's name again with a keyed hash, because strangers
//! choose what is in it. It allocates as it grows, up to [`NAMES_MAX`] values, and frees nothing: a slot is used again.
//!
//! Invariants: name 0 is never given out, so that all-zero memory names nothing; a slot with holders is in `names`
//! under its value, and a slot without is on the free list, which runs through `next_free`.

use std::collections::HashMap;
use std::hash::Hash;

use crore_base::hash::HashKey;

/// Values that can be named at once: 16 bits without zero.
pub(super) const NAMES_MAX: usize = u16::MAX as usize;

/// Values of one kind under names from 1 to [`NAMES_MAX`].
pub(super) struct Interned<T> {
    /// The slot of name `n` is at `n - 1`.
    slots: Vec<Slot<T>>,
    names: HashMap<T, u16, HashKey>,
    /// The first free slot's name, or 0.
    free: u16,
    /// The name found last: bursts of new connections come through one router.
    last: u16,
}

struct Slot<T> {
    value: T,
    /// How many hold this name. Connections are fewer than 2^30 (`CONNECTIONS_MAX`), so it cannot overflow.
    holders: u32,
    /// With no holders: the next free slot's name, or 0.
    next_free: u16,
}

impl<T: Copy + Eq + Hash> Interned<T> {
    /// An empty table whose hash has the key of this seed. Takes no memory yet.
    pub(super) fn new(seed: u64) -> Self {
        Self { slots: Vec::new(), names: HashMap::with_hasher(HashKey::from_seed(seed)), free: 0, last: 0 }
    }

    /// The name of `value`, with one holder more. `None` if it would be a new one and all names are taken.
    pub(super) fn intern(&mut self, value: &T) -> Option<u16> {
        let name = match self.find(value) {
            Some(name) => name,
            None => self.insert(value)?,
        };
        self.last = name;
        self.acquire(name);
        Some(name)
    }

    /// One holder more of a name that somebody holds, or that was just inserted.
    ///
    /// # Panics
    /// If the name was never given out.
    #[inline]
    pub(super) fn acquire(&mut self, name: u16) {
        let slot = self.slot_mut(name);
        assert!(slot.holders < u32::MAX, "name {name} has as many holders as can be counted");
        slot.holders += 1;
    }

    /// One holder less. The last one makes the name free.
    ///
    /// # Panics
    /// If nobody holds the name.
    #[inline]
    pub(super) fn release(&mut self, name: u16) {
        let slot = self.slot_mut(name);
        assert!(slot.holders > 0, "name {name} is released by more than held it");
        slot.holders -= 1;
        if slot.holders == 0 {
            self.remove(name);
        }
    }

    /// The value of a name that somebody holds; `None` for name 0.
    #[inline]
    pub(super) fn value(&self, name: u16) -> Option<&T> {
        let slot = self.slots.get(usize::from(name).wrapping_sub(1))?;
        debug_assert!(slot.holders > 0, "name {name} is used by nobody who holds it");
        Some(&slot.value)
    }

    /// How many names are held.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    fn find(&self, value: &T) -> Option<u16> {
        let last = self.slots.get(usize::from(self.last).wrapping_sub(1));
        if last.is_some_and(|slot| slot.holders > 0 && slot.value == *value) {
            return Some(self.last);
        }
        self.names.get(value).copied()
    }

    /// A name for a value that has none, without holders.
    fn insert(&mut self, value: &T) -> Option<u16> {
        let slot = Slot { value: *value, holders: 0, next_free: 0 };
        let name = match self.free {
            0 if self.slots.len() == NAMES_MAX => return None,
            0 => {
                self.slots.push(slot);
                self.slots.len() as u16
            }
            name => {
                self.free = self.slot_mut(name).next_free;
                *self.slot_mut(name) = slot;
                name
            }
        };
        let before = self.names.insert(*value, name);
        assert!(name > 0 && before.is_none(), "name {name} is the only one of its value");
        Some(name)
    }

    fn remove(&mut self, name: u16) {
        let free = self.free;
        let slot = self.slot_mut(name);
        assert!(slot.holders == 0);
        slot.next_free = free;
        let value = slot.value;
        let named = self.names.remove(&value);
        assert!(named == Some(name), "name {name} is on record under its value");
        self.free = name;
    }

    #[inline]
    fn slot_mut(&mut self, name: u16) -> &mut Slot<T> {
        assert!(name > 0, "name 0 names nothing");
        &mut self.slots[usize::from(name) - 1]
    }
}

#[cfg(test)]
mod tests;
