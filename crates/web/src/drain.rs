//! Graceful shutdown of one core's server.
//!
//! Every connection task that speaks HTTP has a place here, which holds its waker: starting the drain wakes them all,
//! the idle ones close at once, the others after their response. Connections that were taken over have left.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crore_rt::channel::notify::Notify;

/// A handle to the shutdown of a server; clones are the same.
#[derive(Clone, Default)]
pub struct Drain(Rc<State>);

#[derive(Default)]
struct State {
    is_started: Cell<bool>,
    accepts_no_more: Cell<bool>,
    places: RefCell<Places>,
    /// Those who want to know that it starts, and hold it up in no way.
    curious: RefCell<Places>,
    /// Rung when the last place is left.
    empty: Notify,
}

/// Places whose memory is kept when nobody has one.
const PLACES_KEPT: usize = 64;

#[derive(Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<u32>,
}

impl Places {
    fn enter(&mut self, waker: &Waker) -> u32 {
        let waker = Some(waker.clone());
        if let Some(place) = self.free.pop() {
            assert!(self.wakers[place as usize].is_none(), "a free place has no waker");
            self.wakers[place as usize] = waker;
            return place;
        }
        self.wakers.push(waker);
        u32::try_from(self.wakers.len() - 1).expect("a core has less than 2^32 tasks")
    }

    /// True if it was the last that was taken.
    fn leave(&mut self, place: u32) -> bool {
        let waker = self.wakers[place as usize].take();
        assert!(waker.is_some(), "a place is left once");
        self.free.push(place);
        let is_last = self.free.len() == self.wakers.len();
        if is_last {
            self.clear();
        }
        is_last
    }

    /// Nobody has one: memory of a crowd goes back, that of a few is kept for the next.
    fn clear(&mut self) {
        self.wakers.clear();
        self.free.clear();
        self.wakers.shrink_to(PLACES_KEPT);
        self.free.shrink_to(PLACES_KEPT);
    }
}

impl Drain {
    /// Stops accepting, lets requests that are under way be answered with `Connection: close`, closes idle
    /// connections. Returns at once; wakes every connection once.
    pub fn start(&self) {
        self.0.is_started.set(true);
        self.stop_accepting();
    }

    /// Closes the listeners; connections go on as before until [`start`](Drain::start). So a load balancer can still be told,
    /// on a connection it has, that this server is about to stop.
    pub fn stop_accepting(&self) {
        self.0.accepts_no_more.set(true);
        // Collected first: a waker may be anybody's code, and call us.
        let mut wakers: Vec<Waker> = self.0.places.borrow().wakers.iter().flatten().cloned().collect();
        wakers.extend(self.0.curious.borrow().wakers.iter().flatten().cloned());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether [`start`](Drain::start) was called.
    pub fn is_started(&self) -> bool {
        self.0.is_started.get()
    }

    pub(crate) fn accepts_no_more(&self) -> bool {
        self.0.accepts_no_more.get()
    }

    /// Connections that still speak HTTP, and listeners that are still open.
    pub fn remaining(&self) -> usize {
        let places = self.0.places.borrow();
        places.wakers.len() - places.free.len()
    }

    /// Waits until nothing remains. One task at a time may wait.
    pub async fn finished(&self) {
        while self.remaining() > 0 {
            self.0.empty.notified().await;
        }
    }

    /// Waits until [`start`](Drain::start) is called: for handlers that would wait longer, like long polls and streams of events.
    pub async fn started(&self) {
        let mut place = Place { of: &self.0.curious, index: None };
        poll_fn(|context| {
            if self.is_started() {
                return Poll::Ready(());
            }
            // Anew each time: the task may have another waker now.
            place.leave();
            place.index = Some(self.0.curious.borrow_mut().enter(context.waker()));
            Poll::Pending
        })
        .await;
    }

    /// Takes a place for a task, to be woken when the drain starts.
    pub(crate) fn enter(&self, waker: &Waker) -> u32 {
        self.0.places.borrow_mut().enter(waker)
    }

    pub(crate) fn leave(&self, place: u32) {
        if self.0.places.borrow_mut().leave(place) {
            self.0.empty.notify();
        }
    }

    /// Waits for `future`, but only until the listeners are to be closed.
    pub(crate) async fn while_accepting<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut place = Accepting { drain: self, index: None };
        let mut future = pin!(future);
        poll_fn(|context| {
            if self.accepts_no_more() {
                return Poll::Ready(None);
            }
            if place.index.is_none() {
                place.index = Some(self.enter(context.waker()));
            }
            future.as_mut().poll(context).map(Some)
        })
        .await
    }
}

/// A listener's place, left when it is closed.
struct Accepting<'a> {
    drain: &'a Drain,
    index: Option<u32>,
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        if let Some(index) = self.index {
            self.drain.leave(index);
        }
    }
}

/// A place that is left when whoever waits gives up.
struct Place<'a> {
    of: &'a RefCell<Places>,
    index: Option<u32>,
}

impl Place<'_> {
    fn leave(&mut self) {
        if let Some(index) = self.index.take() {
            self.of.borrow_mut().leave(index);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
