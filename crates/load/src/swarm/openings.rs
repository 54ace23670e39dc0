//! Connections that are being opened: a bounded number, each with a moment at which it takes too long.
//!
//! A timer for each of ten million connects would cost more than looking through a thousand slots now and then.

use std::task::Waker;

use crore_base::time::{Duration, Instant};

/// The slot of a client that is not being opened.
pub(super) const NONE: u16 = u16::MAX;

/// The slots.
#[derive(Default)]
pub(super) struct Openings {
    slots: Vec<Opening>,
    free: Vec<u16>,
}

struct Opening {
    since: Instant,
    /// Of the client; none while the slot is free.
    waker: Option<Waker>,
    expired: bool,
}

impl Openings {
    /// Room for a client that begins to open `now`.
    pub(super) fn begin(&mut self, now: Instant, waker: Waker) -> u16 {
        let opening = Opening { since: now, waker: Some(waker), expired: false };
        if let Some(slot) = self.free.pop() {
            self.slots[usize::from(slot)] = opening;
            return slot;
        }
        let slot = u16::try_from(self.slots.len()).ok().filter(|slot| *slot < NONE);
        self.slots.push(opening);
        slot.expect("the window of opening connections is far below 65,535")
    }

    /// The client is open, or has failed.
    pub(super) fn end(&mut self, slot: u16) {
        let waker = self.slots[usize::from(slot)].waker.take();
        assert!(waker.is_some(), "a slot is given back once");
        self.free.push(slot);
    }

    /// Whether the client in a slot has taken too long.
    pub(super) fn has_expired(&self, slot: u16) -> bool {
        self.slots[usize::from(slot)].expired
    }

    /// Those who have taken longer than `most` by `now`, each named once.
    pub(super) fn expire(&mut self, now: Instant, most: Duration) -> Vec<Waker> {
        let late = |opening: &&mut Opening| !opening.expired && now.saturating_since(opening.since) > most;
        let expire = |opening: &mut Opening| {
            opening.expired = true;
            opening.waker.clone()
        };
        self.slots.iter_mut().filter(late).filter_map(expire).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_too_long_is_named_once_and_slots_are_used_again() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut openings = Openings::default();
        let first = openings.begin(at(0), Waker::noop().clone());
        let second = openings.begin(at(8), Waker::noop().clone());
        assert_eq!(openings.expire(at(10), Duration::from_secs(5)).len(), 1);
        assert_eq!(openings.expire(at(10), Duration::from_secs(5)).len(), 0);
        assert_eq!((openings.has_expired(first), openings.has_expired(second)), (true, false));
        openings.end(first);
        assert_eq!(openings.begin(at(11), Waker::noop().clone()), first);
        assert!(!openings.has_expired(first));
    }
}
