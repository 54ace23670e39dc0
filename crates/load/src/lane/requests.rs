//! Request load: each connection takes the next ticket of the schedule as soon as it is free.
//!
//! With a rate the tickets' moments are fixed (open loop), and a ticket that waits for a free connection waits on its own
//! account. Without a rate each connection asks again as soon as it is answered (closed loop).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_rt::net::TcpStream;
use crore_rt::spawn;
use crore_rt::time::deadline;

use super::client::reason;
use super::http::{Answer, Answers};
use super::{Lane, bump};
use crate::limits::{BACKLOG_MAX, REQUEST_DEADLINE};
use crate::pace::{Pace, counted_from};
use crate::stamp::Stamp;

/// The requests of a lane.
#[derive(Default)]
pub(super) struct Tickets {
    /// Connections that wait for the phase to begin.
    idle: RefCell<Vec<(u32, TcpStream)>>,
    taken: Cell<u64>,
}

/// One phase of requesting.
#[derive(Clone, Copy)]
struct Phase {
    pace: Option<Pace>,
    end: Stamp,
}

/// Why a connection makes no further requests.
enum Over {
    /// The phase is over.
    Done,
    /// The connection has failed.
    Failed(String),
}

/// A connection is ready: it waits for the phase to begin.
pub(super) fn enlist(lane: &Lane, index: u32, stream: TcpStream) {
    lane.on_ready(index, stream.id(), None);
    lane.tickets.idle.borrow_mut().push((index, stream));
}

/// Requests on all connections until `end`, and waits for the last answers.
pub(super) async fn run(lane: &Rc<Lane>, start: Stamp, end: Stamp) {
    let plan = &lane.plan;
    let pace = plan.request_rate.map(|rate| Pace::new(start, rate, plan.lane, plan.lanes));
    let phase = Phase { pace, end };
    lane.clock.reach(start).await;
    let idle = lane.tickets.idle.take();
    let serve = |(index, stream)| spawn(serve(Rc::clone(lane), index, stream, phase));
    let tasks: Vec<_> = idle.into_iter().map(serve).collect();
    for task in tasks {
        // A task that panicked has failed its connection's requests; the runtime has logged it.
        if task.await.is_err() {
            lane.failures.borrow_mut().count("a load task panicked");
        }
    }
    if let Some(pace) = pace {
        let unsent = pace.count_until(end).saturating_sub(lane.tickets.taken.get());
        lane.failures.borrow_mut().add("request not sent in time: every connection was busy", unsent);
    }
}

async fn serve(lane: Rc<Lane>, index: u32, mut stream: TcpStream, phase: Phase) {
    let mut answers = Answers::without_bodies();
    let over = loop {
        let Some(due) = take_ticket(&lane, phase) else {
            break Over::Done;
        };
        lane.clock.reach(due).await;
        let from = counted_from(due, lane.clock.now());
        if let Err(over) = ask(&lane, &mut stream, &mut answers, from).await {
            break over;
        }
    };
    if let Over::Failed(reason) = over {
        lane.on_end(index, &reason);
    }
}

/// The moment of the next request, if there is one.
fn take_ticket(lane: &Lane, phase: Phase) -> Option<Stamp> {
    let now = lane.clock.now();
    // The last tickets may be taken a little late, because timers are; whole backlogs may not.
    if now >= phase.end.after(BACKLOG_MAX) {
        return None;
    }
    let due = phase.pace.map_or(now, |pace| pace.moment(lane.tickets.taken.get()));
    if due >= phase.end {
        return None;
    }
    bump(&lane.tickets.taken);
    Some(due)
}

/// One request and its answer, counted from `from`.
async fn ask(lane: &Lane, stream: &mut TcpStream, answers: &mut Answers, from: Stamp) -> Result<(), Over> {
    stream.send(lane.shared.request.clone()).map_err(|error| Over::Failed(format!("send: {error}")))?;
    let until = lane.clock.instant(lane.clock.now().after(REQUEST_DEADLINE));
    match deadline(until, answer(lane, stream, answers, from)).await {
        Ok(result) => result,
        Err(_) => Err(Over::Failed(format!("no answer within {REQUEST_DEADLINE}"))),
    }
}

async fn answer(lane: &Lane, stream: &mut TcpStream, answers: &mut Answers, from: Stamp) -> Result<(), Over> {
    let mut keeps = None;
    while keeps.is_none() {
        let lease = stream.recv().await.map_err(|error| Over::Failed(reason(&error)))?;
        let now = lane.clock.now();
        let mut each = |answer: &Answer<'_>| {
            lane.on_answer(answer, from, now);
            keeps = Some(answer.keeps);
        };
        let taken = if lease.is_empty() { answers.end(&mut each) } else { answers.take(&lease, &mut each) };
        taken.map_err(Over::Failed)?;
    }
    match keeps {
        Some(false) => Err(Over::Failed("closed by the server after an answer: it does not keep alive".to_owned())),
        _ => Ok(()),
    }
}

impl Lane {
    fn on_answer(&self, answer: &Answer<'_>, from: Stamp, now: Stamp) {
        bump(&self.counts.requests);
        self.counts.last_answer.set(Some(now));
        self.latencies.borrow_mut().record(now.since(from));
        if !answer.status.is_success() {
            self.failures.borrow_mut().count(&format!("status {}", answer.status));
        }
    }
}
