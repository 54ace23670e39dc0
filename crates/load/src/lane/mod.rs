//! A lane: one core's share of the connections, what they have seen, and the phases they go through together.
//!
//! A connection is a small task and a place of 32 bytes in one dense table; the rest (requests, first frames, pongs) is
//! encoded once and shared by all. Nobody reconnects: a connection that ends before it should has failed, with a reason.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_base::random::Rng;
use crore_rt::channel::notify::Notify;
use crore_rt::net::{StreamId, TlsClient};
use crore_rt::time::sleep;
use crore_rt::{spawn, spawn_detached, yield_now};

use crate::latency::Latencies;
use crate::limits::{PROGRESS_STEP, STARTS_PER_TURN};
use crate::mailbox::Mailbox;
use crate::pace::Pace;
use crate::stamp::{Clock, Stamp};
use crate::target::Kind;
use crate::track::Tracker;
use crate::wire::{Event, Failures, Held, Last, Order, Plan, Ramped};

pub(crate) mod client;
mod drain;
mod events;
pub(crate) mod http;
pub(crate) mod publisher;
mod record;
mod requests;
mod socket;
#[cfg(test)]
mod tests;

/// Where a connection is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    /// Not begun, or not ready yet.
    #[default]
    Opening,
    /// Subscribed.
    Open,
    /// Ended before its time.
    Failed,
}

/// What the lane remembers of one connection.
#[derive(Debug, Default)]
struct Place {
    tracker: Tracker,
    stream: Option<StreamId>,
    stage: Stage,
    /// The channel has no log: publications are told apart by our publisher's numbers.
    by_seq: bool,
}
const _: () = assert!(size_of::<Place>() <= 32);

/// Counters that any connection moves.
#[derive(Debug, Default)]
struct Counts {
    delivered: Cell<u64>,
    duplicated: Cell<u64>,
    reordered: Cell<u64>,
    ready: Cell<u64>,
    /// Ready, and not ended since.
    open: Cell<u64>,
    requests: Cell<u64>,
    first_delivery: Cell<Option<Stamp>>,
    last_delivery: Cell<Option<Stamp>>,
    last_answer: Cell<Option<Stamp>>,
}

/// One lane. All of it belongs to one core.
pub(crate) struct Lane {
    plan: Plan,
    clock: Clock,
    shared: client::Shared,
    /// Where TLS is spoken.
    tls: Option<TlsClient>,
    places: RefCell<Vec<Place>>,
    counts: Counts,
    failures: RefCell<Failures>,
    latencies: RefCell<Latencies>,
    ready_ns: RefCell<Vec<u64>>,
    recent: RefCell<socket::Recent>,
    /// Connections that are neither ready nor failed.
    opening: Cell<u64>,
    /// Rung when `opening` falls to zero.
    settled: Notify,
    /// Set when ends are wanted: they are no failures then.
    closing: Cell<bool>,
    /// When the ramp began.
    start: Cell<Stamp>,
    /// Of a lane that requests.
    tickets: requests::Tickets,
}

fn bump(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Lane {
    fn new(plan: Plan, clock: Clock) -> Result<Rc<Lane>, String> {
        let count = usize::try_from(plan.connections).expect("connections are below their limit");
        let shared = client::Shared::new(&plan, &mut Rng::from_seed(plan.run ^ u64::from(plan.lane)))?;
        let api_is_secured = plan.publisher.as_ref().is_some_and(|publisher| publisher.api.is_secured);
        let secured = plan.target.is_secured || api_is_secured;
        let tls = secured.then(|| plan.trust.client()).transpose().map_err(|error| error.to_string())?;
        let places = std::iter::repeat_with(Place::default).take(count).collect();
        Ok(Rc::new(Lane {
            opening: Cell::new(plan.connections),
            plan,
            clock,
            shared,
            tls,
            places: RefCell::new(places),
            counts: Counts::default(),
            failures: RefCell::default(),
            latencies: RefCell::default(),
            ready_ns: RefCell::default(),
            recent: RefCell::default(),
            settled: Notify::new(),
            closing: Cell::new(false),
            start: Cell::new(clock.now()),
            tickets: requests::Tickets::default(),
        }))
    }
}

/// Goes through the phases as ordered, to the end.
pub(crate) async fn run(plan: Plan, clock: Clock, orders: Mailbox<Order>, emit: impl Fn(Event) + 'static) {
    let lane = match Lane::new(plan, clock) {
        Ok(lane) => lane,
        Err(problem) => return emit(Event::Broken(problem)),
    };
    let emit = Rc::new(emit);
    let (watched, progress) = (Rc::clone(&lane), Rc::clone(&emit));
    // Dropped, and so cancelled, when the lane ends.
    let _progress = spawn(async move {
        loop {
            sleep(PROGRESS_STEP).await;
            progress(Event::Progress(watched.progress()));
        }
    });
    emit(Event::Ready);
    loop {
        let answer = match orders.next().await {
            Order::Ramp { start } => Event::Ramped(ramp(&lane, start).await),
            Order::Hold { start, end, top } => Event::Held(hold(&lane, start, end, top).await),
            Order::Drain { last } => {
                drain::wait(&lane, last).await;
                Event::Done(Box::new(lane.report(last)))
            }
            Order::Close => return drain::close(&lane).await,
        };
        emit(Event::Progress(lane.progress()));
        emit(answer);
    }
}

/// Begins each connection at its moment, and waits until all are ready or failed.
async fn ramp(lane: &Rc<Lane>, start: Stamp) -> Ramped {
    lane.start.set(start);
    let pace = Pace::new(start, lane.plan.connect_rate, lane.plan.lane, lane.plan.lanes);
    for index in 0..u32::try_from(lane.plan.connections).expect("connections are below their limit") {
        lane.clock.reach(pace.moment(u64::from(index))).await;
        if spawn_detached(client::run(Rc::clone(lane), index)).is_err() {
            lane.on_end(index, "no task slot was free");
        }
        if u64::from(index) % STARTS_PER_TURN == STARTS_PER_TURN - 1 {
            yield_now().await;
        }
    }
    while lane.opening.get() > 0 {
        lane.settled.notified().await;
    }
    let top = match &lane.plan.publisher {
        Some(publisher) if lane.plan.target.kind == Kind::Events => publisher::top(lane, publisher).await,
        _ => None,
    };
    Ramped { ready_ns: lane.ready_ns.take(), top }
}

/// Publishes or requests, or only stays, until the end.
async fn hold(lane: &Rc<Lane>, start: Stamp, end: Stamp, top: Option<u64>) -> Held {
    if let (Some(top), Kind::Events) = (top, lane.plan.target.kind) {
        lane.places.borrow_mut().iter_mut().for_each(|place| place.tracker.begin_after(top));
    }
    let mut last = Last::default();
    if lane.plan.target.kind == Kind::Requests {
        requests::run(lane, start, end).await;
    } else if let Some((publisher, rate)) = lane.plan.publisher.as_ref().and_then(|plan| Some((plan, plan.rate?))) {
        last = publisher::run(lane, publisher, rate, start, end).await;
    }
    lane.clock.reach(end).await;
    Held { last: last.max(lane.seen()) }
}
