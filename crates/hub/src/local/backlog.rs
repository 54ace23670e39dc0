//! The publications that wait for delivery on this core, and whose turn it is.
//!
//! Each channel with waiting publications has one entry in the line of turns; a channel that is done with one batch and has
//! more goes to the end of the line. The backlog is counted in publications and bytes, and its bound holds back everything
//! that would add to it.

use std::collections::VecDeque;

use super::Local;
use crate::limits::HARD_BOUND;
use crate::message::Delivery;
use crate::table::Key;

impl Local {
    /// Queues a publication for the members of its channel. One that nobody here waits for is dropped: whoever joins later
    /// gets it in the answer to the join.
    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        let key = Key::from_bits(delivery.local);
        let Some(index) = self.channels.resolve(key) else {
            return;
        };
        let channel = self.channels.get_mut(index).expect("a resolved key is live");
        if channel.members.is_empty() {
            return;
        }
        debug_assert!(channel.queue.back().is_none_or(|last| last.sequence < delivery.numbered.sequence));
        self.backlog_messages += 1;
        self.backlog_bytes += delivery.numbered.publication.weight();
        channel.queue.push_back(delivery.numbered);
        if !channel.in_turn {
            channel.in_turn = true;
            self.turns.push_back(key);
        }
    }

    /// Takes the delivered batch off a channel's queue and decides about its next turn.
    pub(crate) fn end_turn(&mut self, key: Key, delivered: usize) {
        let Some(index) = self.channels.resolve(key) else {
            return;
        };
        let channel = self.channels.get_mut(index).expect("a resolved key is live");
        // The queue is empty already if the last member left during the turn.
        for numbered in channel.queue.drain(..delivered.min(channel.queue.len())) {
            self.backlog_messages -= 1;
            self.backlog_bytes -= numbered.publication.weight();
        }
        channel.in_turn = !channel.queue.is_empty();
        if channel.in_turn {
            self.turns.push_back(key);
        } else {
            // A quiet channel holds no buffer.
            channel.queue = VecDeque::new();
        }
    }

    /// At the bound: no more replies, no more publications.
    pub(crate) fn is_full(&self) -> bool {
        self.backlog_messages >= self.messages_bound || self.backlog_bytes >= self.bytes_bound
    }

    /// So far beyond the bound that publications are refused.
    pub(crate) fn is_overfull(&self) -> bool {
        self.backlog_messages >= HARD_BOUND * self.messages_bound
            || self.backlog_bytes >= HARD_BOUND as u64 * self.bytes_bound
    }

    pub(crate) fn backlog(&self) -> usize {
        self.backlog_messages
    }
}
