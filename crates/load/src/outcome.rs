//! What a run comes to: the JSON object, which is an interface, and the words for people.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use crate::latency::Latencies;
use crate::series::Series;
use crate::wire::Failures;

/// What a run comes to. Serializes to the object of `--json`; latencies without any sample are null.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Connections that got ready.
    pub connections: u64,
    /// What went wrong, by reason: connections that failed or ended early, and requests that were refused.
    #[serde(serialize_with = "failures_by_reason")]
    pub failed: Failures,
    /// From the start of the ramp to the last that got ready.
    pub connects_per_second: f64,
    /// How long a thousand connections took to get ready, each thousand for itself.
    pub ms_per_1000_connects: Spread,
    /// Publications that reached connections, duplicates not counted.
    pub delivered: u64,
    /// Publications that connections should have got and did not.
    pub lost: u64,
    /// Publications that reached a connection again.
    pub duplicated: u64,
    /// Publications that came after a later one.
    pub reordered: u64,
    /// Deliveries between the beginning of the publishing and the last delivery.
    pub deliveries_per_second: f64,
    /// From the scheduled moment of a publication (or request) to its arrival (or answer).
    pub latency_ms: Quantiles,
    /// Answers a second: of the load, or of the API to the publisher.
    pub requests_per_second: f64,
    /// Growth of the server's resident memory and huge pages for each connection, when its process is known.
    pub server_bytes_per_connection: Option<f64>,
    /// Processor time that the server took from before the ramp to the end, when its process is known.
    pub server_cpu_seconds: Option<f64>,
    #[serde(skip)]
    pub(crate) requests: u64,
    #[serde(skip)]
    pub(crate) is_request_load: bool,
    #[serde(skip)]
    pub(crate) target: String,
    #[serde(skip)]
    pub(crate) latencies: Latencies,
    #[serde(skip)]
    pub(crate) series: Series,
}

/// Of several thousands of connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub p50: Option<f64>,
    /// 99 of 100 are not above.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// Of latencies, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: Option<f64>,
    /// 99 of 100 are not above.
    pub p99: Option<f64>,
    /// 999 of 1,000 are not above.
    pub p999: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Quantiles {
    pub(crate) fn of(latencies: &Latencies) -> Quantiles {
        Quantiles {
            p50: latencies.quantile_ms(0.5),
            p99: latencies.quantile_ms(0.99),
            p999: latencies.quantile_ms(0.999),
            max: latencies.max_ms(),
        }
    }
}

fn failures_by_reason<S: Serializer>(failures: &Failures, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(failures.iter())
}

impl Outcome {
    /// Nothing was lost, duplicated or reordered, and nothing failed.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.reordered == 0 && self.failed.total() == 0
    }

    /// The outcome as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers, options and maps of text always have a JSON form")
    }

    /// Begins with how connecting went: when each connection got ready, ns after the start, ascending.
    pub(crate) fn of_ramp(ready_ns: &[u64]) -> Outcome {
        let mut outcome = Outcome { connections: ready_ns.len() as u64, ..Outcome::default() };
        let Some(&last) = ready_ns.last() else {
            return outcome;
        };
        outcome.connects_per_second = ready_ns.len() as f64 / (last.max(1) as f64 / 1e9);
        let mut thousands: Vec<f64> = (1_000..=ready_ns.len())
            .step_by(1_000)
            .map(|end| (ready_ns[end - 1] - end.checked_sub(1_001).map_or(0, |before| ready_ns[before])) as f64 / 1e6)
            .collect();
        if thousands.is_empty() {
            // Fewer than a thousand: as long as a thousand would take at this pace.
            thousands.push(last as f64 / 1e6 * 1_000.0 / ready_ns.len() as f64);
        }
        thousands.sort_by(f64::total_cmp);
        let at = |percent: usize| Some(thousands[((thousands.len() * percent).div_ceil(100)).max(1) - 1]);
        outcome.ms_per_1000_connects = Spread { p50: at(50), p99: at(99), max: thousands.last().copied() };
        outcome
    }

    pub(crate) fn set_latencies(&mut self, latencies: &Latencies) {
        self.latency_ms = Quantiles::of(latencies);
        self.latencies = latencies.clone();
    }

    /// The outcome for people, some lines.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.rows() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:>14}  {value}");
        }
        text
    }

    /// Names and values, as the summary and the report show them.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let Spread { p50, p99, max } = self.ms_per_1000_connects;
        let connects = format!("p50 {}, p99 {}, max {}", ms(p50), ms(p99), ms(max));
        let mut rows =
            vec![("connections", at_rate(self.connections, self.connects_per_second)), ("ms per 1,000", connects)];
        self.push_work(&mut rows);
        if let Some(bytes) = self.server_bytes_per_connection {
            rows.push(("server memory", format!("{bytes:.0} bytes a connection")));
        }
        if let Some(seconds) = self.server_cpu_seconds {
            rows.push(("server CPU", format!("{seconds:.2} s")));
        }
        let failed = |(reason, count)| ("failed", format!("{} {reason}", grouped(count)));
        rows.extend(self.failed.iter().map(failed));
        rows
    }

    fn push_work(&self, rows: &mut Vec<(&'static str, String)>) {
        if !self.is_request_load {
            let Outcome { lost, duplicated, reordered, .. } = self;
            rows.push(("delivered", at_rate(self.delivered, self.deliveries_per_second)));
            let checked = format!("{lost} lost, {duplicated} duplicated, {reordered} reordered");
            rows.push(("checked", checked));
        }
        if self.requests > 0 {
            rows.push(("requests", at_rate(self.requests, self.requests_per_second)));
        }
        let Quantiles { p50, p99, p999, max } = self.latency_ms;
        if p50.is_some() {
            let [p50, p99, p999, max] = [p50, p99, p999, max].map(ms);
            let text = format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}");
            rows.push(("latency ms", text));
        }
    }
}

fn ms(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

fn at_rate(count: u64, per_second: f64) -> String {
    format!("{} at {per_second:.0}/s", grouped(count))
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
