//! A bounded queue between tasks of one core: many senders, one receiver.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::executor::waker::WakeSlot;

struct State<T> {
    queue: RefCell<VecDeque<T>>,
    capacity: usize,
    senders: Cell<usize>,
    receiver_alive: Cell<bool>,
    receiver: Cell<WakeSlot>,
    /// Senders that wait for room, in the order in which they came.
    waiting: RefCell<VecDeque<Rc<Cell<WakeSlot>>>>,
}

/// Puts values in; may be cloned.
pub struct Sender<T>(Rc<State<T>>);

/// Takes values out, in the order in which they were put in.
pub struct Receiver<T>(Rc<State<T>>);

/// Why a value was not put in; it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError<T> {
    /// The queue holds as many as it may.
    Full(T),
    /// The receiver is gone.
    Closed(T),
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full(_) => f.write_str("the queue is full"),
            SendError::Closed(_) => f.write_str("the receiver is gone"),
        }
    }
}

/// A queue of at most `capacity` values.
///
/// # Panics
/// If `capacity` is zero.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a queue needs room for at least one value");
    let state = Rc::new(State {
        queue: RefCell::default(),
        capacity,
        senders: Cell::new(1),
        receiver_alive: Cell::new(true),
        receiver: Cell::default(),
        waiting: RefCell::default(),
    });
    (Sender(Rc::clone(&state)), Receiver(state))
}

impl<T> Sender<T> {
    /// Puts a value in if there is room.
    ///
    /// # Errors
    /// The value, when the queue is full or the receiver gone.
    pub fn try_send(&self, value: T) -> Result<(), SendError<T>> {
        if !self.0.receiver_alive.get() {
            return Err(SendError::Closed(value));
        }
        let mut queue = self.0.queue.borrow_mut();
        if queue.len() >= self.0.capacity {
            return Err(SendError::Full(value));
        }
        queue.push_back(value);
        drop(queue);
        self.0.receiver.take().wake();
        Ok(())
    }

    /// Waits for room and puts the value in.
    ///
    /// # Errors
    /// The value, when the receiver is gone.
    pub async fn send(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        let place = Waiting { slot: Rc::new(Cell::new(WakeSlot::EMPTY)), line: &self.0.waiting };
        poll_fn(|context| match self.try_send(value.take().expect("polled after it was ready")) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(SendError::Closed(back)) => Poll::Ready(Err(back)),
            Err(SendError::Full(back)) => {
                value = Some(back);
                let mut slot = place.slot.take();
                if slot.is_empty() {
                    place.line.borrow_mut().push_back(Rc::clone(&place.slot));
                }
                slot.store(context.waker());
                place.slot.set(slot);
                Poll::Pending
            }
        })
        .await
    }
}

/// A waiting sender's place. One that gives up leaves the line: senders that try again and again while nobody receives would make it
/// grow for ever.
struct Waiting<'a> {
    slot: Rc<Cell<WakeSlot>>,
    line: &'a RefCell<VecDeque<Rc<Cell<WakeSlot>>>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut slot = self.slot.take();
        if !slot.is_empty() {
            self.line.borrow_mut().retain(|waiting| !Rc::ptr_eq(waiting, &self.slot));
            slot.clear();
        }
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
            self.0.receiver.take().wake();
        }
    }
}

impl<T> Receiver<T> {
    /// The next value, or none when all senders are gone and the queue is empty.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`recv`](Receiver::recv), for those who wait for several things.
    pub fn poll_recv(&mut self, context: &Context<'_>) -> Poll<Option<T>> {
        if let Some(value) = self.try_recv() {
            return Poll::Ready(Some(value));
        }
        if self.0.senders.get() == 0 {
            return Poll::Ready(None);
        }
        let mut slot = self.0.receiver.take();
        slot.store(context.waker());
        self.0.receiver.set(slot);
        Poll::Pending
    }

    /// The next value if one is there.
    pub fn try_recv(&mut self) -> Option<T> {
        let value = self.0.queue.borrow_mut().pop_front()?;
        self.wake_senders();
        Some(value)
    }

    /// Wakes every waiting sender: the first to run takes the room, the others wait again behind nobody.
    fn wake_senders(&self) {
        let waiting = std::mem::take(&mut *self.0.waiting.borrow_mut());
        for slot in waiting {
            slot.take().wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.receiver_alive.set(false);
        self.0.receiver.take().clear();
        self.wake_senders();
    }
}
