//! What one repetition found of one model, and how several become a row.

use std::collections::BTreeMap;

use super::limits::FAILURE_KINDS_MAX;
use crate::client::tally::Tally;
use crate::options::Load;
use crate::outcome::{Latencies, Row, Spread};

/// One repetition.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    pub(super) requests_per_second: Option<f64>,
    pub(super) cpu_seconds_per_million: Option<f64>,
    pub(super) latency_ms: Latencies,
    pub(super) context_switches_per_request: Option<f64>,
    pub(super) user_bytes_per_connection: Option<f64>,
    pub(super) kernel_bytes_per_connection: Option<f64>,
    pub(super) held: Option<u64>,
    pub(super) stopped_by: Option<String>,
    pub(super) idle_cpu_percent: Option<f64>,
    pub(super) ms_of_each_thousand: Vec<f64>,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) notes: Vec<String>,
}

impl Trial {
    /// A model that could not be measured, which is a fault of the model.
    pub(super) fn fail(&mut self, reason: impl Into<String>) {
        *self.failures.entry(reason.into()).or_default() += 1;
    }

    /// What failed in a pass.
    pub(super) fn add_failures(&mut self, tally: &Tally) {
        for (reason, times) in tally.failures() {
            *self.failures.entry(reason.to_owned()).or_default() += times;
        }
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Of an open loop.
    pub(super) fn set_latencies(&mut self, tally: &Tally) {
        self.latency_ms = tally.latencies();
    }
}

/// The row of several repetitions: medians, and between what they lie. `syscalls` are a figure or why there is none.
pub(super) fn row(model: &str, load: Load, trials: &[Trial], syscalls: Result<f64, String>) -> Row {
    assert!(!trials.is_empty(), "a model that was not refused was measured");
    let median_of = |value: fn(&Trial) -> Option<f64>| median(trials.iter().filter_map(value).collect());
    let latency = Latencies {
        p50: median_of(|trial| trial.latency_ms.p50),
        p99: median_of(|trial| trial.latency_ms.p99),
        p999: median_of(|trial| trial.latency_ms.p999),
    };
    let (syscalls_per_request, why) = match syscalls {
        Ok(count) => (Some(count), None),
        Err(why) => (None, Some(why)),
    };
    let most = trials.iter().max_by_key(|trial| trial.held);
    let mut notes: Vec<String> = Vec::new();
    for note in trials.iter().flat_map(|trial| &trial.notes).chain(&why).chain(&failures(trials)) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    Row {
        model: model.to_owned(),
        load: load.name().to_owned(),
        requests_per_second: median_of(|trial| trial.requests_per_second),
        cpu_seconds_per_million: median_of(|trial| trial.cpu_seconds_per_million),
        latency_ms: latency,
        context_switches_per_request: median_of(|trial| trial.context_switches_per_request),
        syscalls_per_request,
        user_bytes_per_connection: median_of(|trial| trial.user_bytes_per_connection),
        kernel_bytes_per_connection: median_of(|trial| trial.kernel_bytes_per_connection),
        max_connections: most.and_then(|trial| trial.held),
        errors: trials.iter().flat_map(|trial| trial.failures.values()).sum(),
        reason: None,
        stopped_by: most.and_then(|trial| trial.stopped_by.clone()),
        idle_cpu_percent: median_of(|trial| trial.idle_cpu_percent),
        ms_of_each_thousand: trials.first().map(|trial| trial.ms_of_each_thousand.clone()).unwrap_or_default(),
        repetitions: trials.len() as u64,
        spread: Spread {
            requests_per_second: range(trials.iter().filter_map(|trial| trial.requests_per_second)),
            cpu_seconds_per_million: range(trials.iter().filter_map(|trial| trial.cpu_seconds_per_million)),
            p99_ms: range(trials.iter().filter_map(|trial| trial.latency_ms.p99)),
        },
        notes,
        full: None,
    }
}

/// What failed most, in words.
fn failures(trials: &[Trial]) -> Vec<String> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, times) in trials.iter().flat_map(|trial| &trial.failures) {
        *sums.entry(reason).or_default() += times;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    sums.iter().take(FAILURE_KINDS_MAX).map(|(reason, times)| format!("{times} times: {reason}")).collect()
}

/// The value in the middle, or the mean of the two; none of none.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count.is_multiple_of(2) => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

/// The least and the most.
fn range(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.fold(None, |range, value| match range {
        None => Some([value, value]),
        Some([least, most]) => Some([least.min(value), most.max(value)]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(rate: f64, held: u64) -> Trial {
        Trial { requests_per_second: Some(rate), held: Some(held), ..Trial::default() }
    }

    #[test]
    fn a_row_has_the_median_the_range_and_the_most_connections() {
        let mut trials = [trial(10.0, 5), trial(30.0, 7), trial(20.0, 6)];
        trials[1].stopped_by = Some("refused".to_owned());
        trials[2].fail("wrong bytes");
        trials[2].fail("wrong bytes");
        let row = row("m", Load::Echo, &trials, Err("no strace".to_owned()));
        assert_eq!((row.requests_per_second, row.spread.requests_per_second), (Some(20.0), Some([10.0, 30.0])));
        assert_eq!((row.max_connections, row.stopped_by.as_deref()), (Some(7), Some("refused")));
        assert_eq!((row.errors, row.syscalls_per_request, row.reason), (2, None, None));
        assert_eq!(row.notes, ["no strace", "2 times: wrong bytes"]);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!((median(vec![]), range([].into_iter())), (None, None));
    }
}
