//! Latencies: an HDR histogram of nanoseconds that travels between processes as a list of its buckets.

use crore_base::time::Duration;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::limits::{LATENCY_DIGITS, LATENCY_MAX};

/// Latencies of one lane, or of all.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    /// The largest, exactly: the histogram rounds it.
    max_ns: u64,
}

/// What a histogram is between processes: (value in ns, count) of each bucket that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Buckets {
    buckets: Vec<(u64, u64)>,
    max_ns: u64,
}

impl Default for Latencies {
    fn default() -> Latencies {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX.as_nanos(), LATENCY_DIGITS)
            .expect("the bounds are constants that HDR allows: 1 <= low, 2 * low <= high, at most 5 digits");
        Latencies { histogram, max_ns: 0 }
    }
}

impl Latencies {
    /// Counts one. Longer than an hour counts as an hour.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.histogram.saturating_record(latency.as_nanos());
        self.max_ns = self.max_ns.max(latency.as_nanos());
    }

    /// Counts several of one length at once.
    pub(crate) fn record_several(&mut self, latency: Duration, count: u64) {
        self.histogram.saturating_record_n(latency.as_nanos(), count);
        self.max_ns = self.max_ns.max(if count > 0 { latency.as_nanos() } else { 0 });
    }

    /// Adds what another process has counted.
    pub(crate) fn merge(&mut self, other: &Buckets) {
        for &(value, count) in &other.buckets {
            self.histogram.saturating_record_n(value, count);
        }
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// Its buckets.
    pub(crate) fn buckets(&self) -> Buckets {
        let recorded = self.histogram.iter_recorded();
        let buckets = recorded.map(|step| (step.value_iterated_to(), step.count_at_value())).collect();
        Buckets { buckets, max_ns: self.max_ns }
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The latency, in ms, that `quantile` (0 to 1) of all do not exceed; none without any.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.value_at_quantile(quantile).min(self.max_ns) as f64 / 1e6)
    }

    /// The longest, in ms.
    pub(crate) fn max_ms(&self) -> Option<f64> {
        (self.count() > 0).then_some(self.max_ns as f64 / 1e6)
    }

    /// Counts in `steps` ranges for each power of ten: (from ms, to ms, count), without the empty ones at both ends.
    pub(crate) fn bars(&self, steps: u32) -> Vec<(f64, f64, u64)> {
        let edge = |index: i32| 10_f64.powf(f64::from(index) / f64::from(steps));
        let index_of = |ns: u64| ((ns.max(1) as f64).log10() * f64::from(steps)).floor() as i32;
        let mut bars = std::collections::BTreeMap::new();
        for step in self.histogram.iter_recorded() {
            *bars.entry(index_of(step.value_iterated_to())).or_insert(0) += step.count_at_value();
        }
        let (Some(&first), Some(&last)) = (bars.keys().next(), bars.keys().next_back()) else {
            return Vec::new();
        };
        let bar = |index| (edge(index) / 1e6, edge(index + 1) / 1e6, bars.get(&index).copied().unwrap_or(0));
        (first..=last).map(bar).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_together_are_one_histogram() {
        let (mut one, mut two, mut all) = (Latencies::default(), Latencies::default(), Latencies::default());
        for micros in 1..10_000_u64 {
            let latency = Duration::from_micros(micros * 7 % 10_007);
            if micros % 3 == 0 {
                one.record(latency)
            } else {
                two.record(latency)
            }
            all.record(latency);
        }
        let text = serde_json::to_string(&two.buckets()).unwrap();
        one.merge(&serde_json::from_str(&text).unwrap());
        assert_eq!(one.buckets(), all.buckets());
        let median = one.quantile_ms(0.5).unwrap();
        assert!((median - 5.0).abs() < 0.05, "the median of 0 to 10 ms is {median}");
    }

    #[test]
    fn nothing_measured_is_nothing_and_not_zero() {
        let none = Latencies::default();
        assert_eq!((none.quantile_ms(0.5), none.max_ms(), none.bars(5)), (None, None, vec![]));
    }

    #[test]
    fn bars_hold_every_latency() {
        let mut latencies = Latencies::default();
        for micros in [0, 1, 20, 20, 5_000_000] {
            latencies.record(Duration::from_micros(micros));
        }
        let bars = latencies.bars(5);
        assert_eq!(bars.iter().map(|bar| bar.2).sum::<u64>(), 5);
        assert!(bars.windows(2).all(|pair| pair[0].1 == pair[1].0), "bars follow each other without a gap");
    }
}
