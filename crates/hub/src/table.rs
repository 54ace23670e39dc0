//! A table of records that own memory (names, queues), addressed by index with a generation.
//!
//! The slab of `base` holds plain bytes only; channels are not that. Slots live in chunks, so growing never moves a record,
//! and an emptied slot is used again first. Not for per-client state: there is one record a channel here.

/// Slots in a chunk: large enough that the chunk list stays short, small enough that a hub with few channels is small.
const CHUNK: usize = 256;
const _: () = assert!(CHUNK.is_power_of_two());

/// A slot of a table that is known to be in use.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Index(pub(crate) u32);

/// A slot and its generation: names one record for ever, and is recognised when the record is gone.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub(crate) index: Index,
    generation: u32,
}

impl Key {
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index.0)
    }

    pub(crate) fn from_bits(bits: u64) -> Key {
        Key { index: Index(bits as u32), generation: (bits >> 32) as u32 }
    }
}

struct Slot<T> {
    generation: u32,
    record: Option<T>,
}

/// The records.
pub(crate) struct Table<T> {
    chunks: Vec<Vec<Slot<T>>>,
    free: Vec<u32>,
    limit: u32,
    len: u32,
}

impl<T> Table<T> {
    pub(crate) fn new(limit: u32) -> Table<T> {
        assert!(limit < u32::MAX, "u32::MAX is the end mark of lists over this table");
        Table { chunks: Vec::new(), free: Vec::new(), limit, len: 0 }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.limit
    }

    /// Puts a record in. `None`: full.
    pub(crate) fn insert(&mut self, record: T) -> Option<Key> {
        if self.is_full() {
            return None;
        }
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        let slot = self.slot_mut(index)?;
        debug_assert!(slot.record.is_none());
        slot.record = Some(record);
        let key = Key { index: Index(index), generation: slot.generation };
        self.len += 1;
        Some(key)
    }

    /// Adds one slot behind the others.
    fn grow(&mut self) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows with its content; only a hub with many channels pays for whole chunks.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("a chunk was just made sure of");
        chunk.push(Slot { generation: 1, record: None });
        (full + chunk.len() - 1) as u32
    }

    pub(crate) fn remove(&mut self, index: Index) -> Option<T> {
        let slot = self.slot_mut(index.0)?;
        let record = slot.record.take()?;
        // A key that old would have to be held over four billion uses of its slot to be mistaken.
        slot.generation = slot.generation.wrapping_add(1).max(1);
        self.free.push(index.0);
        debug_assert!(self.len > 0);
        self.len -= 1;
        Some(record)
    }

    /// The record that a key names, if it is still there.
    pub(crate) fn find(&self, key: Key) -> Option<&T> {
        let slot = self.slot(key.index.0)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.record.as_ref()
    }

    /// Its index, if the record that a key names is still there.
    pub(crate) fn resolve(&self, key: Key) -> Option<Index> {
        self.find(key).map(|_| key.index)
    }

    pub(crate) fn get(&self, index: Index) -> Option<&T> {
        self.slot(index.0)?.record.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        self.slot_mut(index.0)?.record.as_mut()
    }

    pub(crate) fn key_at(&self, index: Index) -> Option<Key> {
        let slot = self.slot(index.0)?;
        slot.record.as_ref().map(|_| Key { index, generation: slot.generation })
    }

    /// Every record, in the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten().filter_map(|slot| slot.record.as_ref())
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        self.chunks.get(index as usize / CHUNK)?.get(index as usize % CHUNK)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.chunks.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)
    }
}

#[cfg(test)]
mod tests;
