//! What a pass counts: answers, how long they took, and what failed.

use std::collections::BTreeMap;

use crore_base::time::Duration;
use hdrhistogram::Histogram;

use super::questions::Kind;
use crate::harness::limits::{LATENCY_DIGITS, LATENCY_MAX};
use crate::outcome::Latencies;

/// Of one pass.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Of all kinds together.
    latencies: Histogram<u64>,
    /// Of each kind but the plain, if there are others.
    others: BTreeMap<Kind, Histogram<u64>>,
    failures: BTreeMap<String, u64>,
    /// From the first moment of the pass to its last answer.
    pub(crate) span: Duration,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { latencies: histogram(), others: BTreeMap::new(), failures: BTreeMap::new(), span: Duration::ZERO }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX.as_nanos(), LATENCY_DIGITS)
        .expect("the bounds are constants that HDR allows: 1 <= low, 2 * low <= high, at most 5 digits")
}

impl Tally {
    /// A right answer.
    pub(crate) fn answered(&mut self, kind: Kind, latency: Duration) {
        self.latencies.saturating_record(latency.as_nanos());
        if kind != Kind::Plain {
            self.others.entry(kind).or_insert_with(histogram).saturating_record(latency.as_nanos());
        }
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

    /// Of all kinds together; none without any.
    pub(crate) fn latencies(&self) -> Latencies {
        quantiles(&self.latencies)
    }

    /// Of one kind.
    pub(crate) fn latencies_of(&self, kind: Kind) -> Latencies {
        match self.others.get(&kind) {
            Some(latencies) => quantiles(latencies),
            None if kind != Kind::Plain => Latencies::default(),
            None => {
                let mut plain = self.latencies.clone();
                for other in self.others.values() {
                    plain.subtract(other).expect("what was counted of a kind was counted of all, in the same bounds");
                }
                quantiles(&plain)
            }
        }
    }
}

fn quantiles(latencies: &Histogram<u64>) -> Latencies {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| quantile_ms(latencies, quantile));
    Latencies { p50, p99, p999 }
}

/// The latency, in ms, that `quantile` (0 to 1) of all do not exceed.
fn quantile_ms(latencies: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (!latencies.is_empty()).then(|| latencies.value_at_quantile(quantile) as f64 / 1e6)
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
        assert_eq!((tally.per_second(), tally.latencies().p50), (None, None));
        assert_eq!(tally.failures().collect::<Vec<_>>(), [("no answer", 1)]);
    }

    #[test]
    fn rates_and_quantiles_follow_from_what_was_counted() {
        let mut tally = Tally::default();
        (1..=1_000).for_each(|micros| tally.answered(Kind::Plain, Duration::from_micros(micros)));
        tally.span = Duration::from_millis(500);
        assert_eq!(tally.per_second(), Some(2_000.0));
        let p99 = tally.latencies().p99.unwrap();
        assert!((p99 - 0.99).abs() < 0.001, "{p99}");
    }

    #[test]
    fn each_kind_has_latencies_of_its_own() {
        let mut tally = Tally::default();
        for (kind, millis) in [(Kind::Plain, 1), (Kind::Plain, 1), (Kind::Disk, 9)] {
            tally.answered(kind, Duration::from_millis(millis));
        }
        let p99 = |kind| tally.latencies_of(kind).p99.map(f64::round);
        assert_eq!([Kind::Plain, Kind::Disk, Kind::Database].map(p99), [Some(1.0), Some(9.0), None]);
        assert_eq!((tally.answers(), tally.latencies().p99.map(f64::round)), (3, Some(9.0)));
    }
}
