//! Echo replies that wait to be sent.
//!
//! The frame of a request goes back to the pool before its reply is written, so what must be returned is kept here, in
//! room that was taken at start: a ping costs no allocation, and any number of them no more memory.
//!
//! Invariant: the replies in the queue use consecutive slots, in order, around the end; `next` is the first free one.

use std::collections::VecDeque;

use crore_base::time::Instant;
use crore_wire::emit::Path;
use crore_wire::icmp::Echo;

use super::limits::{ECHO_BURST_MAX, ECHOES_MAX, ECHOES_PER_SECOND_MAX};
use super::pace::Pace;

/// The queue.
pub(super) struct Echoes {
    waiting: VecDeque<Waiting>,
    data: Vec<u8>,
    slot_bytes: usize,
    next: usize,
    pace: Pace,
}

struct Waiting {
    path: Path,
    identifier: u16,
    sequence: u16,
    slot: usize,
    len: usize,
}

impl Echoes {
    /// An empty queue with room for [`ECHOES_MAX`] replies of `data_bytes_max` each. Allocates all of it.
    pub(super) fn new(data_bytes_max: usize) -> Self {
        Self {
            waiting: VecDeque::with_capacity(ECHOES_MAX),
            data: vec![0; ECHOES_MAX * data_bytes_max],
            slot_bytes: data_bytes_max,
            next: 0,
            pace: Pace::new(ECHOES_PER_SECOND_MAX, ECHO_BURST_MAX),
        }
    }

    /// Whether a request may be answered now; if so, it counts as answered.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        self.waiting.len() < ECHOES_MAX && self.pace.allow(now)
    }

    /// Queues the reply to an admitted request. Copies its data.
    ///
    /// # Panics
    /// If it was not admitted, or its data is longer than a slot.
    pub(super) fn push(&mut self, path: Path, echo: &Echo<'_>) {
        assert!(self.waiting.len() < ECHOES_MAX, "only admitted requests are answered");
        assert!(echo.data.len() <= self.slot_bytes, "{} bytes do not fit a slot", echo.data.len());
        let (slot, len) = (self.next, echo.data.len());
        self.data[slot * self.slot_bytes..][..len].copy_from_slice(echo.data);
        self.next = (slot + 1) % ECHOES_MAX;
        self.waiting.push_back(Waiting { path, identifier: echo.identifier, sequence: echo.sequence, slot, len });
    }

    /// The next reply and its way, if there is one.
    pub(super) fn pop(&mut self) -> Option<(Path, Echo<'_>)> {
        let Waiting { path, identifier, sequence, slot, len } = self.waiting.pop_front()?;
        let data = &self.data[slot * self.slot_bytes..][..len];
        Some((path, Echo { identifier, sequence, data }))
    }

    /// Whether no reply waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
