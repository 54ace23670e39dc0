//! The publisher: publications at the moments of a schedule, through the server's HTTP API.
//!
//! One connection, so that numbers and offsets have one order; requests are sent ahead without waiting for answers, so
//! that a slow answer does not shift the schedule.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_base::payload::Payload;
use crore_http::{ConnectionField, Fields, Framing, encode_request};
use crore_rt::channel::notify::Notify;
use crore_rt::net::{ConnectOptions, SendError, StreamId, TcpStream};
use crore_rt::spawn;
use crore_rt::time::timeout;

use super::client::{dial, reason};
use super::http::{Answer, Answers};
use super::{Lane, bump};
use crate::limits::{BACKLOG_MAX, CONNECT_DEADLINE, PUBLISH_ANSWERS_DEADLINE, PUBLISHES_IN_FLIGHT_MAX};
use crate::message::Mark;
use crate::pace::{Pace, counted_from};
use crate::stamp::Stamp;
use crate::wire::{Last, PublisherPlan};

/// What writing and reading know of each other.
#[derive(Default)]
struct Flight {
    sent: Cell<u64>,
    answered: Cell<u64>,
    /// The highest offset that an answer named.
    offset: Cell<Option<u64>>,
    /// Why the connection is over.
    over: RefCell<Option<String>>,
    /// Rung on each answer, and at the end.
    moved: Notify,
}

/// Where the channel is now: its highest offset, asked through the API. None if it has no log, or the API does not answer.
pub(super) async fn top(lane: &Lane, plan: &PublisherPlan) -> Option<u64> {
    let channel = serde_json::Value::from(lane.plan.channel.as_str());
    let request = post(plan, "history", &format!(r#"{{"channel":{channel},"limit":0}}"#)).ok()?;
    let asking = async {
        let mut stream = dial(lane, &plan.api, &ConnectOptions::default()).await.ok()?;
        stream.send(request).ok()?;
        let (mut answers, mut top) = (Answers::with_bodies(), None);
        while top.is_none() {
            let lease = stream.recv().await.ok().filter(|lease| !lease.is_empty())?;
            answers.take(&lease, |answer| top = Some(answer.offset())).ok()?;
        }
        top?.ok()?
    };
    timeout(CONNECT_DEADLINE, asking).await.ok()?
}

/// Publishes from `start` to `end`, and waits for the answers. What is refused counts as a failure with its reason.
pub(super) async fn run(lane: &Rc<Lane>, plan: &PublisherPlan, rate: u64, start: Stamp, end: Stamp) -> Last {
    let flight = Rc::new(Flight::default());
    let options = ConnectOptions::default();
    let stream = match timeout(CONNECT_DEADLINE, dial(lane, &plan.api, &options)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return fail(lane, &format!("publish: connect: {}", reason(&error))),
        Err(_) => return fail(lane, "publish: the API took no connection in time"),
    };
    let id = stream.id();
    // Cancelled when this function ends.
    let _reading = spawn(read_answers(Rc::clone(lane), stream, Rc::clone(&flight)));
    let pace = Pace::new(start, rate, 0, 1);
    for index in 0.. {
        let due = pace.moment(index);
        if due >= end {
            break;
        }
        lane.clock.reach(due).await;
        if !publish(lane, plan, id, &flight, due, end).await {
            let ended = flight.over.borrow().is_some();
            let why = if ended { "publish: not sent: the connection had ended" } else { "publish: not sent in time" };
            lane.failures.borrow_mut().add(why, pace.count_until(end).saturating_sub(index));
            break;
        }
    }
    let answered = async {
        while flight.answered.get() < flight.sent.get() && flight.over.borrow().is_none() {
            flight.moved.notified().await;
        }
    };
    let in_time = timeout(PUBLISH_ANSWERS_DEADLINE, answered).await.is_ok();
    let why =
        flight.over.take().unwrap_or_else(|| if in_time { String::new() } else { "no answer in time".to_owned() });
    if !why.is_empty() {
        let unanswered = flight.sent.get() - flight.answered.get();
        lane.failures.borrow_mut().add(&format!("publish: {why}"), unanswered.max(1));
    }
    Last { offset: flight.offset.get(), seq: (flight.sent.get() > 0).then_some(flight.sent.get()) }
}

fn fail(lane: &Lane, reason: &str) -> Last {
    lane.failures.borrow_mut().count(reason);
    Last::default()
}

/// Sends one publication as soon as there is room for it. False: never.
async fn publish(lane: &Lane, plan: &PublisherPlan, id: StreamId, flight: &Flight, due: Stamp, end: Stamp) -> bool {
    let at = counted_from(due, lane.clock.now());
    let mark = Mark { run: lane.plan.run, seq: flight.sent.get() + 1, at };
    let channel = serde_json::Value::from(lane.plan.channel.as_str());
    let body = format!(r#"{{"channel":{channel},"data":{}}}"#, mark.data(plan.payload_bytes));
    let Ok(request) = post(plan, "publish", &body) else {
        return false;
    };
    let request = Payload::from(request);
    loop {
        if flight.over.borrow().is_some() || lane.clock.now() >= end.after(BACKLOG_MAX) {
            return false;
        }
        let in_flight = flight.sent.get() - flight.answered.get();
        let sent = match in_flight < PUBLISHES_IN_FLIGHT_MAX {
            true => id.send(request.clone()),
            false => Err(SendError::Full { queued: 0, limit: 0 }),
        };
        match sent {
            Ok(()) => {
                bump(&flight.sent);
                return true;
            }
            Err(SendError::Closed) => return false,
            // Room comes with answers, since the server reads before it answers.
            Err(SendError::Full { .. }) => flight.moved.notified().await,
        }
    }
}

fn post(plan: &PublisherPlan, method: &str, body: &str) -> Result<Vec<u8>, String> {
    let mut fields = Fields::new();
    let mut push = |name: &str, value: &str| fields.push(name, value).map_err(|error| error.to_string());
    push("Content-Type", "application/json")?;
    if let Some(key) = &plan.api_key {
        push("X-API-Key", key)?;
    }
    let path = format!("{}/{method}", plan.api.path.trim_end_matches('/'));
    let framing = Framing::Length(body.len() as u64);
    let head = encode_request("POST", &path, &plan.api.host, &fields, framing, ConnectionField::Implied);
    let mut request = head.map_err(|error| error.to_string())?;
    request.extend_from_slice(body.as_bytes());
    Ok(request)
}

/// Checks that the API can be asked at all with these settings.
///
/// # Errors
/// A key or a path that HTTP cannot carry.
pub(crate) fn check(plan: &PublisherPlan) -> Result<(), String> {
    post(plan, "publish", "").map(drop)
}

async fn read_answers(lane: Rc<Lane>, mut stream: TcpStream, flight: Rc<Flight>) {
    let mut answers = Answers::with_bodies();
    let over = loop {
        let taken = match stream.recv().await {
            Ok(lease) if lease.is_empty() => Err("closed by the server".to_owned()),
            Ok(lease) => answers.take(&lease, |answer| on_answer(&lane, &flight, answer)),
            Err(error) => Err(reason(&error)),
        };
        flight.moved.notify();
        if let Err(over) = taken {
            break over;
        }
    };
    *flight.over.borrow_mut() = Some(over);
    flight.moved.notify();
}

fn on_answer(lane: &Lane, flight: &Flight, answer: &Answer<'_>) {
    bump(&flight.answered);
    bump(&lane.counts.requests);
    lane.counts.last_answer.set(Some(lane.clock.now()));
    match answer.offset() {
        Ok(offset) => flight.offset.set(flight.offset.get().max(offset)),
        Err(reason) => lane.failures.borrow_mut().count(&format!("publish: {reason}")),
    }
}
