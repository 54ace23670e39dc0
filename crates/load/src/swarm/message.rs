//! What the orchestrator and the swarm tell each other, as JSON lines on the swarm's standard input and output.
//!
//! The plan comes first and is answered with [`Event::Ready`]. Each [`Order`] is answered with one [`Event::Done`] when it
//! has been carried out; in between come [`Event::Progress`], and at any time [`Event::Broken`]. The end of the input ends the
//! swarm.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::latency::Buckets;
use crate::network::NetworkPlan;
use crate::stamp::Stamp;
use crate::wire::{Failures, Progress};

/// Everything that the swarm needs to know beforehand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) connections: u32,
    /// The gateway's address for clients.
    pub(crate) target: SocketAddr,
    /// Addresses to connect from, taken in turn; empty: the system's choice.
    pub(crate) sources: Vec<IpAddr>,
    /// As `sources`, for those who come back and for those who request. Ports that others have vanished from are in use as
    /// far as the gateway knows, and with ten million clients of one host a new connection would often meet an old one.
    pub(crate) spare_sources: Vec<IpAddr>,
    /// The I/O model.
    pub(crate) io: String,
    /// Who the swarm is on the network of a device.
    pub(crate) network: NetworkPlan,
    /// Connections being opened at one time.
    pub(crate) window: u32,
    /// Connections that request in the steady phase.
    pub(crate) requesters: u32,
    /// Tells our publications from those of others.
    pub(crate) run: u64,
}

/// A position that all members of a channel should reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reach {
    /// 0 is the channel of all, 1 the first group.
    pub(crate) channel: u32,
    pub(crate) offset: u32,
}

/// From the orchestrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Open all connections.
    Connect,
    /// Latencies, deliveries and requests count from here.
    Listen,
    /// A round trip for each of the sample.
    Verify,
    /// Open the connections that request.
    Enlist,
    /// Request on them from `start` to `end`, `rate` times a second.
    Request { start: Stamp, end: Stamp, rate: u64 },
    /// Wait until everybody who is there has got what was published.
    Await { reach: Vec<Reach> },
    /// A tenth vanishes without a word.
    Vanish,
    /// They come back, with recovery.
    Return,
    /// From now on the gateway may send clients away.
    Part,
    /// Wait until it has sent everybody away, at most so long without any progress; then end.
    Drain { within_ms: u64 },
}

/// To the orchestrator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    Ready,
    Progress(Progress),
    Done(Box<PhaseReport>),
    Broken(String),
}

/// What the swarm has counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PhaseReport {
    /// Clients connected and subscribed now.
    pub(crate) standing: u64,
    /// Connections that failed or died, and everything else that was wrong; since the start.
    pub(crate) failures: Failures,
    /// Publications that clients skipped and that never came, since the start.
    pub(crate) skipped: u64,
    /// Publications that clients should have got by now and have not.
    pub(crate) missing: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    /// Publications that came with a recovery, since the start.
    pub(crate) recovered: u64,
    /// Round trips that were answered rightly, since the start.
    pub(crate) verified: u64,
    /// Clients that are away.
    pub(crate) away: u64,
    /// Clients that the drain sent away as it should.
    pub(crate) goodbyes: u64,
    /// Publications delivered since [`Order::Listen`].
    pub(crate) deliveries: u64,
    /// Their latencies, from the publisher's stamp to the turn in which they arrived.
    pub(crate) latencies: Buckets,
    pub(crate) last_delivery: Option<Stamp>,
    /// Requests answered since [`Order::Listen`].
    pub(crate) requests: u64,
    pub(crate) request_latencies: Buckets,
    pub(crate) last_answer: Option<Stamp>,
    /// When each thousandth connection of this order was ready, ns after its begin; and the last one.
    pub(crate) thousands_ns: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_way_to_another_process() {
        let reach = vec![Reach { channel: 0, offset: 7 }];
        let request = Order::Request { start: Stamp(1), end: Stamp(2), rate: 3 };
        for order in [Order::Connect, request, Order::Await { reach }, Order::Drain { within_ms: 4 }] {
            let text = serde_json::to_string(&order).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
        }
    }
}
