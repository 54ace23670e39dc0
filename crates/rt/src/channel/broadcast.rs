//! Every value to every receiver, between tasks of one core, with a bounded memory of what was sent.
//!
//! The sender never waits: a receiver that is too slow finds that values are gone, and is told how many. For the latest value
//! alone there is [`watch`](crate::channel::watch); for many cores, or millions of receivers, there is the hub.
//!
//! ```no_run
//! # async fn example() {
//! use crore_rt::channel::broadcast::{self, Lost};
//!
//! let (sender, mut receiver) = broadcast::channel(16);
//! sender.send("hello");
//! match receiver.recv().await {
//!     Ok(value) => println!("{value}"),
//!     Err(Lost::Lagged(values)) => println!("too slow for {values} values"),
//!     Err(Lost::Closed) => println!("no more will come"),
//! }
//! # }
//! ```

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::waiters::Waiters;

struct State<T> {
    /// The last values, the newest at the back.
    history: RefCell<VecDeque<T>>,
    capacity: usize,
    /// The number of the value that comes next; values count from 0.
    next: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    waiters: Waiters,
}

/// Sends to all receivers; may be cloned.
pub struct Sender<T>(Rc<State<T>>);

/// Hears every value that is sent after it [subscribed](Sender::subscribe). A clone goes on from where this one is.
pub struct Receiver<T> {
    state: Rc<State<T>>,
    /// The number of the value that it hears next.
    next: u64,
    place: u32,
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The receiver was too slow: so many values came and went. It goes on with the oldest that is there.
    Lagged(u64),
    /// All senders are gone, and everything was heard.
    Closed,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Lagged(values) => write!(f, "the receiver was too slow: {values} values are gone"),
            Lost::Closed => f.write_str("all senders are gone"),
        }
    }
}

impl std::error::Error for Lost {}

/// A channel that remembers the last `capacity` values. A value is cloned for each receiver, so large ones belong into an `Rc`
/// or a [`Payload`](crore_base::payload::Payload); it is dropped when `capacity` others came, or the channel is.
///
/// # Panics
/// If `capacity` is zero.
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel remembers at least one value");
    let state = Rc::new(State {
        history: RefCell::default(),
        capacity,
        next: Cell::new(0),
        senders: Cell::new(1),
        receivers: Cell::new(0),
        waiters: Waiters::default(),
    });
    let sender = Sender(state);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T: Clone> Sender<T> {
    /// Sends to all who are subscribed; never waits. How many they are: for 0 the value is dropped.
    ///
    /// Costs a look at each receiver's place, and a wake-up for those who wait.
    pub fn send(&self, value: T) -> usize {
        let receivers = self.0.receivers.get();
        if receivers == 0 {
            return 0;
        }
        let mut history = self.0.history.borrow_mut();
        let forgotten = if history.len() == self.0.capacity { history.pop_front() } else { None };
        history.push_back(value);
        assert!(history.len() <= self.0.capacity);
        drop(history);
        self.0.next.set(self.0.next.get() + 1);
        drop(forgotten);
        self.0.waiters.wake_all();
        receivers
    }

    /// A receiver of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.receiver(self.0.next.get())
    }

    /// How many receivers there are.
    pub fn receivers(&self) -> usize {
        self.0.receivers.get()
    }
}

impl<T> State<T> {
    fn receiver(self: &Rc<Self>, next: u64) -> Receiver<T> {
        self.receivers.set(self.receivers.get() + 1);
        Receiver { state: Rc::clone(self), next, place: self.waiters.join() }
    }
}

impl<T: Clone> Receiver<T> {
    /// The next value. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Lost`]: values were missed, or no more will come.
    pub async fn recv(&mut self) -> Result<T, Lost> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`recv`](Receiver::recv), for those who wait for several things.
    pub fn poll_recv(&mut self, context: &Context<'_>) -> Poll<Result<T, Lost>> {
        if let Some(result) = self.try_recv() {
            return Poll::Ready(result);
        }
        self.state.waiters.wait(self.place, context.waker());
        Poll::Pending
    }

    /// The next value, or why there never will be one; none: nothing now.
    pub fn try_recv(&mut self) -> Option<Result<T, Lost>> {
        let history = self.state.history.borrow();
        let sent = self.state.next.get();
        let oldest = sent - history.len() as u64;
        assert!(self.next <= sent, "nobody hears what was not sent");
        if self.next < oldest {
            let missed = oldest - self.next;
            self.next = oldest;
            return Some(Err(Lost::Lagged(missed)));
        }
        if let Some(value) = history.get((self.next - oldest) as usize) {
            self.next += 1;
            return Some(Ok(value.clone()));
        }
        (self.state.senders.get() == 0).then_some(Err(Lost::Closed))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.senders.set(self.0.senders.get() + 1);
        Sender(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.senders.set(self.0.senders.get() - 1);
        if self.0.senders.get() == 0 {
            self.0.waiters.wake_all();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.state.receiver(self.next)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.state.waiters.leave(self.place);
        self.state.receivers.set(self.state.receivers.get() - 1);
        if self.state.receivers.get() == 0 {
            // Nobody is left who could hear them.
            let unheard = std::mem::take(&mut *self.state.history.borrow_mut());
            drop(unheard);
        }
    }
}
