//! How a run went over time: a sample now and then, never more than a plot can show.

use crore_base::time::Duration;

use crate::limits::{PLOT_POINTS_MAX, SAMPLE_STEP};
use crate::wire::Progress;

/// One moment of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Seconds since the run began.
    pub(crate) at_s: f64,
    /// All lanes together.
    pub(crate) progress: Progress,
}

/// Samples in order. When they become too many every second one goes, and from then on half as many are taken.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    samples: Vec<Sample>,
    step: Duration,
    next: Duration,
}

impl Default for Series {
    fn default() -> Series {
        Series { samples: Vec::new(), step: SAMPLE_STEP, next: Duration::ZERO }
    }
}

impl Series {
    /// Whether it is time for another sample.
    pub(crate) fn wants(&self, at: Duration) -> bool {
        at >= self.next
    }

    pub(crate) fn push(&mut self, sample: Sample) {
        if self.samples.len() == PLOT_POINTS_MAX {
            let mut nth = 0;
            self.samples.retain(|_| {
                nth += 1;
                nth % 2 == 1
            });
            self.step = self.step * 2;
        }
        self.samples.push(sample);
        // Counted from now: after a pause there are no samples to catch up with.
        self.next = Duration::from_nanos((sample.at_s * 1e9) as u64) + self.step;
    }

    /// One value of all samples: (seconds, value).
    pub(crate) fn values(&self, value: fn(&Progress) -> u64) -> Vec<(f64, f64)> {
        self.samples.iter().map(|sample| (sample.at_s, value(&sample.progress) as f64)).collect()
    }

    /// How fast one value grew between neighbouring samples: (seconds, per second).
    pub(crate) fn rates(&self, value: fn(&Progress) -> u64) -> Vec<(f64, f64)> {
        let values = self.values(value);
        let rate = |pair: &[(f64, f64)]| (pair[1].0, (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0).max(1e-3));
        values.windows(2).map(rate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_thinned_out_evenly() {
        let mut series = Series::default();
        let mut at = Duration::ZERO;
        while at < Duration::from_secs(3 * 3_600) {
            if series.wants(at) {
                let progress = Progress { delivered: at.as_millis(), ..Progress::default() };
                series.push(Sample { at_s: at.as_secs_f64(), progress });
            }
            at += SAMPLE_STEP;
        }
        let rates = series.rates(|progress| progress.delivered);
        assert!((PLOT_POINTS_MAX / 2..=PLOT_POINTS_MAX).contains(&rates.len()), "{} points", rates.len());
        assert!(rates.iter().all(|(_, rate)| (rate - 1_000.0).abs() < 1e-6), "a constant rate stays constant");
    }
}
