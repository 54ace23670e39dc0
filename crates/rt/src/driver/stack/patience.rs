//! How long to poll before falling asleep, and how long to sleep beside a device that cannot wake anybody.
//!
//! To sleep and to be woken costs two system calls, one of them the peer's, and in a virtual machine tens of microseconds until
//! the processor runs again. A core that has work most of the time loses more by that than by polling; a core that
//! mostly waits must not burn its processor for the sake of a frame now and then. So how long is polled follows from how busy
//! the core was.
//!
//! A device that can only be polled is looked at between naps. They double while nothing comes, so that a core in the middle of a
//! conversation is quick and an idle one costs little, up to a bound that a peer does not notice.

use crore_base::time::{Duration, Instant};

use crate::limits::{NAP_FIRST, NAP_MAX, POLLED_WHEN_BUSY, POLLED_WHEN_IDLE};

/// How much time has to be seen before anything follows from it.
const SEEN: Duration = Duration::from_millis(5);

/// One core's.
pub(super) struct Patience {
    /// Time at work, and in all, since it was last thought about.
    worked: Duration,
    seen: Duration,
    /// When the last wait ended.
    work_began: Instant,
    busy: bool,
    /// The next sleep beside a device that is polled.
    nap: Duration,
}

impl Patience {
    pub(super) fn new(now: Instant) -> Patience {
        Patience { worked: Duration::ZERO, seen: Duration::ZERO, work_began: now, busy: false, nap: NAP_FIRST }
    }

    /// The core has waited, polling or asleep, from `from` to `until`; before that it was at work.
    pub(super) fn on_wait(&mut self, from: Instant, until: Instant) {
        assert!(self.work_began <= from && from <= until, "time goes on");
        self.worked += from - self.work_began;
        self.seen += until - self.work_began;
        self.work_began = until;
        if self.seen >= SEEN {
            // More than a third: while it polls between pieces of work, it is busier still.
            self.busy = self.worked * 3 > self.seen;
            (self.worked, self.seen) = (Duration::ZERO, Duration::ZERO);
        }
    }

    /// How long to sleep before a device that cannot wake anybody is looked at again.
    pub(super) fn nap(&mut self) -> Duration {
        let nap = self.nap;
        self.nap = (nap * 2).min(NAP_MAX);
        nap
    }

    /// Frames have come: naps are short again.
    pub(super) fn on_frames(&mut self) {
        self.nap = NAP_FIRST;
    }

    /// How long to poll after the last frame.
    pub(super) fn polls_for(&self) -> Duration {
        if self.busy { POLLED_WHEN_BUSY } else { POLLED_WHEN_IDLE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(work_us: u64, wait_us: u64) -> Duration {
        let mut now = Instant::ZERO;
        let mut patience = Patience::new(now);
        for _ in 0..1_000 {
            let from = now + Duration::from_micros(work_us);
            now = from + Duration::from_micros(wait_us);
            patience.on_wait(from, now);
        }
        patience.polls_for()
    }

    #[test]
    fn naps_grow_to_a_bound_until_frames_come() {
        let mut patience = Patience::new(Instant::ZERO);
        let naps: Vec<Duration> = (0..10).map(|_| patience.nap()).collect();
        assert_eq!((naps[0], naps[1], naps[9]), (NAP_FIRST, NAP_FIRST * 2, NAP_MAX));
        assert!(naps.is_sorted());
        patience.on_frames();
        assert_eq!(patience.nap(), NAP_FIRST);
    }

    #[test]
    fn a_core_that_works_polls_and_one_that_waits_sleeps() {
        assert_eq!(after(60, 40), POLLED_WHEN_BUSY);
        assert_eq!(after(40, 60), POLLED_WHEN_BUSY);
        assert_eq!(after(5, 95), POLLED_WHEN_IDLE, "a probe now and then is no work");
        assert_eq!(after(0, 100), POLLED_WHEN_IDLE);
    }
}
