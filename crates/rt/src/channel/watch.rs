//! The latest value, for all who want to know when it changes, between tasks of one core.
//!
//! Values in between may be missed: for settings, states and figures. For every value there is
//! [`broadcast`](crate::channel::broadcast).

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::waiters::Waiters;

struct State<T> {
    value: RefCell<T>,
    /// How often it was changed.
    version: Cell<u64>,
    sender_alive: Cell<bool>,
    waiters: Waiters,
}

/// Changes the value.
pub struct Sender<T>(Rc<State<T>>);

/// Sees the value; may be cloned.
pub struct Receiver<T> {
    state: Rc<State<T>>,
    seen: u64,
    place: u32,
}

/// The sender is gone: the value will not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Final;

impl fmt::Display for Final {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender is gone: the value will not change any more")
    }
}

impl std::error::Error for Final {}

/// A value to be watched. The receiver has seen the first one.
pub fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
    let state = Rc::new(State {
        value: RefCell::new(first),
        version: Cell::new(0),
        sender_alive: Cell::new(true),
        waiters: Waiters::default(),
    });
    let receiver = Receiver { place: state.waiters.join(), state: Rc::clone(&state), seen: 0 };
    (Sender(state), receiver)
}

impl<T> Sender<T> {
    /// Puts another value in the place of the one that is there, and wakes who waits.
    ///
    /// # Panics
    /// If called while somebody of this task holds what [`Receiver::borrow`] gave.
    pub fn send(&self, value: T) {
        let before = self.0.value.replace(value);
        self.0.version.set(self.0.version.get() + 1);
        drop(before);
        self.0.waiters.wake_all();
    }

    /// A receiver that has seen the value that is there now.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { state: Rc::clone(&self.0), seen: self.0.version.get(), place: self.0.waiters.join() }
    }
}

impl<T> Receiver<T> {
    /// The value that is there now. Not to be held while waiting: nobody can change it meanwhile.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.state.value.borrow()
    }

    /// Waits for a value that this receiver has not seen; then it has.
    ///
    /// # Errors
    /// [`Final`]: none will come.
    pub async fn changed(&mut self) -> Result<(), Final> {
        poll_fn(|context| self.poll_changed(context)).await
    }

    /// As [`changed`](Receiver::changed), for those who wait for several things.
    pub fn poll_changed(&mut self, context: &Context<'_>) -> Poll<Result<(), Final>> {
        let version = self.state.version.get();
        if std::mem::replace(&mut self.seen, version) != version {
            return Poll::Ready(Ok(()));
        }
        if !self.state.sender_alive.get() {
            return Poll::Ready(Err(Final));
        }
        self.state.waiters.wait(self.place, context.waker());
        Poll::Pending
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.sender_alive.set(false);
        self.0.waiters.wake_all();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver { state: Rc::clone(&self.state), seen: self.seen, place: self.state.waiters.join() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.state.waiters.leave(self.place);
    }
}
