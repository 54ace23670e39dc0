//! The home side of a shard: the channels whose name hashes to this core.
//!
//! Here publications get their numbers, are kept, and are handed out once for each interested core; here positions are made
//! and recoveries decided. Two numbers grow: the *sequence* counts every publication and orders deliveries; the *offset*
//! counts those in the stream, which clients see. Input comes from this core's clients and, by the request lane, from other
//! cores; output is handed to the caller, who carries it.
//!
//! Invariants: a channel with interest or with kept publications is never forgotten; any other stands in the list of idle
//! channels, stalest first; the timer of a channel is armed exactly while something is kept.

mod channel;
mod idle;
mod lifetime;

use std::collections::HashMap;
use std::rc::Rc;

use crore_base::hash::HashKey;
use crore_base::random::Rng;
use crore_base::time::Instant;
use crore_base::wheel::Wheel;

use crate::idempotency::Idempotency;
use crate::limits::{EXPIRY_TICK, Limits};
use crate::log::Amount;
use crate::message::{Admission, Delivery, HistoryAsk, Join, Numbered, Page, PublishAsk};
use crate::position::Position;
use crate::publication::Publication;
use crate::refusal::Refusal;
use crate::stats::Stats;
use crate::table::{Index, Key, Table};
use channel::{Channel, Interest};
use idle::Idle;

/// The channels at home on one core.
pub(crate) struct Home {
    names: HashMap<Rc<str>, Index, HashKey>,
    channels: Table<Channel>,
    idle: Idle,
    /// One timer for each channel that keeps something: when its oldest publication is too old. Tokens are keys.
    timers: Wheel,
    due: Vec<u64>,
    answered: Idempotency,
    rng: Rng,
    kept: Amount,
    limits: Limits,
    publications: u64,
    repeated: u64,
    evicted: u64,
    squeezed: u64,
}

impl Home {
    pub(crate) fn new(limits: &Limits, key: HashKey, rng: Rng) -> Home {
        Home {
            names: HashMap::with_hasher(key),
            channels: Table::new(limits.channels),
            idle: Idle::default(),
            timers: Wheel::new(Instant::ZERO, EXPIRY_TICK, limits.channels),
            due: Vec::new(),
            answered: Idempotency::new(limits, key),
            rng,
            kept: Amount::default(),
            limits: *limits,
            publications: 0,
            repeated: 0,
            evicted: 0,
            squeezed: 0,
        }
    }

    /// A core joins a channel: from now on its publications go there.
    pub(crate) fn join(&mut self, now: Instant, from: u16, join: &Join) -> Result<Admission, Refusal> {
        let index = self.open(now, &join.channel, join.options)?;
        let page = self.limits.history_page;
        let channel = self.channels.get_mut(index).expect("open gave a live index");
        let position = channel.position();
        let recovery = match (join.since, position) {
            (Some(since), Some(top)) => channel.log.recover(since, top, page),
            _ => None,
        };
        if join.reject_unrecovered && join.since.is_some() && recovery.is_none() {
            self.settle(now, index);
            return Err(Refusal::Unrecoverable);
        }
        channel.interest(from, join.local);
        let sequence = channel.sequence;
        self.settle(now, index);
        let home = self.channels.key_at(index).expect("a channel with interest stays").to_bits();
        Ok(Admission {
            home,
            sequence,
            position,
            recovered: recovery.is_some(),
            publications: recovery.unwrap_or_default(),
        })
    }

    /// A core has no subscriber left.
    pub(crate) fn leave(&mut self, now: Instant, from: u16, home: Key, local: u64) {
        let Some(index) = self.channels.resolve(home) else {
            debug_assert!(false, "a channel with interest was forgotten");
            return;
        };
        if let Some(channel) = self.channels.get_mut(index) {
            channel.interests.retain(|interest| interest.core != from || interest.local != local);
        }
        self.settle(now, index);
    }

    /// Numbers and keeps a publication and hands out one delivery for each interested core.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        ask: PublishAsk,
        deliver: &mut dyn FnMut(u16, Delivery),
    ) -> Result<Option<Position>, Refusal> {
        let key = ask.idempotency_key.as_deref();
        if let Some(answer) = key.and_then(|key| self.answered.recall(now, &ask.channel, key)) {
            self.repeated += 1;
            return Ok(answer);
        }
        let keyed = key.map(|key| (ask.channel.clone(), key.to_owned()));
        let position = match self.open_to_publish(now, &ask)? {
            Some(index) => self.append(now, index, ask, deliver),
            None => None,
        };
        self.publications += 1;
        if let Some((name, key)) = keyed {
            self.answered.remember(now, &name, &key, position);
        }
        Ok(position)
    }

    /// The channel to publish to; `None` when nobody is interested and nothing is to be kept.
    fn open_to_publish(&mut self, now: Instant, ask: &PublishAsk) -> Result<Option<Index>, Refusal> {
        if ask.options.has_history() || self.names.contains_key(&*ask.channel) {
            return self.open(now, &ask.channel, ask.options).map(Some);
        }
        Ok(None)
    }

    fn append(
        &mut self,
        now: Instant,
        index: Index,
        ask: PublishAsk,
        deliver: &mut dyn FnMut(u16, Delivery),
    ) -> Option<Position> {
        let channel = self.channels.get_mut(index)?;
        let in_stream = channel.options.has_history() && !ask.skip_history;
        let publication = Publication {
            offset: channel.number(in_stream),
            data: ask.data,
            info: ask.info,
            tags: ask.tags,
            accepted: now,
        };
        let (sequence, epoch) = (channel.sequence, channel.epoch);
        for Interest { core, local } in &channel.interests {
            let numbered = Numbered { sequence, epoch, publication: publication.clone() };
            deliver(*core, Delivery { local: *local, numbered });
        }
        let offset = publication.offset;
        if in_stream {
            self.keep(now, index, publication);
        }
        self.settle(now, index);
        in_stream.then_some(Position { offset, epoch })
    }

    /// Keeps a publication; when the core's memory for logs is full, the channel loses its oldest to make room.
    fn keep(&mut self, now: Instant, index: Index, publication: Publication) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let weight = publication.weight();
        while self.kept.bytes + weight > self.limits.history_bytes && !channel.log.is_empty() {
            let dropped = channel.log.drop_oldest();
            self.squeezed += dropped.publications;
            self.kept.subtract(dropped);
        }
        if self.kept.bytes + weight > self.limits.history_bytes {
            // Others hold all of it. The log is empty now, and so without a hole.
            debug_assert!(channel.log.is_empty());
            self.squeezed += 1;
            return;
        }
        channel.log.push(now, publication);
        self.kept.bytes += weight;
        self.kept.publications += 1;
        let dropped = channel.expire(now);
        self.kept.subtract(dropped);
    }

    /// Reads a page of the log.
    pub(crate) fn history(&mut self, now: Instant, ask: &HistoryAsk) -> Result<Page, Refusal> {
        if !ask.options.has_history() {
            return Err(Refusal::NoHistory);
        }
        let index = self.open(now, &ask.channel, ask.options)?;
        let channel = self.channels.get(index).expect("open gave a live index");
        let top = channel.top();
        let page = channel.log.page(ask.limit, ask.since, ask.reverse, top, self.limits.history_page);
        self.settle(now, index);
        page
    }

    /// Forgets what is kept; offset and epoch stay.
    pub(crate) fn history_remove(&mut self, now: Instant, name: &str) {
        let Some(&index) = self.names.get(name) else {
            return;
        };
        if let Some(channel) = self.channels.get_mut(index) {
            let dropped = channel.log.clear();
            self.kept.subtract(dropped);
        }
        self.settle(now, index);
    }

    /// The cores to which publications of a channel go.
    pub(crate) fn interested(&self, name: &str) -> impl Iterator<Item = u16> + '_ {
        let channel = self.names.get(name).and_then(|index| self.channels.get(*index));
        channel.into_iter().flat_map(|channel| channel.interests.iter().map(|interest| interest.core))
    }

    /// Adds this side's figures.
    pub(crate) fn report(&self, stats: &mut Stats) {
        stats.home_channels = u64::from(self.channels.len());
        stats.history_publications = self.kept.publications;
        stats.history_bytes = self.kept.bytes;
        stats.publications = self.publications;
        stats.repeated = self.repeated;
        stats.evicted = self.evicted;
        stats.squeezed = self.squeezed;
    }
}
