//! The two ways to ask on connections that are open.
//!
//! *Paced* is an open loop: the moment of each request is fixed beforehand, a connection that is free takes the next one, and
//! latency counts from the moment, whether a connection was free then or not ("coordinated omission" is what it avoids).
//! *Saturated* is a closed loop: a connection asks again as soon as it is answered, so as many requests are in flight as there
//! are connections, and no more.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crore_rt::limits::TIMER_TICK;
use crore_rt::spawn;
use crore_rt::time::{Duration, Instant, precise_now, sleep_until};

use super::caller::Caller;
use super::questions::Questions;
use super::tally::Tally;
use crate::harness::limits::BACKLOG_MAX;

/// The failure of a request whose moment has passed without a connection that could take it.
pub(crate) const UNSENT: &str = "not sent in time: every connection was busy or gone";

/// The moments of requests: `rate` a second from `start` until `end`.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    start: Instant,
    end: Instant,
    /// None: at once, whenever a connection is free.
    rate: Option<u64>,
}

struct Pass {
    schedule: Schedule,
    questions: Rc<Questions>,
    taken: Cell<u64>,
    tally: RefCell<Tally>,
    last: Cell<Instant>,
}

/// Asks at the moments of a schedule. Gives back the connections that have not failed.
pub(crate) async fn paced(
    callers: Vec<Caller>,
    questions: &Rc<Questions>,
    rate: u64,
    span: Duration,
) -> (Vec<Caller>, Tally) {
    run(callers, questions, Some(rate), span).await
}

/// Asks as fast as is answered.
pub(crate) async fn saturated(callers: Vec<Caller>, questions: &Rc<Questions>, span: Duration) -> (Vec<Caller>, Tally) {
    run(callers, questions, None, span).await
}

async fn run(
    callers: Vec<Caller>,
    questions: &Rc<Questions>,
    rate: Option<u64>,
    span: Duration,
) -> (Vec<Caller>, Tally) {
    let start = precise_now();
    let pass = Rc::new(Pass {
        schedule: Schedule { start, end: start + span, rate },
        questions: Rc::clone(questions),
        taken: Cell::new(0),
        tally: RefCell::default(),
        last: Cell::new(start),
    });
    let tasks: Vec<_> = callers.into_iter().map(|caller| spawn(serve(Rc::clone(&pass), caller))).collect();
    let mut left = Vec::with_capacity(tasks.len());
    for task in tasks {
        match task.await {
            Ok(caller) => left.extend(caller),
            Err(_) => pass.tally.borrow_mut().failed("the client's own task panicked"),
        }
    }
    let mut tally = pass.tally.take();
    let unsent = pass.schedule.count().saturating_sub(pass.taken.get());
    tally.failed_times(UNSENT, unsent);
    // A pass with a schedule lasts as long as its schedule, if the answers kept up with it.
    tally.span = match rate {
        Some(_) => span.max(pass.last.get() - start),
        None => pass.last.get() - start,
    };
    (left, tally)
}

async fn serve(pass: Rc<Pass>, mut caller: Caller) -> Option<Caller> {
    while let Some(due) = pass.take() {
        if precise_now() < due {
            sleep_until(due).await;
        }
        let from = pass.schedule.counted_from(due, precise_now());
        match caller.ask(&pass.questions).await {
            Ok(kind) => {
                let now = precise_now();
                pass.last.set(now);
                pass.tally.borrow_mut().answered(kind, now - from);
            }
            Err(reason) => {
                pass.tally.borrow_mut().failed(&reason);
                return None;
            }
        }
    }
    Some(caller)
}

impl Pass {
    /// The moment of the next request, if there is one.
    fn take(&self) -> Option<Instant> {
        let (now, taken) = (precise_now(), self.taken.get());
        let due = self.schedule.moment(taken).unwrap_or(now);
        if due >= self.schedule.end || now >= self.schedule.end + BACKLOG_MAX {
            return None;
        }
        self.taken.set(taken + 1);
        Some(due)
    }
}

impl Schedule {
    /// When request number `index` is due; none: when a connection is free.
    fn moment(self, index: u64) -> Option<Instant> {
        let nanos = u128::from(index) * 1_000_000_000 / u128::from(self.rate?);
        Some(self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// How many are due before the end.
    fn count(self) -> u64 {
        let Some(rate) = self.rate else { return 0 };
        let nanos = u128::from((self.end - self.start).as_nanos());
        u64::try_from((nanos * u128::from(rate)).div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }

    /// From when a request counts that was due at `due` and is sent `now`: from its moment, but for the one tick by which our
    /// own timer may have woken us too late.
    fn counted_from(self, due: Instant, now: Instant) -> Instant {
        match self.rate {
            Some(_) => now.min(due + TIMER_TICK).max(due),
            None => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: u64, millis: u64) -> Schedule {
        let start = Instant::from_nanos(5_000);
        Schedule { start, end: start + Duration::from_millis(millis), rate: Some(rate) }
    }

    #[test]
    fn the_number_of_requests_before_the_end_agrees_with_their_moments() {
        for (rate, millis) in [(1, 1), (3, 1_000), (777, 1_234), (1_000_000, 7)] {
            let schedule = schedule(rate, millis);
            let count = schedule.count();
            assert!(schedule.moment(count - 1).unwrap() < schedule.end);
            assert!(schedule.moment(count).unwrap() >= schedule.end, "{rate} a second, {millis} ms");
        }
    }

    #[test]
    fn a_late_request_counts_from_its_moment_but_for_one_tick() {
        let schedule = schedule(1, 1);
        let due = Instant::from_nanos(5_000_000);
        let at = |nanos| schedule.counted_from(due, Instant::from_nanos(nanos)).as_nanos();
        assert_eq!((at(5_300_000), at(95_000_000), at(5_000_000)), (5_300_000, 6_000_000, 5_000_000));
    }
}
