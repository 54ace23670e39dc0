//! What a pass counts: answers, how long they took, and what failed.

use std::collections::BTreeMap;

use crore_base::time::Duration;
use hdrhistogram::Histogram;

use crate::harness::limits::{LATENCY_DIGITS, LATENCY_MAX};

/// Of one pass.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    latencies: Histogram<u64>,
    failures: BTreeMap<String, u64>,
    /// From the first moment of the pass to its last answer.
    pub(crate) span: Duration,
}

impl Default for Tally {
    fn default() -> Tally {
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX.as_nanos(), LATENCY_DIGITS)
            .expect("the bounds are constants that HDR allows: 1 <= low, 2 * low <= high, at most 5 digits");
        Tally { latencies, failures: BTreeMap::new(), span: Duration::ZERO }
    }
}

impl Tally {
    /// A right answer.
    pub(crate) fn answered(&mut self, latency: Duration) {
        self.latencies.saturating_record(latency.as_nanos());
    }

    /// No answer, or a wrong one.
    pub(crate) fn failed(&mut self, reason: &str) {
        self.failed_times(reason, 1);
    }

    pub(crate) fn failed_times(&mut self, reason: &str, times: u64) {
        if times > 0 {
            *self.failures.entry(reason.to_owned()).or_default() += times;
        }
    }

    /// Right answers.
    pub(crate) fn answers(&self) -> u64 {
        self.latencies.len()
    }

    /// What failed, and how often.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&str, u64)> {
        self.failures.iter().map(|(reason, times)| (reason.as_str(), *times))
    }

    /// Right answers a second; none without any.
    pub(crate) fn per_second(&self) -> Option<f64> {
        (self.answers() > 0 && !self.span.is_zero()).then(|| self.answers() as f64 / self.span.as_secs_f64())
    }

    /// The latency, in ms, that `quantile` (0 to 1) of all do not exceed; none without any.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        (self.answers() > 0).then(|| self.latencies.value_at_quantile(quantile) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_answered_is_nothing_and_not_zero() {
        let mut tally = Tally::default();
        tally.failed("no answer");
        tally.failed_times("never sent", 0);
        tally.span = Duration::from_secs(1);
        assert_eq!((tally.per_second(), tally.quantile_ms(0.5)), (None, None));
        assert_eq!(tally.failures().collect::<Vec<_>>(), [("no answer", 1)]);
    }

    #[test]
    fn rates_and_quantiles_follow_from_what_was_counted() {
        let mut tally = Tally::default();
        (1..=1_000).for_each(|micros| tally.answered(Duration::from_micros(micros)));
        tally.span = Duration::from_millis(500);
        assert_eq!(tally.per_second(), Some(2_000.0));
        let p99 = tally.quantile_ms(0.99).unwrap();
        assert!((p99 - 0.99).abs() < 0.001, "{p99}");
    }
}
