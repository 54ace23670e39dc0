//! What a run comes to: the JSON object, which is an interface, and the words for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::meter::{Both, Memory};
use crate::latency::{Buckets, Latencies};
use crate::outcome::{Spread, grouped};
use crate::series::Series;
use crate::wire::Failures;

/// What a run comes to. Serializes to the object of `--json`; what was not measured is null.
#[derive(Clone, Debug, Default, Serialize)]
pub struct C10mOutcome {
    /// Clients that were connected and subscribed.
    pub connections: u64,
    /// Everything that went wrong with a connection or a request.
    pub failed: u64,
    /// Of `failed`, how often which.
    #[serde(serialize_with = "by_reason")]
    pub failures: Failures,
    /// Clients that answered rightly in a round trip.
    pub verified: u64,
    /// From the first connect to the last client that was subscribed.
    pub connect_seconds: f64,
    /// Clients by that time.
    pub connects_per_second: f64,
    /// How long each thousand took, one after the other.
    pub ms_per_1000_connects: Spread,
    /// The gateway's memory at its peak over all phases, resident and huge pages, by client.
    pub server_bytes_per_connection: f64,
    /// The swarm's.
    pub client_bytes_per_connection: f64,
    /// Copies of the broadcast that arrived, each checked.
    pub broadcast_deliveries: u64,
    /// From the call that published it to the last delivery.
    pub broadcast_seconds: f64,
    /// From that call to each delivery.
    pub broadcast_latency_ms: Spread,
    /// Deliveries a second in the steady phase.
    pub steady_pushes_per_second: f64,
    /// From the moment at which a publication was due to each delivery.
    pub steady_latency_ms: Spread,
    /// Requests answered a second in the steady phase.
    pub requests_per_second: f64,
    /// From the moment at which a request was due to its answer.
    pub request_latency_ms: Spread,
    /// Clients that vanished and came back.
    pub reconnected: u64,
    /// How long it took until all were back.
    pub reconnect_seconds: f64,
    /// Publications that those got with their recovery.
    pub recovered: u64,
    /// Publications that clients should have got and did not.
    pub lost: u64,
    /// Publications that a client got again.
    pub duplicated: u64,
    /// Publications that came after a later one.
    pub reordered: u64,
    /// Processor time of both processes, by phase.
    pub cpu_seconds: BTreeMap<&'static str, Both<f64>>,
    /// How long each phase took.
    pub phase_seconds: BTreeMap<&'static str, f64>,
    /// Memory of both processes at their peaks, resident and huge pages, together.
    pub max_rss_bytes: u64,
    /// What carried the connections.
    pub wire: String,
    /// Processor, their number, and memory.
    pub machine: String,
    /// Its release.
    pub kernel: String,
    /// From which this program was built, as [`C10mOptions`](super::C10mOptions) says.
    pub commit: String,
    /// The channel of all, and how groups are called.
    pub channels: Channels,
    /// The gateway's settings, and what was asked for.
    pub settings: BTreeMap<&'static str, String>,
    /// What was not as it must be; empty: all is well.
    pub broken: Vec<String>,
    #[serde(skip)]
    pub(super) latencies: [Latencies; 3],
    #[serde(skip)]
    pub(super) series: Series,
    #[serde(skip)]
    pub(super) memory: Memory,
}

/// The channels of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Channels {
    /// Every client is subscribed to it.
    pub all: String,
    /// How many groups there are: `g0`, `g1`, …
    pub groups: u32,
    /// Clients of a group.
    pub members: u32,
}

fn by_reason<S: serde::Serializer>(failures: &Failures, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(failures.iter())
}

/// Which latencies are kept, and what they are called.
pub(super) const DISTRIBUTIONS: [&str; 3] = ["broadcast", "steady phase, pushes", "steady phase, requests"];

impl C10mOutcome {
    /// Whether every oracle was content.
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    /// The outcome as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers, options and maps of text always have a JSON form")
    }

    /// What was found to be wrong.
    pub(super) fn object(&mut self, what: String) {
        self.broken.push(what);
    }

    /// How connecting went: `thousands_ns` are the moments of each thousandth client, and of the last.
    pub(super) fn set_connects(&mut self, clients: u64, thousands_ns: &[u64]) {
        self.connections = clients;
        let Some(&last) = thousands_ns.last() else { return };
        self.connect_seconds = last as f64 / 1e9;
        self.connects_per_second = clients as f64 / self.connect_seconds.max(1e-9);
        let whole = usize::try_from(clients / 1_000).unwrap_or(usize::MAX).min(thousands_ns.len());
        let before = std::iter::once(0).chain(thousands_ns.iter().copied());
        let mut spans: Vec<f64> =
            thousands_ns[..whole].iter().zip(before).map(|(at, from)| (at - from) as f64 / 1e6).collect();
        if spans.is_empty() {
            // Fewer than a thousand: as long as a thousand would take at this pace.
            spans.push(last as f64 / 1e6 * 1_000.0 / clients.max(1) as f64);
        }
        spans.sort_by(f64::total_cmp);
        let at = |percent: usize| Some(spans[(spans.len() * percent).div_ceil(100).max(1) - 1]);
        self.ms_per_1000_connects = Spread { p50: at(50), p99: at(99), max: spans.last().copied() };
    }

    /// Keeps a distribution, and gives its quantiles.
    pub(super) fn distribution(&mut self, which: usize, buckets: &Buckets) -> Spread {
        let latencies = &mut self.latencies[which];
        latencies.merge(buckets);
        let quantile = |quantile| latencies.quantile_ms(quantile);
        Spread { p50: quantile(0.5), p99: quantile(0.99), max: latencies.max_ms() }
    }

    /// What the processes took at their peak.
    pub(super) fn set_memory(&mut self, memory: Memory, clients: u64) {
        let peak = memory.peak();
        self.server_bytes_per_connection = peak.server as f64 / clients.max(1) as f64;
        self.client_bytes_per_connection = peak.client as f64 / clients.max(1) as f64;
        self.max_rss_bytes = peak.server + peak.client;
        self.memory = memory;
    }

    /// The outcome for people, some lines.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        for (name, value) in self.rows() {
            let _ = writeln!(text, "{name:>16}  {value}");
        }
        for broken in &self.broken {
            let _ = writeln!(text, "{:>16}  {broken}", "BROKEN");
        }
        text
    }

    /// Names and values, as the summary and the report show them.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let at = |count: u64, rate: f64| format!("{} at {}/s", grouped(count), grouped(rate as u64));
        let mut rows = vec![
            (
                "connections",
                format!("{} in {:.1} s", at(self.connections, self.connects_per_second), self.connect_seconds),
            ),
            ("ms per 1,000", spread(self.ms_per_1000_connects)),
            ("verified", grouped(self.verified)),
            ("gateway memory", format!("{:.0} bytes a connection", self.server_bytes_per_connection)),
            ("swarm memory", format!("{:.0} bytes a connection", self.client_bytes_per_connection)),
            ("broadcast", format!("{} in {:.2} s", grouped(self.broadcast_deliveries), self.broadcast_seconds)),
            ("broadcast ms", spread(self.broadcast_latency_ms)),
            ("steady pushes", format!("{}/s", grouped(self.steady_pushes_per_second as u64))),
            ("steady ms", spread(self.steady_latency_ms)),
            ("requests", format!("{}/s", grouped(self.requests_per_second as u64))),
            ("request ms", spread(self.request_latency_ms)),
            ("came back", format!("{} in {:.1} s", grouped(self.reconnected), self.reconnect_seconds)),
        ];
        let Self { recovered, lost, duplicated, reordered, .. } = self;
        let checked =
            format!("{} recovered, {lost} lost, {duplicated} duplicated, {reordered} reordered", grouped(*recovered));
        rows.push(("checked", checked));
        let cpu = |(phase, both): (&&'static str, &Both<f64>)| format!("{phase} {:.1}+{:.1}", both.server, both.client);
        rows.push(("CPU seconds", self.cpu_seconds.iter().map(cpu).collect::<Vec<_>>().join(", ")));
        rows.extend(self.failures.iter().map(|(reason, count)| ("failed", format!("{} {reason}", grouped(count)))));
        rows
    }
}

fn spread(spread: Spread) -> String {
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    format!("p50 {}, p99 {}, max {}", ms(spread.p50), ms(spread.p99), ms(spread.max))
}

/// What this machine is: processor, number of processors, memory.
pub(super) fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kilobytes = crate::server::kilobytes(&read("/proc/meminfo"), "MemTotal:");
    format!("{processor}, {count} processors, {:.1} GiB", kilobytes as f64 / f64::from(1 << 20))
}

/// The kernel's release.
pub(super) fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thousand_counts_from_the_one_before() {
        let mut outcome = C10mOutcome::default();
        outcome.set_connects(2_500, &[1_000_000, 4_000_000, 5_000_000]);
        assert_eq!((outcome.connect_seconds, outcome.connects_per_second), (0.005, 500_000.0));
        assert_eq!(outcome.ms_per_1000_connects, Spread { p50: Some(1.0), p99: Some(3.0), max: Some(3.0) });
        outcome.set_connects(100, &[2_000_000]);
        assert_eq!(outcome.ms_per_1000_connects.p50, Some(20.0), "a pace, for fewer than a thousand");
    }

    #[test]
    fn the_fields_of_the_object_are_an_interface() {
        let mut outcome = C10mOutcome::default();
        outcome.cpu_seconds.insert("connect", Both { server: 1.0, client: 2.0 });
        let object: serde_json::Value = serde_json::from_str(&outcome.to_json()).unwrap();
        for field in [
            "connections",
            "failed",
            "verified",
            "connect_seconds",
            "connects_per_second",
            "ms_per_1000_connects",
            "server_bytes_per_connection",
            "client_bytes_per_connection",
            "broadcast_deliveries",
            "broadcast_seconds",
            "broadcast_latency_ms",
            "steady_pushes_per_second",
            "steady_latency_ms",
            "requests_per_second",
            "request_latency_ms",
            "recovered",
            "lost",
            "duplicated",
            "cpu_seconds",
            "max_rss_bytes",
            "wire",
            "machine",
            "kernel",
            "commit",
        ] {
            assert!(object.get(field).is_some(), "{field}");
        }
        assert_eq!(object["cpu_seconds"]["connect"]["client"], 2.0);
        assert!(object["broadcast_latency_ms"]["p99"].is_null());
        assert!(!outcome.to_json().contains('\n'));
    }

    #[test]
    fn what_is_broken_is_said() {
        let mut outcome = C10mOutcome::default();
        assert!(outcome.is_clean());
        outcome.object("broadcast: 3 publications did not arrive".to_owned());
        assert!(!outcome.is_clean() && outcome.summary().contains("BROKEN  broadcast: 3"));
    }

    #[test]
    fn the_machine_has_a_name_and_memory() {
        assert!(machine().contains("processors") && machine().contains("GiB"));
        assert!(!kernel().is_empty());
    }
}
