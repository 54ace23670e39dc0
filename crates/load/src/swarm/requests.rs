//! Requests while the gateway pushes: the moments are fixed by the schedule, and any idle connection takes the next.
//!
//! Open loop: a request that waits for a connection waits on its own account. An answer that equals the last one that was
//! read whole is not read again.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crore_base::time::Duration;
use crore_http::Status;
use crore_rt::net::{ConnectOptions, StreamId, TcpStream};
use crore_rt::time::{sleep, timeout};
use crore_rt::{JoinHandle, spawn};

use super::{Swarm, bump, client};
use crate::lane::client::reason;
use crate::lane::http::{Answer, Answers};
use crate::latency::{Buckets, Latencies};
use crate::limits::{BACKLOG_MAX, CONNECT_DEADLINE, REQUEST_DEADLINE};
use crate::pace::{Pace, counted_from};
use crate::stamp::Stamp;

/// How often requests that are due are looked for.
const TICK: Duration = crore_rt::limits::TIMER_TICK;

/// The requests of the swarm.
#[derive(Default)]
pub(super) struct Pool {
    /// One for each connection.
    tasks: RefCell<Vec<JoinHandle<()>>>,
    /// Connections without a request under way, the longest idle first.
    idle: RefCell<VecDeque<(u32, StreamId)>>,
    /// From when the request under way counts, by connection.
    from: RefCell<Vec<Stamp>>,
    /// Moments of the schedule that were taken.
    taken: Cell<u64>,
    answered: Cell<u64>,
    last_answer: Cell<Option<Stamp>>,
    latencies: RefCell<Latencies>,
    /// The answer that was read whole last.
    known: RefCell<Box<[u8]>>,
}

impl Pool {
    pub(super) fn answered(&self) -> u64 {
        self.answered.get()
    }

    pub(super) fn latencies(&self) -> Buckets {
        self.latencies.borrow().buckets()
    }

    pub(super) fn last_answer(&self) -> Option<Stamp> {
        self.last_answer.get()
    }

    pub(super) fn clear(&self) {
        self.answered.set(0);
        self.last_answer.set(None);
        self.latencies.take();
    }
}

/// Opens the connections, so that no request waits for one.
pub(super) async fn enlist(swarm: &Rc<Swarm>) {
    let pool = &swarm.requests;
    for number in 0..swarm.plan.requesters {
        let options = ConnectOptions { source: swarm.source(number, true), ..ConnectOptions::default() };
        match timeout(CONNECT_DEADLINE, TcpStream::connect(swarm.plan.target, &options)).await {
            Ok(Ok(stream)) => {
                let place = pool.tasks.borrow().len() as u32;
                pool.idle.borrow_mut().push_back((place, stream.id()));
                pool.tasks.borrow_mut().push(spawn(serve(Rc::clone(swarm), place, stream)));
            }
            Ok(Err(error)) => swarm.failures.borrow_mut().count(&format!("request: connect: {}", reason(&error))),
            Err(_) => swarm.failures.borrow_mut().count("request: no connection in time"),
        }
    }
}

/// Requests from `start` to `end`, waits for the last answers, and closes.
pub(super) async fn run(swarm: &Rc<Swarm>, start: Stamp, end: Stamp, rate: u64) {
    let pool = &swarm.requests;
    let connections = pool.tasks.borrow().len();
    pool.taken.set(0);
    pool.from.replace(vec![start; connections]);
    let pace = Pace::new(start, rate.max(1), 0, 1);
    swarm.clock.reach(start).await;
    let due = pace.count_until(end);
    // The last ones may be sent a little late, because timers are; whole backlogs may not.
    while pool.taken.get() < due && swarm.clock.now() < end.after(BACKLOG_MAX) {
        dispatch(swarm, pace, end);
        sleep(TICK).await;
    }
    swarm.clock.reach(end).await;
    let unsent = due - pool.taken.get();
    swarm.failures.borrow_mut().add("request not sent in time: every connection was busy", unsent);
    let all_idle = || pool.idle.borrow().len() == connections;
    let mut waited = Duration::ZERO;
    while !all_idle() && waited < REQUEST_DEADLINE {
        sleep(TICK).await;
        waited += TICK;
    }
    let unanswered = (connections - pool.idle.borrow().len()) as u64;
    swarm.failures.borrow_mut().add(&format!("request: no answer within {REQUEST_DEADLINE}"), unanswered);
    pool.idle.take();
    // Cancelled, and so the connections closed.
    pool.tasks.take();
}

/// Sends what is due, as far as connections are idle.
fn dispatch(swarm: &Swarm, pace: Pace, end: Stamp) {
    let pool = &swarm.requests;
    let now = swarm.clock.now();
    loop {
        let due = pace.moment(pool.taken.get());
        if due > now || due >= end {
            return;
        }
        let Some((number, stream)) = pool.idle.borrow_mut().pop_front() else { return };
        bump(&pool.taken);
        pool.from.borrow_mut()[number as usize] = counted_from(due, now);
        if stream.send(swarm.words.request.clone()).is_err() {
            swarm.failures.borrow_mut().count("request: the connection had ended");
        }
    }
}

/// Reads the answers of one connection.
async fn serve(swarm: Rc<Swarm>, number: u32, mut stream: TcpStream) {
    let mut answers = Answers::without_bodies();
    let mut is_between = true;
    let end = loop {
        let lease = match stream.recv().await {
            Ok(lease) if lease.is_empty() => break "closed by the gateway".to_owned(),
            Ok(lease) => lease,
            Err(error) => break reason(&error),
        };
        if is_between && *lease == **swarm.requests.known.borrow() {
            swarm.on_answer(number, stream.id());
            continue;
        }
        let mut done = None;
        if let Err(why) = answers.take(&lease, |answer: &Answer<'_>| done = Some((answer.status, answer.keeps))) {
            break why;
        }
        let was_between = std::mem::replace(&mut is_between, done.is_some());
        match done {
            Some((Status::OK, true)) => {
                if was_between {
                    *swarm.requests.known.borrow_mut() = (*lease).into();
                }
                swarm.on_answer(number, stream.id());
            }
            Some((status, _)) => break format!("status {status}, or an answer that ends the connection"),
            None => {}
        }
    };
    swarm.failures.borrow_mut().count(&format!("request: {end}"));
}

impl Swarm {
    fn on_answer(&self, number: u32, stream: StreamId) {
        let pool = &self.requests;
        let now = client::turn(self);
        pool.latencies.borrow_mut().record(now.since(pool.from.borrow()[number as usize]));
        pool.last_answer.set(Some(now));
        bump(&pool.answered);
        pool.idle.borrow_mut().push_back((number, stream));
    }
}
