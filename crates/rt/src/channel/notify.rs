//! "Something changed": a bell between tasks of one core that remembers one ring.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::executor::waker::WakeSlot;

/// Rung by anybody, heard by one waiter. Rings before the wait are one ring.
#[derive(Default)]
pub struct Notify {
    rung: Cell<bool>,
    waiter: Cell<WakeSlot>,
}

impl Notify {
    /// A bell that was not rung.
    pub fn new() -> Notify {
        Notify::default()
    }

    /// Rings. Costs an integer when nobody waits.
    pub fn notify(&self) {
        self.rung.set(true);
        self.waiter.take().wake();
    }

    /// Waits for a ring; returns at once if one was not yet heard.
    pub async fn notified(&self) {
        poll_fn(|context| self.poll_notified(context)).await;
    }

    /// As [`notified`](Notify::notified), for those who wait for several things.
    pub fn poll_notified(&self, context: &Context<'_>) -> Poll<()> {
        if self.rung.replace(false) {
            return Poll::Ready(());
        }
        let mut waiter = self.waiter.take();
        waiter.store(context.waker());
        self.waiter.set(waiter);
        Poll::Pending
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        self.waiter.take().clear();
    }
}
