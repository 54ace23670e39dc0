//! A pool: a bounded queue of jobs, and the threads that are started when there is work and end when there is none.
//!
//! Jobs begin in the order in which they came. Whoever finds the queue full waits in line outside, with the closure still
//! in hand, and is *granted* the room that comes free: nobody overtakes, and a grant that is not used is passed on.
//!
//! Invariants: queued jobs and grants together never exceed the bound; a queued job is taken by a thread, withdrawn, or refused
//! because no thread could be started, never forgotten; wakers are woken and dropped while nothing is locked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::job::{Ran, Work};
use super::{PoolStats, thread};
use crate::sync::{self, Condvar, Mutex, MutexGuard};

/// What a pool is to be.
pub(crate) struct Settings {
    /// Its threads' name.
    pub(crate) name: &'static str,
    /// Threads at most, to begin with; see [`Shared::allow`].
    pub(crate) threads_max: usize,
    /// Jobs that may wait for a thread.
    pub(crate) queued_max: usize,
    /// How long a thread without work stays.
    pub(crate) kept: Duration,
    /// Its threads give way to everything else.
    pub(crate) low_priority: bool,
}

/// A pool. Dropping it has its threads end as soon as no job is queued.
pub(crate) struct Pool {
    pub(super) shared: Arc<Shared>,
}

/// What the threads of a pool and those who ask it share.
pub(super) struct Shared {
    settings: Settings,
    state: Mutex<State>,
    /// Rung for one thread when a job was queued, for all when the pool ends.
    came: Condvar,
}

struct State {
    threads_max: usize,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    /// The pool is gone: threads end.
    ended: bool,
    next_ticket: u64,
    /// By ticket, so in the order in which they came; any of them can be withdrawn.
    queue: BTreeMap<u64, Arc<dyn Work>>,
    /// Those who found the queue full, by ticket.
    line: BTreeMap<u64, Waker>,
    /// Those of the line who may come in now, and have been woken to do so.
    granted: BTreeSet<u64>,
    running: usize,
    done: u64,
    panicked: u64,
    abandoned: u64,
}

/// Where a job is after it was offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In the queue, or beyond it, under this ticket.
    Queued(u64),
    /// In line for a place in the queue, under this ticket. Whoever holds it is woken when there is one.
    InLine(u64),
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Pool {
        assert!(settings.threads_max > 0, "a pool needs at least one thread");
        assert!(settings.queued_max > 0, "a pool needs room for at least one job");
        let state = State {
            threads_max: settings.threads_max,
            threads: 0,
            idle: 0,
            ended: false,
            next_ticket: 0,
            queue: BTreeMap::new(),
            line: BTreeMap::new(),
            granted: BTreeSet::new(),
            running: 0,
            done: 0,
            panicked: 0,
            abandoned: 0,
        };
        Pool { shared: Arc::new(Shared { settings, state: Mutex::new(state), came: Condvar::new() }) }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.came.notify_all();
    }
}

impl Shared {
    /// Lets the pool have at least so many threads from now on.
    pub(super) fn allow(&self, threads: usize) {
        let mut state = self.lock();
        state.threads_max = state.threads_max.max(threads);
    }

    /// Puts a job into the queue, or, with a waker, its owner in line. None: there is no room, and no waker was given.
    pub(super) fn offer(
        self: &Arc<Self>,
        work: Arc<dyn Work>,
        held: Option<u64>,
        waker: Option<&Waker>,
    ) -> Option<Place> {
        let mine = waker.cloned();
        let mut state = self.lock();
        let granted = held.is_some_and(|ticket| state.granted.remove(&ticket));
        let free = state.queue.len() + state.granted.len() < self.settings.queued_max;
        let enters = granted || (free && state.line.is_empty());
        if !enters {
            let mine = mine?;
            let ticket = held.unwrap_or_else(|| state.ticket());
            let before = state.line.insert(ticket, mine);
            drop(state);
            drop(before);
            return Some(Place::InLine(ticket));
        }
        let ticket = held.unwrap_or_else(|| state.ticket());
        let before = state.queue.insert(ticket, work);
        assert!(before.is_none(), "a ticket is used once");
        assert!(state.queue.len() + state.granted.len() <= self.settings.queued_max);
        let starts = state.queue.len() > state.idle && state.threads < state.threads_max;
        state.threads += usize::from(starts);
        drop(state);
        if starts {
            self.start_thread();
        } else {
            self.came.notify_one();
        }
        Some(Place::Queued(ticket))
    }

    /// Whoever holds this place is gone; a job that has not begun will not.
    pub(super) fn leave(&self, place: Place) {
        let mut state = self.lock();
        let (work, waker) = match place {
            Place::Queued(ticket) => (state.queue.remove(&ticket), None),
            Place::InLine(ticket) => {
                state.granted.remove(&ticket);
                (None, state.line.remove(&ticket))
            }
        };
        state.abandoned += u64::from(work.is_some());
        let next = state.grant(self.settings.queued_max);
        drop(state);
        drop((work, waker));
        wake(next);
    }

    pub(super) fn stats(&self) -> PoolStats {
        let state = self.lock();
        PoolStats {
            threads: state.threads,
            queued: state.queue.len(),
            in_line: state.line.len() + state.granted.len(),
            running: state.running,
            done: state.done,
            panicked: state.panicked,
            abandoned: state.abandoned,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.state)
    }

    /// Starts the thread that is already counted.
    fn start_thread(self: &Arc<Self>) {
        let (shared, settings) = (Arc::clone(self), &self.settings);
        let thread = sync::thread::Builder::new().name(settings.name.to_owned());
        let low_priority = settings.low_priority;
        let started = thread.spawn(move || {
            thread::settle_in(low_priority);
            shared.serve();
        });
        if let Err(error) = started {
            self.no_thread(error.kind());
        }
    }

    /// No thread could be started. The others take the work; if there are none, nobody ever would, so it is refused.
    fn no_thread(&self, why: io::ErrorKind) {
        let mut state = self.lock();
        state.threads -= 1;
        if state.threads > 0 {
            drop(state);
            self.came.notify_one();
            return;
        }
        let refused = std::mem::take(&mut state.queue);
        let mut woken = Vec::new();
        while let Some(next) = state.grant(self.settings.queued_max) {
            woken.push(next);
        }
        drop(state);
        refused.into_values().for_each(|work| shielded(|| work.refuse(why)));
        woken.into_iter().for_each(|waker| shielded(|| waker.wake()));
    }

    /// The life of a thread: runs jobs, waits a while for the next, ends.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some((_, work)) = state.queue.pop_first() {
                state.running += 1;
                let next = state.grant(self.settings.queued_max);
                drop(state);
                shielded(|| wake(next));
                let ran = run_and_drop(work);
                state = self.lock();
                state.running -= 1;
                state.count(ran);
                continue;
            }
            if state.ended || self.settings.kept.is_zero() {
                break;
            }
            state.idle += 1;
            let waited = self.came.wait_timeout(state, self.settings.kept);
            let (woken, waited) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        // Under the lock that saw the queue empty: who queues after this sees a thread less.
        state.threads -= 1;
    }
}

/// A result that nobody wants may panic when dropped: the thread survives that, too.
fn run_and_drop(work: Arc<dyn Work>) -> Ran {
    catch_unwind(AssertUnwindSafe(move || work.run())).unwrap_or(Ran::Abandoned)
}

/// Somebody else's code, a waker's or a destructor's, whose panic must not keep the rest from being done.
fn shielded(call: impl FnOnce()) {
    // The panic has been reported where it began, and concerns nobody here.
    let _ = catch_unwind(AssertUnwindSafe(call));
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl State {
    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// If there is room, lets the first in line in: whom to wake.
    fn grant(&mut self, queued_max: usize) -> Option<Waker> {
        if self.queue.len() + self.granted.len() >= queued_max {
            return None;
        }
        let (ticket, waker) = self.line.pop_first()?;
        assert!(self.granted.insert(ticket), "a ticket is granted once");
        Some(waker)
    }

    fn count(&mut self, ran: Ran) {
        match ran {
            Ran::Done => self.done += 1,
            Ran::Panicked => self.panicked += 1,
            Ran::Abandoned => self.abandoned += 1,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
