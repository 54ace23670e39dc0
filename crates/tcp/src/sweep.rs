//! The slow sweep, and keep-alive (RFC 9293 section 3.8.4).
//!
//! What is rare, and need not be exact, is found by looking at every connection once in a long while instead of by a timer
//! each: that somebody has been silent for hours, or for so many days that its timestamp says nothing any more. The sweep goes
//! through the table a slice at a time, in the order of memory. Only who is being probed has a timer.

use crore_base::time::{Duration, Instant};

use crate::conn::Conn;
use crate::engine::Engine;
use crate::event::CloseReason;
use crate::limits::{PROBING_MAX, SWEEP_SLICE, TIMESTAMP_STALE_MS};
use crate::tcb::Flags;

/// The bit of a timer's token that says: a connection, by its slot, is due for its next probe.
pub(crate) const PROBING: u64 = 1 << 63;

/// How far the sweep is.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) next: Instant,
    cursor: u32,
    /// One more than the highest slot that was ever taken.
    pub(crate) high_water: u32,
}

impl Sweep {
    pub(crate) fn new(now: Instant) -> Self {
        Self { next: now, cursor: 0, high_water: 0 }
    }
}

impl Engine {
    /// Looks at the next slice of connections, if it is time for it.
    pub(crate) fn sweep(&mut self) {
        if self.tcbs.is_empty() || self.cx.clock.now < self.sweep.next {
            return;
        }
        let start = self.sweep.cursor;
        let end = (start + SWEEP_SLICE).min(self.sweep.high_water);
        for index in start..end {
            self.with(index, |conn| conn.on_sweep());
        }
        self.sweep.cursor = if end >= self.sweep.high_water { 0 } else { end };
        self.sweep.next = self.cx.clock.now + self.sweep_pause();
    }

    /// Options were taken into use that may want the sweep to come round more often.
    pub(crate) fn hasten_sweep(&mut self) {
        let soon = self.cx.clock.now + self.sweep_pause();
        self.sweep.next = self.sweep.next.min(soon);
    }

    /// The time between two slices, so that all of them are looked at in one period.
    fn sweep_pause(&self) -> Duration {
        let slices = u64::from(self.sweep.high_water.div_ceil(SWEEP_SLICE)).max(1);
        let period = self.cx.profiles.sweep_period().max(self.cx.idle_stretch() / 10);
        (period / slices).max(Duration::from_millis(1))
    }

    /// A connection that was probed has had its time to answer. If it did, or is another one by now, there is nothing to do.
    pub(crate) fn on_probing(&mut self, index: u32) {
        self.cx.probing -= 1;
        self.with(index, |conn| {
            if conn.tcb.probes > 0 {
                conn.on_sweep();
            }
        });
    }
}

impl Conn<'_> {
    /// Looks at a connection that nothing has happened to, perhaps for long.
    fn on_sweep(&mut self) {
        if !self.tcb.state.is_synchronised() {
            return;
        }
        let idle = self.cx.clock.ms_since(self.tcb.heard_ms);
        // RFC 7323 RECENT-EXPIRES.
        if idle > TIMESTAMP_STALE_MS {
            self.tcb.set(Flags::TS_STALE);
        }
        // RFC 9293 MUST-24, MUST-25, MUST-26: only where it was asked for, and only when nothing is in flight.
        let Some(keep_alive) = self.profile().options.keep_alive else { return };
        if !self.tcb.sending.is_none() {
            return;
        }
        let probes = self.tcb.probes;
        // RFC 9293 MUST-27: the interval that was set, or longer where so many would be probed that it costs too much.
        let due = keep_alive.idle.max(self.cx.idle_stretch()).as_millis()
            + u64::from(probes) * keep_alive.interval.as_millis();
        if u64::from(idle) < due {
            return;
        }
        // RFC 9293 MUST-29: one missing answer proves nothing.
        if probes >= keep_alive.probes {
            self.end(CloseReason::KeepAlive);
            return;
        }
        self.tcb.probes += 1;
        // Whoever slept longer than that counts from here, so that the next probe waits as long as it should.
        self.tcb.heard_ms = self.cx.clock.ms.wrapping_sub(due as u32);
        self.tcb.set(Flags::PROBE);
        self.mark_dirty();
        self.look_again_in(keep_alive.interval);
    }

    /// Arms a timer for the next probe. When too many are being probed at once, the sweep finds this one again.
    fn look_again_in(&mut self, wait: Duration) {
        let deadline = self.cx.clock.now + wait;
        if self.cx.probing < PROBING_MAX && self.cx.timers.arm(deadline, PROBING | u64::from(self.index)).is_some() {
            self.cx.probing += 1;
        }
    }
}
