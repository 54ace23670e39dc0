//! What waits to be taken to another core: first in, first out, bounded by number and by bytes.
//!
//! An outbox never drops. It says when it is *full* (hold back) and when it is *overfull* (refuse); who asks decides.

use std::collections::VecDeque;

use crate::limits::{HARD_BOUND, Limits};

/// The messages for one core in one lane.
pub(crate) struct Outbox<T> {
    waiting: VecDeque<(T, u64)>,
    bytes: u64,
    messages_bound: usize,
    bytes_bound: u64,
}

impl<T> Outbox<T> {
    pub(crate) fn new(limits: &Limits) -> Outbox<T> {
        Outbox {
            waiting: VecDeque::new(),
            bytes: 0,
            messages_bound: limits.outbox_messages,
            bytes_bound: limits.outbox_bytes,
        }
    }

    /// Appends a message that holds on to this many bytes.
    pub(crate) fn push(&mut self, message: T, bytes: u64) {
        self.bytes += bytes;
        self.waiting.push_back((message, bytes));
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let (message, bytes) = self.waiting.pop_front()?;
        debug_assert!(self.bytes >= bytes);
        self.bytes -= bytes;
        if self.waiting.is_empty() && self.waiting.capacity() > self.messages_bound {
            self.waiting = VecDeque::new();
        }
        Some(message)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// At its bound: nothing more should be admitted.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= self.messages_bound || self.bytes >= self.bytes_bound
    }

    /// So far beyond its bound that nothing more is taken.
    pub(crate) fn is_overfull(&self) -> bool {
        self.waiting.len() >= HARD_BOUND * self.messages_bound || self.bytes >= HARD_BOUND as u64 * self.bytes_bound
    }
}
