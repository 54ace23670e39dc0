//! When a channel begins and ends at its home, and what expires in between.
//!
//! Every verb of the home opens the channel it is about, does its work, and settles it. Settling alone decides whether the
//! channel is remembered, so no verb can forget to.

use std::rc::Rc;

use crore_base::time::Instant;

use super::Home;
use super::channel::Channel;
use crate::command::ChannelOptions;
use crate::limits::EXPIRE_BATCH;
use crate::position::Epoch;
use crate::refusal::Refusal;
use crate::table::{Index, Key};

impl Home {
    /// Finds a channel or makes it, applies the options, and drops what is too old. The caller settles it afterwards.
    pub(super) fn open(&mut self, now: Instant, name: &str, options: ChannelOptions) -> Result<Index, Refusal> {
        let index = match self.names.get(name) {
            Some(index) => *index,
            None => self.create(name)?,
        };
        let channel = self.channels.get_mut(index).expect("names and channels agree");
        if channel.options.history_ttl != options.history_ttl {
            // The timer was armed for another age; settling arms it anew.
            if let Some(timer) = channel.timer.take() {
                self.timers.cancel(timer);
            }
        }
        channel.options = options;
        channel.streamed |= options.has_history();
        let dropped = channel.expire(now);
        self.kept.subtract(dropped);
        Ok(index)
    }

    fn create(&mut self, name: &str) -> Result<Index, Refusal> {
        if self.channels.is_full() {
            let stalest = self.idle.stalest().ok_or(Refusal::ChannelLimit)?;
            self.forget(stalest);
            self.evicted += 1;
        }
        let name: Rc<str> = name.into();
        let channel = Channel::new(name.clone(), Epoch::random(&mut self.rng));
        let key = self.channels.insert(channel).ok_or(Refusal::ChannelLimit)?;
        self.names.insert(name, key.index);
        debug_assert_eq!(self.names.len(), self.channels.len() as usize);
        Ok(key.index)
    }

    /// Puts a channel where it belongs after it was touched: timer armed while something is kept; in the list of idle
    /// channels while nothing is kept and nobody is interested; forgotten at once if it never had a position to remember.
    pub(super) fn settle(&mut self, now: Instant, index: Index) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        match (channel.log.oldest(), channel.timer) {
            (Some(oldest), None) => {
                let key = self.channels.key_at(index).map_or(0, Key::to_bits);
                let channel = self.channels.get_mut(index).expect("it was there a line ago");
                // One timer a channel, and the wheel holds as many as there are channels: it is never full.
                channel.timer = self.timers.arm(oldest + channel.options.history_ttl, key);
                debug_assert!(channel.timer.is_some());
            }
            (None, Some(timer)) => {
                channel.timer = None;
                self.timers.cancel(timer);
            }
            _ => {}
        }
        self.idle.unlink(&mut self.channels, index);
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        if !channel.interests.is_empty() || !channel.log.is_empty() {
            return;
        }
        if channel.streamed {
            self.idle.push(&mut self.channels, index, now);
        } else {
            self.forget(index);
        }
    }

    fn forget(&mut self, index: Index) {
        self.idle.unlink(&mut self.channels, index);
        if let Some(channel) = self.channels.remove(index) {
            debug_assert!(channel.interests.is_empty() && channel.log.is_empty() && channel.timer.is_none());
            self.names.remove(&channel.name);
        }
        debug_assert_eq!(self.names.len(), self.channels.len() as usize);
    }

    /// Lets a bounded number of publications, positions and idempotency keys expire.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        self.timers.expire(now, EXPIRE_BATCH, &mut due);
        for key in &due {
            self.expire(now, Key::from_bits(*key));
        }
        self.due = due;
        for _ in 0..EXPIRE_BATCH {
            match self.idle.since(&self.channels) {
                Some((index, since)) if since + self.limits.meta_ttl <= now => self.forget(index),
                _ => break,
            }
        }
        self.answered.expire(now);
    }

    /// The timer of a channel went off.
    fn expire(&mut self, now: Instant, key: Key) {
        let Some(index) = self.channels.resolve(key) else {
            debug_assert!(false, "a forgotten channel had a timer");
            return;
        };
        if let Some(channel) = self.channels.get_mut(index) {
            channel.timer = None;
            let dropped = channel.expire(now);
            self.kept.subtract(dropped);
        }
        self.settle(now, index);
    }

    /// When `on_timeout` next has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let data = self.timers.next_deadline();
        let meta = self.idle.since(&self.channels).map(|(_, since)| since + self.limits.meta_ttl);
        [data, meta, self.answered.due()].into_iter().flatten().min()
    }
}
