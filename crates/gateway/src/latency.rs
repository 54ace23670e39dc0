//! How long publications take from the hub's acceptance until they were written to their subscribers' sockets.
//!
//! Each core counts deliveries into buckets, four an octave, from a microsecond to about a minute: an addition each slice of a walk.
//! Quantiles of the last seconds come from the difference of two readings, so nothing is locked or reset.

use std::collections::VecDeque;
use std::sync::Arc;

use crore_base::counters::{CoreCounters, Counters};
use crore_base::time::{Duration, Instant};

/// Buckets of each factor of two: a quantile is right to a fifth.
const PER_OCTAVE: u32 = 4;
const OCTAVES: u32 = 26;
/// Counters of one core.
pub(crate) const BUCKETS: usize = (OCTAVES * PER_OCTAVE) as usize;

/// The span that quantiles are of.
const WINDOW: Duration = Duration::from_secs(10);
/// Readings of the window are kept at most this often.
const READING_APART: Duration = Duration::from_millis(500);

/// The bucket of a latency.
fn bucket_of(latency: Duration) -> usize {
    let micros = latency.as_micros().max(1);
    let octave = micros.ilog2();
    // The two bits below the highest: which quarter of the octave.
    let quarter = if octave >= 2 { micros >> (octave - 2) & 3 } else { micros << (2 - octave) & 3 };
    ((octave * PER_OCTAVE) as usize + quarter as usize).min(BUCKETS - 1)
}

/// The upper end of a bucket, in microseconds.
pub(crate) fn bound_micros(bucket: usize) -> u64 {
    let (octave, quarter) = (bucket as u32 / PER_OCTAVE, bucket as u64 % u64::from(PER_OCTAVE));
    ((1 << octave) * (u64::from(PER_OCTAVE) + quarter + 1)).div_ceil(u64::from(PER_OCTAVE))
}

/// Adds deliveries that took this long.
pub(crate) fn record(counters: &CoreCounters, latency: Duration, deliveries: u64) {
    counters.add(bucket_of(latency), deliveries);
}

/// The deliveries of all cores, by bucket.
pub(crate) fn read(counters: &Arc<Counters>) -> Vec<u64> {
    (0..BUCKETS).map(|bucket| counters.sum(bucket)).collect()
}

/// What a node was at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) at: Instant,
    pub(crate) deliveries: Vec<u64>,
    /// Nanoseconds that each core has slept.
    pub(crate) slept: Vec<u64>,
}

/// Readings of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct Readings(VecDeque<Reading>);

impl Readings {
    /// The oldest reading of the window before `now`, which is kept for later ones.
    pub(crate) fn since(&mut self, now: Reading) -> Reading {
        while self.0.len() > 1 && now.at.saturating_since(self.0[1].at) >= WINDOW {
            self.0.pop_front();
        }
        let oldest = self.0.front().cloned();
        if self.0.back().is_none_or(|last| now.at.saturating_since(last.at) >= READING_APART) {
            self.0.push_back(now.clone());
        }
        // Without an earlier one, since the start.
        let (deliveries, slept) = (vec![0; now.deliveries.len()], vec![0; now.slept.len()]);
        oldest.unwrap_or(Reading { at: Instant::ZERO, deliveries, slept })
    }
}

/// Quantiles of what was delivered between two readings, in microseconds: p50, p99 and the largest. None: nothing was.
pub(crate) fn quantiles(before: &Reading, now: &Reading) -> Option<[u64; 3]> {
    let counts: Vec<u64> = now.deliveries.iter().zip(&before.deliveries).map(|(now, before)| now - before).collect();
    let total: u64 = counts.iter().sum();
    let at = |rank: u64| {
        let mut seen = 0;
        let reached = |&count: &u64| {
            seen += count;
            seen >= rank
        };
        counts.iter().position(reached).map(bound_micros)
    };
    (total > 0).then(|| [total.div_ceil(2), (total * 99).div_ceil(100), total].map(|rank| at(rank).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_seconds: u64, deliveries: Vec<u64>) -> Reading {
        Reading { at: Instant::ZERO + Duration::from_secs(at_seconds), deliveries, slept: vec![0] }
    }

    #[test]
    fn every_latency_falls_below_its_buckets_bound_by_at_most_a_quarter() {
        for micros in (1..5_000).chain([10_000, 123_456, 9_999_999, 60_000_000]) {
            let bound = bound_micros(bucket_of(Duration::from_micros(micros)));
            assert!(bound >= micros && bound <= micros + micros / 4 + 1, "{micros} µs: {bound}");
        }
        assert_eq!(bucket_of(Duration::from_secs(3600)), BUCKETS - 1);
        assert_eq!(bucket_of(Duration::ZERO), 0);
    }

    #[test]
    fn quantiles_are_of_the_window_alone() {
        let counters = Counters::new(1, BUCKETS);
        let core = counters.core(0);
        let mut readings = Readings::default();
        record(&core, Duration::from_secs(5), 1000);
        let before = readings.since(reading(1, read(&counters)));
        let first = reading(1, read(&counters));
        assert!(quantiles(&before, &first).is_some_and(|[p50, ..]| p50 >= 5_000_000), "since the start");
        record(&core, Duration::from_micros(100), 98);
        record(&core, Duration::from_micros(900), 2);
        let now = reading(2, read(&counters));
        let before = readings.since(now.clone());
        let [p50, p99, max] = quantiles(&before, &now).expect("something was delivered");
        assert!((100..=126).contains(&p50) && (900..=1126).contains(&p99) && p99 == max, "{p50} {p99} {max}");
        let later = reading(60, read(&counters));
        readings.since(later.clone());
        let before = readings.since(later.clone());
        assert_eq!(quantiles(&before, &later), None, "nothing in the last seconds");
    }
}
