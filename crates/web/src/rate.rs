//! A token bucket: how fast connections are taken.

use crore_base::time::{Duration, Instant};

use crate::limits::ACCEPT_BURST_MS;

/// Tokens that come at a fixed rate, up to a burst. Kept as the time at which the next one is due, so there is no
/// remainder to carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    interval: Duration,
    burst: Duration,
    due: Instant,
}

impl Bucket {
    /// A bucket of `per_second` tokens, full at first; `per_second` counts as at least one.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / u64::from(per_second.max(1));
        Bucket { interval, burst: Duration::from_millis(ACCEPT_BURST_MS), due: now }
    }

    /// Takes a token, or says when there will be one.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if self.due > now {
            return Err(self.due);
        }
        let oldest = Instant::from_nanos(now.as_nanos().saturating_sub(self.burst.as_nanos()));
        self.due = self.due.max(oldest) + self.interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    /// Tokens taken at one moment.
    fn drain(bucket: &mut Bucket, now: Instant) -> usize {
        std::iter::from_fn(|| bucket.take(now).ok()).count()
    }

    #[test]
    fn a_second_gives_its_rate_and_a_pause_saves_only_the_burst() {
        let mut bucket = Bucket::new(100, at_ms(0));
        assert_eq!(drain(&mut bucket, at_ms(0)), 1);
        assert_eq!(bucket.take(at_ms(0)), Err(at_ms(10)));
        let taken: usize = (1..=1000).map(|ms| drain(&mut bucket, at_ms(ms))).sum();
        assert_eq!(taken, 100);
        assert_eq!(drain(&mut bucket, at_ms(60_000)), 11);
    }
}
