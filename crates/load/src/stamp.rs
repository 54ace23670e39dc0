//! Moments that mean the same in every process of this machine.
//!
//! The runtime counts from its own start; publications travel between processes. So a stamp counts on the machine's
//! monotonic clock, and a [`Clock`] knows how far that is from the runtime's. In a simulated world they are the same.

use crore_base::time::{Duration, Instant};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Nanoseconds on the machine's monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    /// Now, from the machine itself. Costs one reading of the clock.
    pub(crate) fn of_machine() -> Stamp {
        let now = clock_gettime(ClockId::Monotonic);
        let (secs, nanos) = (now.tv_sec.cast_unsigned(), now.tv_nsec.cast_unsigned());
        Stamp(secs * 1_000_000_000 + nanos)
    }

    /// The time since an earlier moment; zero if it is the later one.
    pub(crate) fn since(self, earlier: Stamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn after(self, span: Duration) -> Stamp {
        Stamp(self.0.saturating_add(span.as_nanos()))
    }
}

/// Translates between stamps and the time of this core's runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The runtime's origin on the machine's clock, ns. Both tick alike, so one reading at the start is enough.
    origin: u64,
}

impl Clock {
    /// The clock of a runtime on this machine.
    pub(crate) fn of_machine() -> Clock {
        let origin = Stamp::of_machine().0.saturating_sub(crore_rt::time::precise_now().as_nanos());
        Clock { origin }
    }

    /// The clock of a simulated world, in which the runtime's time is all the time there is.
    #[cfg(test)]
    pub(crate) fn of_world() -> Clock {
        Clock { origin: 0 }
    }

    /// Now, read from the clock: the time of the turn would be older than bytes that came since.
    pub(crate) fn now(self) -> Stamp {
        Stamp(self.origin + crore_rt::time::precise_now().as_nanos())
    }

    /// The runtime's time at a moment.
    pub(crate) fn instant(self, stamp: Stamp) -> Instant {
        Instant::from_nanos(stamp.0.saturating_sub(self.origin))
    }

    /// The machine's moment of a time of the runtime.
    pub(crate) fn stamp(self, instant: Instant) -> Stamp {
        Stamp(self.origin + instant.as_nanos())
    }

    /// Waits until a moment, at most a millisecond longer; returns at once when it is past.
    pub(crate) async fn reach(self, stamp: Stamp) {
        if self.now() < stamp {
            crore_rt::time::sleep_until(self.instant(stamp)).await;
        }
    }
}
