//! The swarm: millions of push clients in one process and on one core, each with a connection of its own, each checked.
//!
//! It is driven by the orchestrator of `crore c10m` through the messages of `message.rs`, and is nothing for other servers:
//! every client subscribes to the channel of all and to its group, and what it gets is compared with what others got.
//!
//! ```text
//! process ── phases ──▶ client (a task each) ──▶ frame ──▶ book: channels, first copies, gaps
//!                └────▶ requests, on connections of their own
//! ```
//!
//! Invariants: a client is one task of at most 56 bytes; nothing is allocated or parsed for a publication that others have
//! had; every position moves through the book, so the book knows what is missing without asking anybody.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Waker;

use crore_rt::channel::notify::Notify;
use crore_rt::net::StreamId;

use crate::latency::Latencies;
use crate::limits::{GROUP_MEMBERS, LEAVING_ONE_OF, VERIFIED_ONE_OF};
use crate::outcome::Quantiles;
use crate::stamp::{Clock, Stamp};
use crate::wire::{Failures, Progress};
use book::Book;
use message::{PhaseReport, Plan};
use openings::Openings;
use words::Words;

pub(crate) mod book;
mod channel;
mod client;
mod engine;
mod frame;
pub(crate) mod message;
mod openings;
mod phases;
pub(crate) mod process;
mod reply;
mod requests;
#[cfg(test)]
mod tests;
mod words;

/// What those do who may go away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Wave {
    /// They are there, or about to be.
    #[default]
    Stay,
    /// They vanish, and stay away.
    Leave,
}

/// Counters that any client moves.
#[derive(Debug, Default)]
struct Counts {
    /// Clients that got ready in this order, and those that failed instead.
    ready: Cell<u64>,
    unready: Cell<u64>,
    open: Cell<u64>,
    away: Cell<u64>,
    recovered: Cell<u64>,
    verified: Cell<u64>,
    goodbyes: Cell<u64>,
}

/// Deliveries since [`message::Order::Listen`]. Those of one turn and one publication are counted together.
#[derive(Default)]
struct Tally {
    latencies: Latencies,
    count: u64,
    last: Option<Stamp>,
    run: (Stamp, Stamp, u64),
}

impl Tally {
    fn record(&mut self, at: Option<Stamp>, now: Stamp) {
        self.count += 1;
        self.last = Some(now);
        let Some(at) = at else { return };
        if (self.run.0, self.run.1) == (at, now) {
            self.run.2 += 1;
        } else {
            self.settle();
            self.run = (at, now, 1);
        }
    }

    fn settle(&mut self) {
        let (at, now, count) = std::mem::take(&mut self.run);
        self.latencies.record_several(now.since(at), count);
    }
}

/// All of the swarm. It belongs to one core.
pub(crate) struct Swarm {
    plan: Plan,
    clock: Clock,
    /// The runtime's origin on the machine's clock, ns.
    origin: u64,
    words: Words,
    book: RefCell<Book>,
    openings: RefCell<Openings>,
    counts: Counts,
    failures: RefCell<Failures>,
    tally: RefCell<Tally>,
    requests: requests::Pool,
    wave: Cell<Wave>,
    /// Those that may go away, by their block; none: failed, or not ready yet.
    leavers: RefCell<Vec<Option<Waker>>>,
    /// The streams of those that are asked for a round trip, by their block.
    sampled: RefCell<Vec<Option<StreamId>>>,
    /// When this order began, and when each thousandth connection was ready since, ns.
    thousands_ns: RefCell<(Stamp, Vec<u64>)>,
    /// What the orchestrator has said was published: the highest offset of each channel.
    reach: RefCell<BTreeMap<u32, u32>>,
    /// Rung whenever a client has opened, failed, answered or gone.
    moved: Notify,
    /// Set when ends are wanted.
    closing: Cell<bool>,
}

/// Which of the `of` clients of its block is chosen: one for each block, as the seed decides.
fn is_chosen(index: u32, of: u32, clients: u32, seed: u64) -> bool {
    assert!(index < clients && of > 0, "a client of the swarm");
    let block = index / of;
    let size = of.min(clients - block * of);
    let mixed = (u64::from(block) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    u64::from(index % of) == mixed % u64::from(size)
}

fn bump(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

fn drop_one(counter: &Cell<u64>) {
    counter.set(counter.get().checked_sub(1).expect("who ends was counted"));
}

impl Swarm {
    /// # Errors
    /// A target that HTTP cannot name.
    pub(crate) fn new(plan: Plan, clock: Clock) -> Result<Rc<Swarm>, String> {
        let words = Words::new(&plan.target.to_string(), plan.run)?;
        let clients = plan.connections;
        let blocks = |of: u32| clients.div_ceil(of) as usize;
        Ok(Rc::new(Swarm {
            words,
            book: RefCell::new(Book::new(plan.run, clients)),
            openings: RefCell::default(),
            counts: Counts::default(),
            failures: RefCell::default(),
            tally: RefCell::default(),
            requests: requests::Pool::default(),
            wave: Cell::default(),
            leavers: RefCell::new(vec![None; blocks(LEAVING_ONE_OF)]),
            sampled: RefCell::new(vec![None; blocks(VERIFIED_ONE_OF)]),
            thousands_ns: RefCell::new((clock.now(), Vec::new())),
            reach: RefCell::default(),
            moved: Notify::new(),
            closing: Cell::new(false),
            origin: clock.stamp(crore_rt::time::Instant::ZERO).0,
            clock,
            plan,
        }))
    }

    /// Where a client connects from; `spare`: not for the first time.
    fn source(&self, index: u32, spare: bool) -> Option<IpAddr> {
        let sources = if spare { &self.plan.spare_sources } else { &self.plan.sources };
        (!sources.is_empty()).then(|| sources[index as usize % sources.len()])
    }

    /// Whether a client is one of the tenth that vanishes and comes back.
    fn leaves(&self, index: u32) -> bool {
        is_chosen(index, LEAVING_ONE_OF, self.plan.connections, self.plan.run)
    }

    /// Whether a client is one of the hundredth that is asked for a round trip.
    fn is_sampled(&self, index: u32) -> bool {
        is_chosen(index, VERIFIED_ONE_OF, self.plan.connections, !self.plan.run)
    }

    fn is_leaving(&self) -> bool {
        self.wave.get() == Wave::Leave
    }

    fn on_delivery(&self, at: Option<Stamp>) {
        self.tally.borrow_mut().record(at, client::turn(self));
    }

    /// A client is connected and subscribed, for the first time or again.
    fn on_ready(&self, index: u32, leaver: Option<Waker>, sampled: Option<StreamId>) {
        if leaver.is_some() {
            self.leavers.borrow_mut()[(index / LEAVING_ONE_OF) as usize] = leaver;
        }
        if sampled.is_some() {
            self.sampled.borrow_mut()[(index / VERIFIED_ONE_OF) as usize] = sampled;
        }
        bump(&self.counts.ready);
        bump(&self.counts.open);
        let (begun, thousands) = &mut *self.thousands_ns.borrow_mut();
        if self.counts.ready.get().is_multiple_of(1_000) {
            thousands.push(self.clock.now().since(*begun).as_nanos());
        }
        self.moved.notify();
    }

    fn on_vanished(&self, index: u32) {
        if self.is_sampled(index) {
            self.sampled.borrow_mut()[(index / VERIFIED_ONE_OF) as usize] = None;
        }
        drop_one(&self.counts.open);
        bump(&self.counts.away);
        self.moved.notify();
    }

    /// A client has ended: while it opened, or later; with a reason unless it is as it should be.
    fn on_end(&self, index: u32, was_open: bool, why: Option<&str>) {
        if self.leaves(index) {
            self.leavers.borrow_mut()[(index / LEAVING_ONE_OF) as usize] = None;
        }
        if self.is_sampled(index) {
            self.sampled.borrow_mut()[(index / VERIFIED_ONE_OF) as usize] = None;
        }
        if was_open {
            drop_one(&self.counts.open);
        } else {
            bump(&self.counts.unready);
        }
        if let Some(why) = why {
            self.failures.borrow_mut().count(why);
        }
        self.moved.notify();
    }

    fn on_verified(&self) {
        bump(&self.counts.verified);
        self.moved.notify();
    }

    /// How far everything is, in the words of the load generator.
    fn progress(&self) -> Progress {
        Progress {
            ready: self.counts.open.get(),
            open: self.counts.open.get(),
            failed: self.failures.borrow().total(),
            delivered: self.tally.borrow().count,
            requests: self.requests.answered() + self.counts.verified.get(),
        }
    }

    /// The gateway's address for clients.
    pub(crate) fn target(&self) -> SocketAddr {
        self.plan.target
    }

    /// What tells our publications from those of others.
    pub(crate) fn run(&self) -> u64 {
        self.plan.run
    }

    pub(crate) fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// How many groups have members.
    pub(crate) fn groups(&self) -> u32 {
        self.plan.connections.div_ceil(GROUP_MEMBERS)
    }

    /// Since [`message::Order::Listen`], as far as [`report`](Swarm::report) has settled them.
    pub(crate) fn delivery_latencies(&self) -> Quantiles {
        Quantiles::of(&self.tally.borrow().latencies)
    }

    pub(crate) fn report(&self) -> PhaseReport {
        let book = self.book.borrow();
        let tally = &mut *self.tally.borrow_mut();
        tally.settle();
        PhaseReport {
            standing: self.counts.open.get(),
            failures: self.failures.borrow().clone(),
            skipped: book.skipped(),
            missing: self.reach.borrow().iter().map(|(&channel, &offset)| book.missing(channel, offset)).sum(),
            duplicated: book.duplicated,
            reordered: book.reordered,
            recovered: self.counts.recovered.get(),
            verified: self.counts.verified.get(),
            away: self.counts.away.get(),
            goodbyes: self.counts.goodbyes.get(),
            deliveries: tally.count,
            latencies: tally.latencies.buckets(),
            last_delivery: tally.last,
            requests: self.requests.answered(),
            request_latencies: self.requests.latencies(),
            last_answer: self.requests.last_answer(),
            thousands_ns: self.thousands_ns.borrow().1.clone(),
        }
    }
}
