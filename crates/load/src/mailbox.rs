//! Orders on their way to a lane: from another thread into a task of its runtime.
//!
//! A handful in the life of a run, so a lock is fine here.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

/// Orders in the order in which they were given. Clones are the same mailbox.
pub(crate) struct Mailbox<T>(Arc<Mutex<Inner<T>>>);

struct Inner<T> {
    orders: VecDeque<T>,
    reader: Option<Waker>,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Mailbox<T> {
        Mailbox(Arc::new(Mutex::new(Inner { orders: VecDeque::new(), reader: None })))
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Mailbox<T> {
        Mailbox(Arc::clone(&self.0))
    }
}

impl<T> Mailbox<T> {
    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing is left half done inside the lock, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Puts an order in, from any thread.
    pub(crate) fn send(&self, order: T) {
        let mut inner = self.inner();
        inner.orders.push_back(order);
        let reader = inner.reader.take();
        drop(inner);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The next order; one task reads.
    pub(crate) async fn next(&self) -> T {
        poll_fn(|context| {
            let mut inner = self.inner();
            match inner.orders.pop_front() {
                Some(order) => Poll::Ready(order),
                None => {
                    inner.reader = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
