//! Remembers what publications with an idempotency key were answered, so that a publisher may safely send twice.
//!
//! Every answer is remembered equally long, so the order of arrival is the order of expiry: a queue and a map over the same
//! shared keys. Bounded: the oldest is forgotten first.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crore_base::hash::HashKey;
use crore_base::time::{Duration, Instant};

use crate::limits::{EXPIRE_BATCH, Limits};
use crate::position::Position;

/// Stands between channel and key. Channel names are ASCII, so the pair is unambiguous.
const SEPARATOR: u8 = 0xff;

type Memory = HashMap<Rc<[u8]>, Option<Position>, HashKey>;

/// The answers of the last five minutes.
pub(crate) struct Idempotency {
    answers: Memory,
    order: VecDeque<(Instant, Rc<[u8]>)>,
    ttl: Duration,
    bound: usize,
}

impl Idempotency {
    pub(crate) fn new(limits: &Limits, key: HashKey) -> Idempotency {
        Idempotency {
            answers: HashMap::with_hasher(key),
            order: VecDeque::new(),
            ttl: limits.idempotency_ttl,
            bound: limits.idempotency_keys,
        }
    }

    /// What the same publication was answered before.
    pub(crate) fn recall(&mut self, now: Instant, channel: &str, key: &str) -> Option<Option<Position>> {
        while self.due().is_some_and(|due| due <= now) {
            self.forget_oldest();
        }
        self.answers.get(&pair(channel, key)[..]).copied()
    }

    pub(crate) fn remember(&mut self, now: Instant, channel: &str, key: &str, answer: Option<Position>) {
        if self.bound == 0 {
            return;
        }
        while self.order.len() >= self.bound {
            self.forget_oldest();
        }
        let pair: Rc<[u8]> = pair(channel, key).into();
        let before = self.answers.insert(pair.clone(), answer);
        debug_assert!(before.is_none(), "only a key that is not remembered is published");
        self.order.push_back((now + self.ttl, pair));
        debug_assert_eq!(self.order.len(), self.answers.len());
    }

    /// When the oldest answer may be forgotten.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.order.front().map(|(due, _)| *due)
    }

    /// Forgets a bounded number of answers that are due.
    pub(crate) fn expire(&mut self, now: Instant) {
        for _ in 0..EXPIRE_BATCH {
            match self.due() {
                Some(due) if due <= now => self.forget_oldest(),
                _ => break,
            }
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, pair)) = self.order.pop_front() {
            self.answers.remove(&pair);
        }
    }
}

fn pair(channel: &str, key: &str) -> Vec<u8> {
    debug_assert!(channel.is_ascii());
    let mut pair = Vec::with_capacity(channel.len() + 1 + key.len());
    pair.extend_from_slice(channel.as_bytes());
    pair.push(SEPARATOR);
    pair.extend_from_slice(key.as_bytes());
    pair
}
