//! A bounded pool of the cold parts of connections: taken while bytes are in flight or unread, given back after.
//!
//! Parts keep what they have allocated when they are given back, and the last one given back is the next one taken, so in
//! a steady state nothing is allocated and what is handed out is still in cache.

use crore_base::prefetch::prefetch_at;

/// The name of a part, small enough for the hot control block. Zero means none, so that fresh memory names no part.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, zerocopy::FromZeros)]
#[repr(transparent)]
pub(crate) struct PartId(u32);

impl PartId {
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// As a number, and from it.
    #[inline]
    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }

    /// See [`to_bits`](Self::to_bits).
    #[inline]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    #[inline]
    const fn slot(self) -> usize {
        self.0 as usize - 1
    }
}

/// At most `limit` parts.
pub(crate) struct Pool<T> {
    parts: Vec<T>,
    free: Vec<PartId>,
    limit: u32,
}

impl<T: Default> Pool<T> {
    pub(crate) fn new(limit: u32) -> Self {
        Self { parts: Vec::new(), free: Vec::new(), limit }
    }

    /// A part in its resting state. `None` if all are in use.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<PartId> {
        if let Some(id) = self.free.pop() {
            return Some(id);
        }
        if self.parts.len() == self.limit as usize {
            return None;
        }
        self.parts.push(T::default());
        Some(PartId(self.parts.len() as u32))
    }

    /// Takes a part back. The caller has brought it into its resting state.
    #[inline]
    pub(crate) fn give_back(&mut self, id: PartId) {
        debug_assert!(!id.is_none() && id.slot() < self.parts.len(), "only what was taken comes back");
        debug_assert!(self.free.len() < self.parts.len(), "no part comes back twice");
        self.free.push(id);
    }

    #[inline]
    pub(crate) fn of(&self, id: PartId) -> &T {
        &self.parts[id.slot()]
    }

    #[inline]
    pub(crate) fn of_mut(&mut self, id: PartId) -> &mut T {
        &mut self.parts[id.slot()]
    }

    /// Parts that can still be taken.
    pub(crate) fn available(&self) -> u32 {
        self.limit - self.in_use()
    }

    /// Asks for the cache lines of a part, ahead of work on it. None is allowed.
    #[inline]
    pub(crate) fn prefetch(&self, id: PartId) {
        prefetch_at(&self.parts, (id.0 as usize).wrapping_sub(1));
    }

    /// Parts in use.
    pub(crate) fn in_use(&self) -> u32 {
        (self.parts.len() - self.free.len()) as u32
    }
}
