//! The idle channels of a home, in the order in which they fell idle: a doubly linked list through the table.
//!
//! The front is both the first whose position is too old and the one to forget when room is needed. Every verb costs O(1).

use crore_base::time::Instant;

use super::channel::Channel;
use crate::table::{Index, Table};

/// A channel's place in the list.
#[derive(Copy, Clone, Default)]
pub(super) struct Links {
    /// When it fell idle; `None`: it is not in the list.
    since: Option<Instant>,
    before: Option<Index>,
    after: Option<Index>,
}

/// The two ends of the list.
#[derive(Default)]
pub(super) struct Idle {
    front: Option<Index>,
    back: Option<Index>,
}

impl Idle {
    /// The channel that has been idle for longest.
    pub(super) fn stalest(&self) -> Option<Index> {
        self.front
    }

    /// The same, with the time since when.
    pub(super) fn since(&self, channels: &Table<Channel>) -> Option<(Index, Instant)> {
        let index = self.front?;
        let since = channels.get(index)?.links.since?;
        Some((index, since))
    }

    /// Appends a channel that is not in the list.
    pub(super) fn push(&mut self, channels: &mut Table<Channel>, index: Index, now: Instant) {
        let before = self.back.replace(index);
        match before.and_then(|before| channels.get_mut(before)) {
            Some(last) => last.links.after = Some(index),
            None => self.front = Some(index),
        }
        if let Some(channel) = channels.get_mut(index) {
            debug_assert!(channel.links.since.is_none());
            channel.links = Links { since: Some(now), before, after: None };
        }
    }

    /// Takes a channel out, if it is in the list.
    pub(super) fn unlink(&mut self, channels: &mut Table<Channel>, index: Index) {
        let Some(channel) = channels.get_mut(index) else {
            return;
        };
        let links = std::mem::take(&mut channel.links);
        if links.since.is_none() {
            return;
        }
        match links.before.and_then(|before| channels.get_mut(before)) {
            Some(before) => before.links.after = links.after,
            None => self.front = links.after,
        }
        match links.after.and_then(|after| channels.get_mut(after)) {
            Some(after) => after.links.before = links.before,
            None => self.back = links.before,
        }
        debug_assert_eq!(self.front.is_none(), self.back.is_none());
    }
}
