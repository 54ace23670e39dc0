//! One value, once, between two tasks of a core.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::executor::waker::WakeSlot;

struct State<T> {
    value: RefCell<Option<T>>,
    sender_alive: Cell<bool>,
    waiter: Cell<WakeSlot>,
}

/// Gives the value.
pub struct Sender<T>(Rc<State<T>>);

/// Waits for the value: a future of `Result<T, Dropped>`.
#[must_use = "a receiver does nothing unless awaited"]
pub struct Receiver<T>(Rc<State<T>>);

/// The sender was dropped without giving a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender was dropped without giving a value")
    }
}

impl std::error::Error for Dropped {}

/// A channel for one value. Costs one small allocation.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Rc::new(State { value: RefCell::new(None), sender_alive: Cell::new(true), waiter: Cell::default() });
    (Sender(Rc::clone(&state)), Receiver(state))
}

impl<T> Sender<T> {
    /// Gives the value; it comes back when nobody waits for it any more.
    ///
    /// # Errors
    /// The value, if the receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        if Rc::strong_count(&self.0) == 1 {
            return Err(value);
        }
        *self.0.value.borrow_mut() = Some(value);
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.sender_alive.set(false);
        self.0.waiter.take().wake();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Dropped>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(value) = self.0.value.borrow_mut().take() {
            return Poll::Ready(Ok(value));
        }
        if !self.0.sender_alive.get() {
            return Poll::Ready(Err(Dropped));
        }
        let mut waiter = self.0.waiter.take();
        waiter.store(context.waker());
        self.0.waiter.set(waiter);
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.waiter.take().clear();
    }
}
