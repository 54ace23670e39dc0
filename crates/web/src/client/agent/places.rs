//! Connections of an agent: how many there may be, which are kept, and who waits for one.
//!
//! A [`Place`] is the right to one connection. Requests that find none wait in the order in which they came, over all hosts: a place
//! that becomes free goes to the oldest request that it can serve. A kept connection of another host is closed for it if need be.
//!
//! Invariants: a host has at most its share of places, all hosts together at most theirs; a host without places and waiters is
//! forgotten; who waits is bounded.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::Poll;

use crore_base::time::{Duration, Instant};
use crore_rt::channel::oneshot;
use crore_rt::{JoinHandle, spawn, time};

use super::AgentOptions;
use crate::client::ClientError;
use crate::client::link::Link;
use crate::client::url::Origin;

/// All places of an agent.
#[derive(Clone)]
pub(crate) struct Places(Rc<RefCell<State>>);

/// The right to one connection to one origin, until it is dropped; with a kept connection, or none yet.
pub(crate) struct Place {
    places: Places,
    origin: Rc<Origin>,
    link: Option<Link>,
}

struct State {
    per_host_max: usize,
    open_max: usize,
    waiting_max: usize,
    idle_timeout: Duration,
    hosts: HashMap<Rc<Origin>, Host>,
    /// Places given out or holding a kept connection.
    open: usize,
    waiting: usize,
    /// Numbers waiters and kept connections in the order in which they came.
    next_number: u64,
    /// Hosts whose oldest waiter could be served if only all hosts together had room, by that waiter's number.
    eligible: BTreeMap<u64, Rc<Origin>>,
    /// Hosts of the kept connections, longest kept first.
    kept: BTreeMap<u64, Rc<Origin>>,
    /// Closes what was kept too long; runs while something is kept.
    sweeper: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Host {
    open: usize,
    /// Longest kept first.
    kept: VecDeque<Kept>,
    waiters: BTreeMap<u64, oneshot::Sender<Place>>,
    /// Under which number it stands among the eligible.
    listed: Option<u64>,
}

struct Kept {
    number: u64,
    since: Instant,
    link: Link,
}

/// What one turn of handing out has decided.
struct Grant {
    waiter: oneshot::Sender<Place>,
    origin: Rc<Origin>,
    link: Option<Link>,
}

impl Places {
    pub(super) fn new(options: &AgentOptions) -> Places {
        assert!(options.connections_per_host > 0 && options.connections > 0, "an agent needs a connection");
        Places(Rc::new(RefCell::new(State {
            per_host_max: options.connections_per_host,
            open_max: options.connections,
            waiting_max: options.waiting,
            idle_timeout: options.idle_timeout,
            hosts: HashMap::new(),
            open: 0,
            waiting: 0,
            next_number: 0,
            eligible: BTreeMap::new(),
            kept: BTreeMap::new(),
            sweeper: None,
        })))
    }

    /// Waits for a place, in order.
    ///
    /// # Errors
    /// [`ClientError::Busy`] when too many wait, [`ClientError::TimedOut`].
    pub(super) async fn take(&self, origin: &Rc<Origin>, deadline: Instant) -> Result<Place, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let number = self.0.borrow_mut().enqueue(origin, sender);
        let waiting = Waiting { places: self, origin, number };
        self.hand_out();
        // Only the newest can be one too many: those before were not.
        self.0.borrow().check_waiting()?;
        let mut place = match time::deadline(deadline, receiver).await? {
            Ok(place) => place,
            Err(oneshot::Dropped) => unreachable!("a waiter is served, or leaves by itself"),
        };
        drop(waiting);
        place.check().await;
        Ok(place)
    }

    /// Places given out, kept connections, and requests that wait.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.0.borrow();
        (state.open - state.kept.len(), state.kept.len(), state.waiting)
    }

    /// Serves waiters while there is room.
    fn hand_out(&self) {
        loop {
            let granted = self.0.borrow_mut().grant();
            let Some(Grant { waiter, origin, link }) = granted else { return };
            let place = Place { places: self.clone(), origin, link };
            // A place that nobody takes any more gives itself back.
            drop(waiter.send(place));
        }
    }

    /// Begins to watch for connections that are kept too long, unless somebody does.
    fn sweep(&self) {
        let mut state = self.0.borrow_mut();
        if state.sweeper.is_none() && !state.kept.is_empty() {
            state.sweeper = Some(spawn(sweep(Rc::downgrade(&self.0))));
        }
    }
}

async fn sweep(places: Weak<RefCell<State>>) {
    loop {
        let Some(places) = places.upgrade() else { return };
        let (expired, next) = places.borrow_mut().expire(time::now());
        drop(expired);
        let Some(next) = next else {
            // This task is over with these words: dropping its handle cancels nothing.
            places.borrow_mut().sweeper.take().into_iter().for_each(JoinHandle::detach);
            return;
        };
        drop(places);
        time::sleep_until(next).await;
    }
}

/// A request in the queue: leaves it when it is dropped.
struct Waiting<'a> {
    places: &'a Places,
    origin: &'a Rc<Origin>,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.places.0.borrow_mut();
        let removed = state.hosts.get_mut(self.origin).and_then(|host| host.waiters.remove(&self.number));
        if removed.is_some() {
            state.waiting -= 1;
            state.refresh(self.origin);
        }
    }
}

impl Place {
    /// The kept connection, if there is one.
    pub(super) fn take_link(&mut self) -> Option<Link> {
        self.link.take()
    }

    /// Keeps a connection for the next request, and frees the place.
    pub(crate) fn keep(mut self, link: Link) {
        assert!(self.link.is_none(), "a place is for one connection");
        self.link = Some(link);
    }

    /// Closes a kept connection that its server has ended meanwhile, or has used to say what nobody asked for.
    async fn check(&mut self) {
        let Some(link) = &mut self.link else { return };
        let is_quiet = poll_fn(|context| Poll::Ready(link.stream.poll_recv(context).is_pending())).await;
        if !is_quiet {
            self.link = None;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let link = self.link.take();
        let is_kept = link.is_some();
        self.places.0.borrow_mut().give_back(&self.origin, link);
        if is_kept {
            self.places.sweep();
        }
        self.places.hand_out();
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("origin", &self.origin).field("link", &self.link).finish_non_exhaustive()
    }
}

impl State {
    fn enqueue(&mut self, origin: &Rc<Origin>, waiter: oneshot::Sender<Place>) -> u64 {
        let number = self.number();
        self.waiting += 1;
        self.hosts.entry(Rc::clone(origin)).or_default().waiters.insert(number, waiter);
        self.refresh(origin);
        number
    }

    fn check_waiting(&self) -> Result<(), ClientError> {
        match self.waiting > self.waiting_max {
            true => Err(ClientError::Busy { limit: self.waiting_max }),
            false => Ok(()),
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Decides for the oldest waiter that can be served.
    fn grant(&mut self) -> Option<Grant> {
        let (_, origin) = self.eligible.first_key_value()?;
        let origin = Rc::clone(origin);
        let host = self.hosts.get_mut(&origin).expect("an eligible host has a waiter");
        let link = host.kept.pop_back();
        let link = match link {
            Some(kept) => {
                self.kept.remove(&kept.number);
                Some(kept.link)
            }
            None if self.open < self.open_max || self.evict() => {
                self.open += 1;
                self.hosts.get_mut(&origin).expect("it has a waiter").open += 1;
                None
            }
            None => return None,
        };
        let host = self.hosts.get_mut(&origin).expect("it has a waiter");
        let (_, waiter) = host.waiters.pop_first().expect("it has a waiter");
        assert!(host.open <= self.per_host_max && self.open <= self.open_max, "places are bounded");
        self.waiting -= 1;
        self.refresh(&origin);
        Some(Grant { waiter, origin, link })
    }

    /// Closes the connection that was kept longest, if any is kept.
    fn evict(&mut self) -> bool {
        let Some((_, origin)) = self.kept.pop_first() else { return false };
        let host = self.hosts.get_mut(&origin).expect("a host with a kept connection is known");
        drop(host.kept.pop_front());
        host.open -= 1;
        self.open -= 1;
        self.refresh(&origin);
        true
    }

    fn give_back(&mut self, origin: &Rc<Origin>, link: Option<Link>) {
        let number = self.number();
        let host = self.hosts.get_mut(origin).expect("a host with a place is known");
        match link {
            Some(link) => {
                host.kept.push_back(Kept { number, since: time::now(), link });
                self.kept.insert(number, Rc::clone(origin));
            }
            None => {
                host.open -= 1;
                self.open -= 1;
            }
        }
        self.refresh(origin);
    }

    /// Takes out what was kept too long, and says when to look again.
    fn expire(&mut self, now: Instant) -> (Vec<Kept>, Option<Instant>) {
        let mut expired = Vec::new();
        while let Some((_, origin)) = self.kept.first_key_value() {
            let origin = Rc::clone(origin);
            let host = self.hosts.get_mut(&origin).expect("a host with a kept connection is known");
            let until = host.kept.front().expect("it keeps a connection").since + self.idle_timeout;
            if until > now {
                return (expired, Some(until));
            }
            expired.extend(host.kept.pop_front());
            host.open -= 1;
            self.open -= 1;
            self.kept.pop_first();
            self.refresh(&origin);
        }
        (expired, None)
    }

    /// Brings a host's entry among the eligible up to date, and forgets a host that nobody needs.
    fn refresh(&mut self, origin: &Rc<Origin>) {
        let Some(host) = self.hosts.get_mut(origin) else { return };
        let has_room = !host.kept.is_empty() || host.open < self.per_host_max;
        let listed = host.waiters.keys().next().copied().filter(|_| has_room);
        let before = std::mem::replace(&mut host.listed, listed);
        let is_needed = host.open > 0 || !host.waiters.is_empty();
        if before != listed {
            before.map(|number| self.eligible.remove(&number));
            listed.map(|number| self.eligible.insert(number, Rc::clone(origin)));
        }
        if !is_needed {
            self.hosts.remove(origin);
        }
    }
}
