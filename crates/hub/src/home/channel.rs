//! One channel at its home: its numbers, its log and who is interested.

use std::rc::Rc;

use crore_base::time::Instant;
use crore_base::wheel::TimerId;

use super::idle::Links;
use crate::command::ChannelOptions;
use crate::log::{Amount, Log};
use crate::position::{Epoch, Position};

/// A core with subscribers, and its key of the channel, so that a delivery needs no look-up by name there.
#[derive(Copy, Clone)]
pub(crate) struct Interest {
    pub(crate) core: u16,
    pub(crate) local: u64,
}

pub(crate) struct Channel {
    pub(crate) name: Rc<str>,
    pub(crate) epoch: Epoch,
    /// The number of the last publication of any kind: orders deliveries.
    pub(crate) sequence: u64,
    /// The offset of the last publication in the stream.
    offset: u64,
    pub(crate) log: Log,
    pub(crate) interests: Vec<Interest>,
    pub(crate) options: ChannelOptions,
    /// A position may have been given out, so the channel is worth remembering without publications.
    pub(crate) streamed: bool,
    pub(crate) timer: Option<TimerId>,
    pub(super) links: Links,
}

impl Channel {
    pub(super) fn new(name: Rc<str>, epoch: Epoch) -> Channel {
        Channel {
            name,
            epoch,
            sequence: 0,
            offset: 0,
            log: Log::default(),
            interests: Vec::new(),
            options: ChannelOptions::default(),
            streamed: false,
            timer: None,
            links: Links::default(),
        }
    }

    /// The top of the stream.
    pub(super) fn top(&self) -> Position {
        Position { offset: self.offset, epoch: self.epoch }
    }

    /// The top of the stream, if the channel offers one.
    pub(super) fn position(&self) -> Option<Position> {
        self.options.has_history().then(|| self.top())
    }

    /// Gives the next publication its number, and its offset if it is in the stream (0 otherwise).
    pub(super) fn number(&mut self, in_stream: bool) -> u64 {
        self.sequence += 1;
        if !in_stream {
            return 0;
        }
        self.offset += 1;
        debug_assert!(self.offset <= self.sequence);
        self.offset
    }

    /// Notes that a core is interested. Its latest key counts.
    pub(super) fn interest(&mut self, core: u16, local: u64) {
        match self.interests.iter_mut().find(|interest| interest.core == core) {
            Some(interest) => interest.local = local,
            None => {
                self.interests.reserve_exact(1);
                self.interests.push(Interest { core, local });
            }
        }
    }

    /// Drops what the options do not keep (everything, when history is off).
    pub(super) fn expire(&mut self, now: Instant) -> Amount {
        match self.options.has_history() {
            true => self.log.expire(now, self.options.history_size, self.options.history_ttl),
            false => self.log.clear(),
        }
    }
}
