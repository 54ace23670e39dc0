//! Waiting for a moment.
//!
//! Time is the worker's: read once a turn, and virtual under the `sim` driver, where an hour passes at once.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

pub use crore_base::time::{Duration, Instant};
use crore_base::wheel::TimerId;

use crate::current;
use crate::executor::waker::WakeSlot;

/// The time of this turn, since the runtime's start.
pub fn now() -> Instant {
    current::with(|worker| worker.now())
}

/// The time right now: reads the clock. For measuring, where [`now`] would be as old as the turn.
pub fn precise_now() -> Instant {
    current::with(|worker| worker.clock_now())
}

/// Waits for a span, rounded up to a millisecond; never less.
pub fn sleep(span: Duration) -> Sleep {
    sleep_until(now() + span)
}

/// Waits until a moment, at most a millisecond longer; never less.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, timer: None }
}

/// A wait for a moment: 24 bytes, and a timer of 24 while it waits. Dropping it costs a constant.
#[must_use = "a sleep does nothing unless awaited"]
#[derive(Debug)]
pub struct Sleep {
    deadline: Instant,
    timer: Option<TimerId>,
}

impl Sleep {
    fn disarm(&mut self) {
        if let Some(timer) = self.timer.take() {
            let slot = current::try_with(|worker| worker.timers().borrow_mut().cancel(timer));
            slot.unwrap_or_default().clear();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let is_armed = |timer| current::with(|worker| worker.timers().borrow().is_armed_for(timer, context.waker()));
        if current::with(|worker| worker.now()) < self.deadline && self.timer.is_some_and(is_armed) {
            return Poll::Pending; // polled for another reason
        }
        self.disarm();
        if current::with(|worker| worker.now()) >= self.deadline {
            return Poll::Ready(());
        }
        let mut slot = WakeSlot::EMPTY;
        slot.store(context.waker());
        self.timer = current::with(|worker| worker.timers().borrow_mut().arm(self.deadline, slot));
        if self.timer.is_none() {
            // Every timer is taken: ask again next turn rather than lose the sleeper.
            slot.wake();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// The time was over before the future was ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over first")
    }
}

impl std::error::Error for Elapsed {}

/// Waits for `future`, at most for `span`.
///
/// # Errors
/// [`Elapsed`]; the future is dropped.
pub fn timeout<F: Future>(span: Duration, future: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
    deadline(now() + span, future)
}

/// Waits for `future`, at most until `moment`.
///
/// # Errors
/// [`Elapsed`]; the future is dropped.
pub async fn deadline<F: Future>(moment: Instant, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = sleep_until(moment);
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed))
    })
    .await
}

/// Moments at equal distances. One that was missed is not made up for: the next tick is the next in the future.
#[derive(Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
}

impl Interval {
    /// The first tick comes one `period` from now.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn new(period: Duration) -> Interval {
        assert!(period > Duration::ZERO, "an interval needs a period above zero");
        Interval { next: now() + period, period }
    }

    /// Waits for the next tick.
    pub async fn tick(&mut self) {
        sleep_until(self.next).await;
        let now = now();
        let missed = now.saturating_since(self.next).as_nanos() / self.period.as_nanos();
        self.next += self.period * (missed + 1);
    }
}
