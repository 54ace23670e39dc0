//! `/metrics` in the OpenMetrics text format: the counters of all cores, merged as they are read.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode as encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::counters::{Counter, disconnects};
use crate::latency;
use crate::process;
use crate::protocol::Disconnect;
use crate::shard::Shard;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of this moment.
#[derive(Debug)]
struct Snapshot {
    gauges: Vec<(&'static str, &'static str, f64)>,
    counters: Vec<(&'static str, &'static str, u64)>,
    disconnects: Vec<(String, u64)>,
    accept_pauses: [(&'static str, u64); 2],
    network: Vec<(&'static str, u64)>,
    tls: Vec<(&'static str, u64)>,
    driver: &'static str,
    busy: Vec<f64>,
    latencies: Vec<u64>,
}

/// The text of all metrics.
pub(super) fn encode(shard: &Shard) -> String {
    let mut registry = Registry::with_prefix("crore");
    registry.register_collector(Box::new(Snapshot::take(shard)));
    let mut text = String::new();
    encode_registry(&mut text, &registry).expect("a String takes every text");
    text
}

impl Snapshot {
    fn take(shard: &Shard) -> Snapshot {
        let counters = &shard.node.counters;
        let sum = |counter: Counter| counters.sum(counter as usize);
        let runtime = crore_rt::stats(None);
        let uptime = shard.node.started.elapsed();
        let gauge = |counter| sum(counter) as f64;
        let reasons = Disconnect::ALL.into_iter().map(Some).chain([None]);
        let label = |reason: Option<Disconnect>| reason.map_or_else(|| "client".to_owned(), Disconnect::label);
        let busy = |core| {
            let slept = crore_rt::stats(Some(core)).slept_nanos as f64 / 1e9;
            (uptime.as_secs_f64() - slept).max(0.0)
        };
        Snapshot {
            gauges: vec![
                ("connections", "Clients connected", gauge(Counter::Connections)),
                ("subscriptions", "Subscriptions of all clients", gauge(Counter::Subscriptions)),
                ("channels", "Channels known to their home core", gauge(Counter::Channels)),
                ("users", "Users with a token who are connected, counted on each core", gauge(Counter::Users)),
                ("sockets", "Connections of any kind, those without a client included", runtime.connections as f64),
                ("tasks", "Tasks alive", runtime.tasks as f64),
                ("history_publications", "Publications kept in history", gauge(Counter::HistoryPublications)),
                ("history_bytes", "Bytes of publications kept in history", gauge(Counter::HistoryBytes)),
                ("walk_backlog", "Publications waiting for delivery", gauge(Counter::WalkBacklog)),
                ("memory_bytes", "Resident memory and huge pages of the process", process::memory_bytes() as f64),
                ("uptime_seconds", "Seconds since the start", uptime.as_secs_f64()),
                ("draining", "1 while the server is about to stop", f64::from(u8::from(shard.node.is_draining()))),
            ],
            counters: vec![
                ("connects", "Clients that came", sum(Counter::Connects)),
                ("messages_received", "Messages of clients", sum(Counter::Messages)),
                ("publications", "Publications", sum(Counter::Publications)),
                ("deliveries", "Publications given to subscribers", sum(Counter::Deliveries)),
                (
                    "deliveries_skipped",
                    "Subscribers passed because they had the publication already",
                    sum(Counter::Skipped),
                ),
                ("recoveries", "Subscriptions that got all they had missed", sum(Counter::Recovered)),
                ("recoveries_failed", "Subscriptions that were told of a gap", sum(Counter::Unrecovered)),
                ("commands_refused", "Commands that the hub refused", sum(Counter::Refused)),
                ("pings", "Pings sent", sum(Counter::PingsSent)),
                ("http_requests", "Requests served over HTTP", sum(Counter::HttpRequests)),
                ("bytes_received", "Bytes received", runtime.bytes_received),
                ("bytes_sent", "Bytes sent", runtime.bytes_sent),
                ("writes", "Writes to connections", runtime.writes),
                ("accepted", "Connections accepted", runtime.accepted),
                ("accepts_shed", "Waiting connections refused while descriptors had run out", runtime.accept_shed),
                (
                    "selector_rebuilds",
                    "Times a core built its selector anew, after many wake-ups without anything to do",
                    runtime.selector_rebuilds,
                ),
                ("task_panics", "Tasks that ended by a panic", runtime.task_panics),
                ("stalls", "Polls that held their core longer than stall_after", runtime.stalls),
            ],
            disconnects: reasons.map(|reason| (label(reason), counters.sum(disconnects(reason)))).collect(),
            accept_pauses: [("emfile", runtime.accept_paused_descriptors), ("full", runtime.accept_paused_full)],
            network: crore_rt::network_stats(),
            tls: crore_rt::tls_stats(),
            driver: crore_rt::driver_name(),
            busy: (0..crore_rt::cores()).map(busy).collect(),
            latencies: latency::read(&shard.node.latencies),
        }
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for &(name, help, value) in &self.gauges {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for &(name, help, value) in &self.counters {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let family = encoder.encode_descriptor("disconnects", "Clients that went", None, MetricType::Counter)?;
        labelled(family, "reason", self.disconnects.iter().map(|(reason, count)| (reason.as_str(), *count)))?;
        let help = "Times a listener rested";
        let family = encoder.encode_descriptor("accept_paused", help, None, MetricType::Counter)?;
        labelled(family, "reason", self.accept_pauses.iter().copied())?;
        let help =
            "What our own TCP/IP has counted: frames, and why they were dropped; handshakes, retransmissions, closes";
        let family = encoder.encode_descriptor("network", help, None, MetricType::Counter)?;
        labelled(family, "event", self.network.iter().copied())?;
        let help = "TLS: handshakes, of them those resumed, and why sessions failed";
        let family = encoder.encode_descriptor("tls", help, None, MetricType::Counter)?;
        labelled(family, "event", self.tls.iter().copied())?;
        let help = "Seconds that a core was not asleep";
        let mut family = encoder.encode_descriptor("core_busy_seconds", help, None, MetricType::Counter)?;
        for (core, &seconds) in self.busy.iter().enumerate() {
            let label = [("core", core.to_string())];
            ConstCounter::new(seconds).encode(family.encode_family(&label)?)?;
        }
        encode_latencies(&self.latencies, &mut encoder)?;
        let family = encoder.encode_descriptor("driver_info", "The I/O model", None, MetricType::Gauge)?;
        let mut family = family;
        ConstGauge::new(1_u64).encode(family.encode_family(&[("driver", self.driver)])?)
    }
}

/// As a histogram with a bucket for each factor of two.
fn encode_latencies(latencies: &[u64], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let seconds = |bucket| latency::bound_micros(bucket) as f64 / 1e6;
    let octaves = latencies.chunks(4).enumerate();
    let mut buckets: Vec<(f64, u64)> =
        octaves.map(|(octave, counts)| (seconds(octave * 4 + counts.len() - 1), counts.iter().sum())).collect();
    // The last holds whatever took longer; it has no bound.
    if let Some(last) = buckets.last_mut() {
        last.0 = f64::INFINITY;
    }
    let sum = latencies.iter().enumerate().map(|(bucket, &count)| seconds(bucket) * count as f64).sum();
    let help = "From a publication's acceptance until it was written, each subscriber counted";
    let mut metric = encoder.encode_descriptor("delivery_latency_seconds", help, None, MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(sum, latencies.iter().sum(), &buckets, None)
}

fn labelled<'a>(
    mut family: MetricEncoder<'_>,
    label: &str,
    values: impl Iterator<Item = (&'a str, u64)>,
) -> Result<(), fmt::Error> {
    for (value, count) in values {
        ConstCounter::new(count).encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}
