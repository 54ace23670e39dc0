//! A lane: one core's share of the connections, what they have seen, and the phases they go through together.
//!
//! A connection is a small task and a place of 32 bytes in one dense table; the rest (requests, first frames, pongs) is
//! encoded once and shared by all. Nobody reconnects: a connection that ends before it should has failed, with a reason.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_base::random::Rng;
use crore_rt::channel::notify::Notify;
use crore_rt::net::StreamId;
use crore_rt::time::sleep;
use crore_rt::{spawn, spawn_detached, yield_now};

use crate::latency::Latencies;
use crate::limits::{PROGRESS_STEP, STARTS_PER_TURN};
use crate::mailbox::Mailbox;
use crate::message::Seen;
use crate::pace::Pace;
use crate::stamp::{Clock, Stamp};
use crate::target::Kind;
use crate::track::{Tracker, Verdict};
use crate::wire::{Event, Failures, Held, LaneReport, Last, Order, Plan, Progress, Ramped};

mod client;
mod drain;
mod events;
mod http;
pub(crate) mod publisher;
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
        let shared =
            client::Shared::new(&plan, &mut Rng::from_seed(plan.run ^ u64::from(plan.lane)))?;
        let places = std::iter::repeat_with(Place::default).take(count).collect();
        Ok(Rc::new(Lane {
            opening: Cell::new(plan.connections),
            plan,
            clock,
            shared,
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

    /// A connection is open and subscribed; `top` is where the channel was, if it has a log.
    fn on_ready(&self, index: u32, stream: StreamId, top: Option<u64>) {
        let now = self.clock.now();
        {
            let place = &mut self.places.borrow_mut()[index as usize];
            assert_eq!(place.stage, Stage::Opening, "a connection gets ready once");
            place.stage = Stage::Open;
            place.stream = Some(stream);
            match (top, self.plan.target.kind) {
                (Some(top), _) => place.tracker.begin_after(top),
                (None, Kind::WebSocket) => {
                    place.by_seq = true;
                    place.tracker.begin_after(0);
                }
                // An event stream tells its position with the first event.
                (None, Kind::Events | Kind::Requests) => {}
            }
        }
        bump(&self.counts.ready);
        bump(&self.counts.open);
        self.ready_ns
            .borrow_mut()
            .push(now.since(self.start.get()).as_nanos());
        self.opened();
    }

    /// A connection has ended, or never began. While closing that is as it should be.
    fn on_end(&self, index: u32, reason: &str) {
        let before = {
            let place = &mut self.places.borrow_mut()[index as usize];
            place.stream = None;
            std::mem::replace(&mut place.stage, Stage::Failed)
        };
        assert_ne!(before, Stage::Failed, "a connection ends once");
        if !self.closing.get() {
            self.failures.borrow_mut().count(reason);
        }
        match before {
            Stage::Opening => self.opened(),
            _ => self.counts.open.set(self.counts.open.get() - 1),
        }
    }

    /// One connection less is opening.
    fn opened(&self) {
        let opening = self
            .opening
            .get()
            .checked_sub(1)
            .expect("each connection is counted once");
        self.opening.set(opening);
        if opening == 0 {
            self.settled.notify();
        }
    }

    /// A publication has reached a connection.
    fn on_publication(&self, index: u32, seen: Seen, now: Stamp) {
        let ours = seen.mark.filter(|mark| mark.run == self.plan.run);
        let verdict = {
            let place = &mut self.places.borrow_mut()[index as usize];
            // Without an offset only our own numbers can be checked.
            let number = if place.by_seq {
                ours.map(|mark| mark.seq)
            } else {
                seen.offset
            };
            number.map_or(Verdict::New, |number| place.tracker.see(number))
        };
        match verdict {
            Verdict::Duplicate => return bump(&self.counts.duplicated),
            Verdict::Late => bump(&self.counts.reordered),
            Verdict::New => {}
        }
        bump(&self.counts.delivered);
        self.counts
            .first_delivery
            .set(self.counts.first_delivery.get().or(Some(now)));
        self.counts.last_delivery.set(Some(now));
        if let Some(mark) = ours {
            self.latencies.borrow_mut().record(now.since(mark.at));
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            ready: self.counts.ready.get(),
            open: self.counts.open.get(),
            failed: self.failures.borrow().total(),
            delivered: self.counts.delivered.get(),
            requests: self.counts.requests.get(),
        }
    }

    /// The highest offset that anybody has seen.
    fn seen(&self) -> Last {
        let places = self.places.borrow();
        let offsets = places
            .iter()
            .filter(|place| !place.by_seq)
            .filter_map(|place| place.tracker.highest());
        Last {
            offset: offsets.max(),
            seq: None,
        }
    }

    fn report(&self, last: Last) -> LaneReport {
        LaneReport {
            failures: self.failures.borrow().clone(),
            delivered: self.counts.delivered.get(),
            lost: self
                .places
                .borrow()
                .iter()
                .map(|place| drain::lost(place, last))
                .sum(),
            duplicated: self.counts.duplicated.get(),
            reordered: self.counts.reordered.get(),
            requests: self.counts.requests.get(),
            latencies: self.latencies.borrow().buckets(),
            first_delivery: self.counts.first_delivery.get(),
            last_delivery: self.counts.last_delivery.get(),
            last_answer: self.counts.last_answer.get(),
        }
    }
}

/// Goes through the phases as ordered, to the end.
pub(crate) async fn run(plan: Plan, clock: Clock, orders: Mailbox, emit: impl Fn(Event) + 'static) {
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
    let pace = Pace::new(
        start,
        lane.plan.connect_rate,
        lane.plan.lane,
        lane.plan.lanes,
    );
    for index in 0..u32::try_from(lane.plan.connections).expect("connections are below their limit")
    {
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
        Some(publisher) if lane.plan.target.kind == Kind::Events => {
            publisher::top(lane, publisher).await
        }
        _ => None,
    };
    Ramped {
        ready_ns: lane.ready_ns.take(),
        top,
    }
}

/// Publishes or requests, or only stays, until the end.
async fn hold(lane: &Rc<Lane>, start: Stamp, end: Stamp, top: Option<u64>) -> Held {
    if let (Some(top), Kind::Events) = (top, lane.plan.target.kind) {
        lane.places
            .borrow_mut()
            .iter_mut()
            .for_each(|place| place.tracker.begin_after(top));
    }
    let mut last = Last::default();
    if lane.plan.target.kind == Kind::Requests {
        requests::run(lane, start, end).await;
    } else if let Some((publisher, rate)) = lane
        .plan
        .publisher
        .as_ref()
        .and_then(|plan| Some((plan, plan.rate?)))
    {
        last = publisher::run(lane, publisher, rate, start, end).await;
    }
    lane.clock.reach(end).await;
    Held {
        last: last.max(lane.seen()),
    }
}
