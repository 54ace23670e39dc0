//! A bound on how often something may happen: so many a second, and so many at once after a quiet time.
//!
//! This is the generic cell rate algorithm (ITU-T I.371): one instant says when the backlog of what was allowed is
//! worked off, and something is allowed while that is not too far ahead. It needs no timer and forgets nothing.

use crore_base::time::{Duration, Instant};

/// The bound and what has been used of it: 24 bytes, a few instructions a question.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    interval: Duration,
    ahead_max: Duration,
    worked_off: Instant,
}

impl Pace {
    /// `per_second` a second, and `burst` at once.
    ///
    /// # Panics
    /// If either is zero.
    pub(super) fn new(per_second: u64, burst: u64) -> Self {
        assert!(per_second > 0 && burst > 0, "a pace of nothing is a switch, not a pace");
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, ahead_max: interval * (burst - 1), worked_off: Instant::ZERO }
    }

    /// Whether it may happen at `now`; if so, it has.
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        let from = self.worked_off.max(now);
        if from - now > self.ahead_max {
            return false;
        }
        self.worked_off = from + self.interval;
        debug_assert!(self.worked_off - now <= self.ahead_max + self.interval);
        true
    }
}

#[cfg(test)]
mod tests;
