//! The task that moves things on a core: between the rings and the hub, from the hub's logs to its subscribers.
//!
//! The order of one round is the hub's calling order (see `Hub`). A walk is a slice a round, and every round gives way, so
//! that accepts, requests and timers keep their share while ten thousand are being delivered to.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crore_base::time::Instant;
use crore_hub::{Reply, Request};
use crore_rt::{time, yield_now};

use crate::counters::Counter;
use crate::latency;
use crate::limits::{EBB_CLIENTS, RING_BATCH, WALK_DELIVERIES, WALK_PAUSE};
use crate::outlet::Outlet;
use crate::protocol::Disconnect;
use crate::shard::Shard;

/// What one round leaves to the next.
struct Left {
    /// What did not fit into a ring, for each core: it goes first.
    requests: Vec<Option<Request>>,
    replies: Vec<Option<Reply>>,
    /// What was delivered (when accepted, to how many): written by then, so its latency is known.
    delivered: Vec<(Instant, u64)>,
}

/// Runs until the runtime ends.
pub(crate) async fn run(shard: Rc<Shard>) {
    let nothing = |_| None;
    let mut left = Left {
        requests: (0..crore_rt::cores()).map(nothing).collect(),
        replies: (0..crore_rt::cores()).map(|_| None).collect(),
        delivered: Vec::new(),
    };
    loop {
        let round = round(&shard, &mut left);
        shard.report();
        match round {
            Round::Busy => yield_now().await,
            Round::Done => wait(&shard, None).await,
            Round::Behind => wait(&shard, Some(time::now() + WALK_PAUSE)).await,
        }
    }
}

/// How a round ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There is more to do at once.
    Busy,
    /// There is more to deliver, when the network has caught up.
    Behind,
    /// There is nothing to do.
    Done,
}

/// One round of everything.
fn round(shard: &Rc<Shard>, left: &mut Left) -> Round {
    for (accepted, deliveries) in left.delivered.drain(..) {
        latency::record(&shard.latencies, time::now().saturating_since(accepted), deliveries);
    }
    let mut busy = take_replies(shard);
    busy |= take_requests(shard);
    let now = time::now();
    if shard.hub.borrow().poll_timeout().is_some_and(|at| at <= now) {
        shard.hub.borrow_mut().on_timeout(now);
    }
    shard.settle();
    // Ten million deliveries wait in the walk, where they cost nothing, and not in send queues.
    let behind = shard.hub.borrow().stats().walk_backlog > 0 && crore_rt::network_is_behind();
    if !behind {
        busy |= walk(shard, left);
    }
    send(shard, left);
    shard.admit();
    match (busy, behind) {
        (true, _) => Round::Busy,
        (false, true) => Round::Behind,
        (false, false) => Round::Done,
    }
}

/// Takes replies while the hub takes them; true if some may be left.
fn take_replies(shard: &Rc<Shard>) -> bool {
    for _ in 0..RING_BATCH {
        if !shard.hub.borrow().takes_replies() {
            return false; // the walk makes room, and is busy
        }
        let Some((from, reply)) = shard.replies.try_recv() else { return false };
        shard.hub.borrow_mut().on_reply(time::now(), from as u16, reply);
        shard.settle();
    }
    true
}

/// Takes requests while the hub takes them; true if some may be left.
fn take_requests(shard: &Rc<Shard>) -> bool {
    for _ in 0..RING_BATCH {
        if !shard.hub.borrow().takes_requests() {
            return false; // sending makes room, and rings when it has
        }
        let Some((from, request)) = shard.requests.try_recv() else { return false };
        shard.hub.borrow_mut().on_request(time::now(), from as u16, request);
    }
    true
}

/// Delivers a slice; true if there is more to deliver, or something to look back on.
fn walk(shard: &Rc<Shard>, left: &mut Left) -> bool {
    let mut outlet = Outlet::new(shard);
    let more = shard.hub.borrow_mut().walk(WALK_DELIVERIES, &mut outlet);
    left.delivered = outlet.delivered;
    for client in outlet.slow {
        shard.disconnect(client, Disconnect::Slow);
    }
    // A walk may find members for whom something is missing.
    shard.settle();
    more || !left.delivered.is_empty()
}

/// Moves the outboxes into the rings as far as there is room. When room comes free the ring tells us.
fn send(shard: &Shard, left: &mut Left) {
    for to in 0..crore_rt::cores() {
        while let Some(reply) = left.replies[to].take().or_else(|| shard.hub.borrow_mut().poll_reply(to as u16)) {
            if let Err(back) = shard.replies.try_send(to, reply) {
                left.replies[to] = Some(back);
                break;
            }
        }
        while let Some(request) = left.requests[to].take().or_else(|| shard.hub.borrow_mut().poll_request(to as u16)) {
            if let Err(back) = shard.requests.try_send(to, request) {
                left.requests[to] = Some(back);
                break;
            }
        }
    }
}

/// Waits for work of this core, for a change in a ring, for the hub's own time, or until `latest`.
async fn wait(shard: &Shard, latest: Option<Instant>) {
    let deadline = [shard.hub.borrow().poll_timeout(), latest].into_iter().flatten().min();
    let mut timer = pin!(deadline.map(time::sleep_until));
    // A ring that holds something the hub does not take yet must not end the wait at once: the hub's next change does.
    let mut first = true;
    poll_fn(|context| {
        let due = timer.as_mut().as_pin_mut().is_some_and(|timer| timer.poll(context).is_ready());
        let work = shard.work.poll_notified(context).is_ready();
        let replies = shard.replies.poll_changed(context).is_ready() && shard.hub.borrow().takes_replies();
        let requests = shard.requests.poll_changed(context).is_ready() && shard.hub.borrow().takes_requests();
        let woken = !std::mem::replace(&mut first, false);
        if due || work || replies || requests || woken { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl Shard {
    /// Gives memory back when half of the clients of the last high water are gone.
    fn ebb(&self, clients: u64) {
        let high = self.high_water.get();
        if clients > high {
            self.high_water.set(clients);
        } else if high > EBB_CLIENTS && clients < high / 2 {
            self.high_water.set(clients);
            let bytes = crore_rt::trim() + self.hub.borrow_mut().trim();
            tracing::debug!(clients, bytes, "memory was given back");
        }
    }

    /// Sets this core's gauges from the hub's figures.
    fn report(&self) {
        let stats = self.hub.borrow().stats();
        self.ebb(stats.clients);
        let set = |counter: Counter, value| self.counters.set(counter as usize, value);
        set(Counter::Subscriptions, stats.subscriptions);
        set(Counter::Users, self.identities.borrow().user_count() as u64);
        set(Counter::Channels, stats.home_channels);
        set(Counter::HistoryPublications, stats.history_publications);
        set(Counter::HistoryBytes, stats.history_bytes);
        set(Counter::WalkBacklog, stats.walk_backlog);
        set(Counter::Publications, stats.publications);
        set(Counter::Deliveries, stats.deliveries);
        set(Counter::Skipped, stats.skipped);
        set(Counter::Refused, stats.refused.iter().sum());
    }
}
