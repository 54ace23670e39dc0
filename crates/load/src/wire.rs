//! What the coordinator and its lanes tell each other. A lane in another process reads and writes it as JSON lines.
//!
//! | coordinator says | lane answers, when it is so |
//! |---|---|
//! | [`Plan`] | [`Event::Ready`] |
//! | [`Order::Ramp`] | [`Event::Ramped`]: every connection stands or has failed |
//! | [`Order::Hold`] | [`Event::Held`]: the time is over, and all that was published was answered |
//! | [`Order::Drain`] | [`Event::Done`]: all have caught up, or waiting is of no use any more |
//! | [`Order::Close`] | the lane's end |
//!
//! Between and right before these answers lanes send [`Event::Progress`], and at any time [`Event::Broken`] when they cannot go on.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crore_base::time::Duration;
use serde::{Deserialize, Serialize};

use crate::latency::Buckets;
use crate::limits::{REASON_BYTES_MAX, REASONS_MAX};
use crate::network::NetworkPlan;
use crate::stamp::Stamp;
use crate::target::Target;
use crate::trust::Trust;

/// Everything a lane needs to know beforehand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Which lane it is, counted from 0, ...
    pub(crate) lane: u32,
    /// ... of how many.
    pub(crate) lanes: u32,
    pub(crate) target: Target,
    pub(crate) channel: String,
    /// Connections of this lane.
    pub(crate) connections: u64,
    /// Connects a second, of all lanes together.
    pub(crate) connect_rate: u64,
    /// Requests a second, of all lanes together; none: each connection as fast as it is answered.
    pub(crate) request_rate: Option<u64>,
    /// Addresses to connect from, taken in turn; empty: the system's choice.
    pub(crate) sources: Vec<IpAddr>,
    /// The I/O model.
    pub(crate) io: String,
    /// Whom we trust where TLS is spoken.
    pub(crate) trust: Trust,
    /// Who we are on its network, if it is a device.
    pub(crate) network: NetworkPlan,
    /// Tells our publications from those of others, and of earlier runs.
    pub(crate) run: u64,
    /// Set in one lane only.
    pub(crate) publisher: Option<PublisherPlan>,
}

/// What a publisher does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublisherPlan {
    /// The HTTP API; its path is what comes before `/publish`.
    pub(crate) api: Target,
    pub(crate) api_key: Option<String>,
    /// Publications a second; none: it only asks where the channel is.
    pub(crate) rate: Option<u64>,
    /// Bytes of each publication's data.
    pub(crate) payload_bytes: usize,
}

/// From the coordinator to a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Connect; the schedule begins at `start`.
    Ramp { start: Stamp },
    /// Publish or request from `start` to `end`; `top` is the channel's offset before.
    Hold { start: Stamp, end: Stamp, top: Option<u64> },
    /// Wait until everybody has seen these, the last ones published.
    Drain { last: Last },
    /// Close all connections and end.
    Close,
}

/// The end of what was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    /// The highest offset, in a channel with a log.
    pub(crate) offset: Option<u64>,
    /// The highest number of our own publisher.
    pub(crate) seq: Option<u64>,
}

impl Last {
    /// The later of both.
    pub(crate) fn max(self, other: Last) -> Last {
        Last { offset: self.offset.max(other.offset), seq: self.seq.max(other.seq) }
    }
}

/// From a lane to the coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    Ready,
    Ramped(Ramped),
    Progress(Progress),
    Held(Held),
    Done(Box<LaneReport>),
    Broken(String),
}

/// How a ramp went.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ramped {
    /// When each connection was ready, in ns after the start, in the order in which they became so.
    pub(crate) ready_ns: Vec<u64>,
    /// The channel's offset now, asked by the lane that publishes.
    pub(crate) top: Option<u64>,
}

/// How far a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Connections that got ready.
    pub(crate) ready: u64,
    /// Of these, those that have not ended since.
    pub(crate) open: u64,
    pub(crate) failed: u64,
    pub(crate) delivered: u64,
    pub(crate) requests: u64,
}

/// What was published while holding, and what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) last: Last,
}

/// All that a lane has counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LaneReport {
    pub(crate) failures: Failures,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    /// Requests answered: those of the load, or those of the publisher.
    pub(crate) requests: u64,
    pub(crate) latencies: Buckets,
    pub(crate) first_delivery: Option<Stamp>,
    pub(crate) last_delivery: Option<Stamp>,
    pub(crate) last_answer: Option<Stamp>,
}

/// Failures by their reason, a bounded number of different ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(BTreeMap<String, u64>);

impl Failures {
    /// Counts one.
    pub(crate) fn count(&mut self, reason: &str) {
        self.add(reason, 1);
    }

    /// Counts several; none changes nothing.
    pub(crate) fn add(&mut self, reason: &str, count: u64) {
        if count == 0 {
            return;
        }
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
        let fits = self.0.contains_key(reason) || self.0.len() < REASONS_MAX;
        *self.0.entry(if fits { reason } else { "other reasons" }.to_owned()).or_insert(0) += count;
    }

    /// Adds another lane's.
    pub(crate) fn merge(&mut self, other: &Failures) {
        other.0.iter().for_each(|(reason, count)| self.add(reason, *count));
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Reason and count, by reason.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(reason, count)| (reason.as_str(), *count))
    }
}

/// The time from one moment to another, in seconds; at least a microsecond, so that it can be divided by.
pub(crate) fn seconds(span: Duration) -> f64 {
    span.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_bounded_in_number_and_length() {
        let mut failures = Failures::default();
        for nth in 0..10 * REASONS_MAX {
            failures.count(&format!("{nth} {}", "ä".repeat(500)));
        }
        assert_eq!(failures.total(), 10 * REASONS_MAX as u64);
        assert!(failures.iter().count() <= REASONS_MAX + 1);
        assert!(failures.iter().all(|(reason, _)| reason.len() <= REASON_BYTES_MAX));
        let mut merged = Failures::default();
        merged.merge(&failures);
        merged.merge(&failures);
        assert_eq!(merged.total(), 2 * failures.total());
    }

    #[test]
    fn orders_survive_the_way_to_another_process() {
        let last = Last { offset: Some(7), seq: None };
        for order in [Order::Ramp { start: Stamp(1) }, Order::Drain { last }, Order::Close] {
            let text = serde_json::to_string(&order).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
        }
    }
}
