//! `info`: the figures that the console shows, and what any monitor may want as JSON.

use serde_json::{Value, json};

use crate::counters::{Counter, disconnects};
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
    let cores: Vec<Value> = (0..crore_rt::cores()).map(|core| of_core(shard, core)).collect();
    json!({
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
    })
}

fn of_core(shard: &Shard, core: usize) -> Value {
    let of = |counter: Counter| shard.node.counters.of(core, counter as usize);
    let awake = shard.node.started.elapsed().as_secs_f64();
    let slept = crore_rt::stats(Some(core)).slept_nanos as f64 / 1e9;
    json!({
        "core": core,
        "connections": of(Counter::Connections),
        "deliveries_total": of(Counter::Deliveries),
        "busy_seconds": (awake - slept).max(0.0),
    })
}
