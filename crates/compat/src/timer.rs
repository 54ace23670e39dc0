//! Deadlines for hyper, by the core's timers; virtual in a simulated world.
//!
//! hyper wants sleeps that may go to other threads, and a timer of ours lives on its core. A [`Guarded`] sleep is plain data, so it *may*
//! move, but it knows its thread: polled on another it panics with a clear word, dropped on another it leaves its timer to expire.
//! Neither happens where the connection's [`Io`](crate::Io) is ours, because that cannot move.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crore_rt::time;

/// hyper's clock and alarm on a core. Make one on each core, or one for each connection: it is two numbers.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// The same moment on hyper's clock and on ours.
    theirs: Instant,
    ours: time::Instant,
}

impl Timer {
    /// A timer that begins with this turn of the loop.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new() -> Timer {
        Timer { theirs: Instant::now(), ours: time::now() }
    }
}

impl Default for Timer {
    fn default() -> Self {
        Timer::new()
    }
}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, span: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Guarded::pinned(time::now() + length(span))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Guarded::pinned(self.ours + length(deadline.saturating_duration_since(self.theirs)))
    }

    fn now(&self) -> Instant {
        self.theirs + Duration::from_nanos((time::now() - self.ours).as_nanos())
    }
}

/// Centuries are as good as longer spans.
fn length(span: Duration) -> time::Duration {
    time::Duration::from_nanos(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
}

/// A sleep that knows its thread.
struct Guarded {
    /// There until it is dropped.
    sleep: Option<time::Sleep>,
    home: ThreadId,
}

impl Guarded {
    fn pinned(deadline: time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Guarded { sleep: Some(time::sleep_until(deadline)), home: thread::current().id() })
    }

    fn is_at_home(&self) -> bool {
        thread::current().id() == self.home
    }
}

impl hyper::rt::Sleep for Guarded {}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        assert!(self.is_at_home(), "a sleep of one core was polled on another thread: keep the connection on its core");
        let sleep = self.sleep.as_mut().expect("it is there until it is dropped");
        Pin::new(sleep).poll(context)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.is_at_home() {
            // Its number means another timer here. At home it expires and wakes somebody who need not have been woken.
            std::mem::forget(self.sleep.take());
        }
    }
}

#[cfg(test)]
mod tests;
