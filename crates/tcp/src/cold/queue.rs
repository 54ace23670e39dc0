//! A send queue of references to payloads. Nearly always it holds one, a response or a publication, so the first lies in the
//! queue itself: a queue that comes back from far memory is then one cache line instead of two.

use std::collections::VecDeque;

use crore_base::payload::Payload;
use crore_base::prefetch::prefetch;

/// Payload references that a queue at rest keeps room for.
const KEPT: usize = 64;

/// See the module. Invariant: without a first there are no others.
#[derive(Default)]
pub(crate) struct Queue {
    first: Option<Payload>,
    others: VecDeque<Payload>,
}

impl Queue {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline]
    pub(crate) fn push(&mut self, payload: Payload) {
        if self.first.is_none() {
            debug_assert!(self.others.is_empty(), "without a first there are no others");
            self.first = Some(payload);
        } else {
            self.others.push_back(payload);
        }
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<&Payload> {
        self.first.as_ref()
    }

    /// Forgets the first; the next takes its place.
    #[inline]
    pub(crate) fn pop(&mut self) {
        self.first = if self.others.is_empty() { None } else { self.others.pop_front() };
    }

    /// Bytes of the payload at `place`, which exists.
    #[inline]
    pub(crate) fn len_at(&self, place: u32) -> u32 {
        let payload = match place {
            0 => self.first.as_ref(),
            _ => self.others.get(place as usize - 1),
        };
        payload.map_or(0, |payload| payload.len() as u32)
    }

    /// The payloads from `place` on.
    #[inline]
    pub(crate) fn from(&self, place: u32) -> impl Iterator<Item = &Payload> + Clone {
        let first = if place == 0 { self.first.as_ref() } else { None };
        let skipped = (place as usize).saturating_sub(1).min(self.others.len());
        first.into_iter().chain(self.others.range(skipped..))
    }

    /// Asks for the first payload, ahead of its being sent or forgotten.
    #[inline]
    pub(crate) fn prefetch(&self) {
        if let Some(first) = &self.first {
            prefetch::<[u8]>(first);
        }
    }

    /// Keeps the first `len` payloads.
    pub(crate) fn truncate(&mut self, len: u32) {
        match len {
            0 => self.clear(),
            _ => self.others.truncate(len as usize - 1),
        }
    }

    /// Empties the queue; a little room is kept for its next user.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.first = None;
        if self.others.capacity() > 0 {
            self.others.clear();
            self.others.shrink_to(KEPT);
        }
    }
}
