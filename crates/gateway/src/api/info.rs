//! `info`: the figures that the console shows, and what any monitor may want as JSON.

use crore_rt::time;
use serde_json::{Value, json};

use crate::counters::{Counter, disconnects};
use crate::latency::{self, Reading};
use crate::process;
use crate::protocol::Disconnect;
use crate::shard::Shard;

/// This node, as an entry of `nodes`.
pub(super) fn node(shard: &Shard) -> Value {
    let node = &shard.node;
    let sum = |counter: Counter| node.counters.sum(counter as usize);
    json!({
        "uid": node.uid,
        "name": "crore",
        "version": env!("CARGO_PKG_VERSION"),
        "num_clients": sum(Counter::Connections),
        "num_users": sum(Counter::Users),
        "num_channels": sum(Counter::Channels),
        "num_subs": sum(Counter::Subscriptions),
        "uptime": node.started.elapsed().as_secs(),
        "process": { "cpu": process::cpu_seconds(), "rss": process::memory_bytes() },
        "metrics": metrics(shard),
    })
}

fn metrics(shard: &Shard) -> Value {
    let counters = &shard.node.counters;
    let sum = |counter: Counter| counters.sum(counter as usize);
    let runtime = crore_rt::stats(None);
    let went = Disconnect::ALL.into_iter().map(Some).chain([None]);
    let slept = |core| crore_rt::stats(Some(core)).slept_nanos;
    let now = Reading {
        at: time::precise_now(),
        deliveries: latency::read(&shard.node.latencies),
        slept: (0..crore_rt::cores()).map(slept).collect(),
    };
    let before = shard.readings.borrow_mut().since(now.clone());
    let cores: Vec<Value> = (0..crore_rt::cores()).map(|core| of_core(shard, core, &before, &now)).collect();
    let mut metrics = json!({
        "connects_total": sum(Counter::Connects),
        "disconnects_total": went.map(|reason| counters.sum(disconnects(reason))).sum::<u64>(),
        "slow_total": counters.sum(disconnects(Some(Disconnect::Slow))),
        "messages_received_total": sum(Counter::Messages),
        "publications_total": sum(Counter::Publications),
        "deliveries_total": sum(Counter::Deliveries),
        "http_requests_total": sum(Counter::HttpRequests),
        "bytes_received_total": runtime.bytes_received,
        "bytes_sent_total": runtime.bytes_sent,
        "history_bytes": sum(Counter::HistoryBytes),
        "task_panics_total": runtime.task_panics,
        "playground": shard.config.playground,
        "driver": crore_rt::driver_name(),
        "workers": crore_rt::cores(),
        "cores": cores,
    });
    if let Some([p50, p99, max]) = latency::quantiles(&before, &now) {
        metrics["latency_us"] = json!({ "p50": p50, "p99": p99, "max": max });
    }
    metrics
}

fn of_core(shard: &Shard, core: usize, before: &Reading, now: &Reading) -> Value {
    let of = |counter: Counter| shard.node.counters.of(core, counter as usize);
    let span = now.at.saturating_since(before.at).as_nanos().max(1) as f64;
    let slept = now.slept[core].saturating_sub(before.slept[core]) as f64;
    json!({
        "core": core,
        "connections": of(Counter::Connections),
        "deliveries_total": of(Counter::Deliveries),
        "busy": (1.0 - slept / span).clamp(0.0, 1.0),
    })
}
