//! How many connections may have something in flight at once before who fans out has to wait.
//!
//! Congestion control knows one connection at a time. A publication to a million connections is one segment for each, which
//! each of them may send at once; together they would flood any link, and all be lost in its first full queue. So there is a
//! window over all connections of a core, in connections, that behaves as one of a congestion control does: it grows while it is
//! what holds the walk back, more of it carries more, and nothing is lost; fast until something is, slowly afterwards; and it is
//! halved when much was lost, at most once a round trip or so. Lost is what its peer acknowledged after it had been sent again. What a peer never
//! acknowledges says that the peer is gone, which a slower walk would not mend.

use std::cell::Cell;

use crore_base::time::{Duration, Instant};

use crate::limits::{PACE_MAX, PACE_MIN};

/// How often the window is looked at: a little more than most round trips, so that it has shown what it does.
const LOOKS_APART: Duration = Duration::from_millis(10);
/// After a loss, what was in flight then must not count again.
const REST_AFTER_LOSS: Duration = Duration::from_millis(250);
/// One segment in so many may be lost for reasons of its connection's own.
const LOSS_PART: u64 = 64;
/// And so many losses between two looks are always such: with little traffic one of them is a large part.
const LOSSES_MIN: u64 = 64;
/// The part by which more must have been sent since the last look than ever before for the window to grow: what gains nothing
/// only fills queues.
const GAIN_PART: u64 = 128;
/// The part by which that record is forgotten at each look, because networks change.
const FORGOTTEN_PART: u64 = 256;
/// The part of the window by which it grows at a look: before the first loss, ...
const GROWTH_FAST: u32 = 8;
/// ... and after it, until the window is twice what it was then.
const GROWTH_SLOW: u32 = 64;

/// The window of one core.
pub(super) struct Pace {
    window: u32,
    look_at: Instant,
    /// It has held somebody back since the last look.
    was_full: Cell<bool>,
    /// The window at the last loss; 0: there was none, or it is long outgrown.
    lost_at: u32,
    /// The most frames that were sent between two looks while the window was full, ...
    record: u64,
    /// ... and the window that it took: growing beyond it has to gain something.
    proven: u32,
    sent: u64,
    lost: u64,
}

impl Pace {
    /// Begins with `window` connections.
    pub(super) fn new(now: Instant, window: u32) -> Pace {
        assert!((PACE_MIN..=PACE_MAX).contains(&window));
        Pace {
            window,
            look_at: now,
            was_full: Cell::new(false),
            lost_at: 0,
            record: 0,
            proven: window,
            sent: 0,
            lost: 0,
        }
    }

    /// Whether as many connections have something in flight as may have.
    pub(super) fn is_full(&self, in_flight: u32) -> bool {
        let full = in_flight >= self.window;
        if full {
            self.was_full.set(true);
        }
        full
    }

    /// Learns from how many frames were sent in all, and how many were lost of them.
    pub(super) fn on_turn(&mut self, now: Instant, sent: u64, lost: u64) {
        if now < self.look_at {
            return;
        }
        assert!(sent >= self.sent && lost >= self.lost, "counters do not go back");
        self.look_at = now + LOOKS_APART;
        let (newly_sent, newly_lost) = (sent - self.sent, lost - self.lost);
        (self.sent, self.lost) = (sent, lost);
        if newly_lost >= LOSSES_MIN && newly_lost * LOSS_PART > newly_sent {
            self.lost_at = self.window;
            self.window = (self.window / 2).max(PACE_MIN);
            self.look_at = now + REST_AFTER_LOSS;
            (self.record, self.proven) = (0, self.window);
        } else if !self.was_full.take() {
            self.record = 0;
        } else if newly_sent <= self.record + self.record / GAIN_PART {
            self.record -= self.record / FORGOTTEN_PART;
            self.window = self.proven;
        } else {
            (self.record, self.proven) = (newly_sent, self.window);
            if self.window > self.lost_at.saturating_mul(2) {
                self.lost_at = 0;
            }
            let part = if self.lost_at == 0 { GROWTH_FAST } else { GROWTH_SLOW };
            self.window = (self.window + (self.window / part).max(1)).min(PACE_MAX);
        }
        assert!((PACE_MIN..=PACE_MAX).contains(&self.window));
    }
}

#[cfg(test)]
mod tests;
