//! Huge pages that are there before somebody needs them.
//!
//! The first touch of a huge page is a pause for whoever makes it: 0.25 ms of zeroing, or 6 ms where a hypervisor must find
//! the memory first. Tables grow in order, so they know which page comes next. They name it here while they still fill the
//! one before, and a thread touches it for them (`MADV_POPULATE_WRITE`).
//!
//! The thread has ordinary priority and little to do. A lower one would be wrong: it holds a lock of the address space while
//! the page is made, and if others had its processor meanwhile, all who need memory mapped would wait for them.
//!
//! Invariants:
//! - nothing here changes what a program reads, and a table that comes to its page first takes it itself;
//! - what is being made ready is not unmapped: each request holds its mapping;
//! - there is one thread in a process, started by the first request; requests that it cannot take are dropped and counted.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::limits::{AHEAD_STACK_BYTES, AHEAD_WAITING_PAGES_MAX};
use crate::map::Mapping;

/// What has become of the huge pages that this process asked for ahead of use, since it began.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Ahead {
    /// Asked for: the sum of all below, and those that wait.
    pub asked: u64,
    /// There when the thread was done with it, by its work or because somebody was quicker.
    pub ready: u64,
    /// Refused by the kernel, which is most likely short of memory: the table will see.
    pub refused: u64,
    /// Dropped, because too many were waiting.
    pub dropped: u64,
}

impl Ahead {
    /// Those that wait or are being made ready.
    pub fn waiting(self) -> u64 {
        // Counters are read one after the other while others count on.
        self.asked.saturating_sub(self.ready + self.refused + self.dropped)
    }
}

/// What has become of all requests so far.
pub fn ahead() -> Ahead {
    let [ready, refused, dropped] = [&READY, &REFUSED, &DROPPED].map(|counter| counter.load(Relaxed));
    Ahead { asked: ASKED.load(Relaxed), ready, refused, dropped }
}

static ASKED: AtomicU64 = AtomicU64::new(0);
static READY: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// A part of a mapping whose memory is wanted.
struct Request {
    mapping: Arc<Mapping>,
    bytes: Range<usize>,
}

/// Requests on their way to the thread. `None` if the system gives us no thread.
static WAITING: OnceLock<Option<SyncSender<Request>>> = OnceLock::new();

/// Asks for the memory of whole pages. Never waits for anything but, the first time, the start of the thread.
pub(crate) fn ask(mapping: &Arc<Mapping>, bytes: Range<usize>) {
    ASKED.fetch_add(1, Relaxed);
    let request = Request { mapping: Arc::clone(mapping), bytes };
    let taken = WAITING.get_or_init(start).as_ref().is_some_and(|waiting| waiting.try_send(request).is_ok());
    if !taken {
        DROPPED.fetch_add(1, Relaxed);
    }
}

fn start() -> Option<SyncSender<Request>> {
    let (sender, receiver) = sync_channel(AHEAD_WAITING_PAGES_MAX);
    let thread = thread::Builder::new().name("crore-pages".into()).stack_size(AHEAD_STACK_BYTES);
    thread.spawn(move || work(&receiver)).ok().map(|_| sender)
}

/// The thread, until the process ends.
fn work(requests: &Receiver<Request>) {
    leave_the_core();
    for Request { mapping, bytes } in requests {
        let counter = if mapping.populate(bytes).is_ok() { &READY } else { &REFUSED };
        drop(mapping);
        counter.fetch_add(1, Relaxed);
    }
}

/// Lets the thread run on every processor that some thread of this process may use: it would inherit the one to which the
/// core that asked first is pinned. Where this is refused, it shares that one.
fn leave_the_core() {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return;
    };
    let names = threads.filter_map(|thread| thread.ok()?.file_name().into_string().ok());
    let sets = names.filter_map(|name| sched_getaffinity(Pid::from_raw(name.parse().ok()?)).ok());
    let mut all = CpuSet::new();
    for set in sets {
        (0..CpuSet::MAX_CPU).filter(|processor| set.is_set(*processor)).for_each(|processor| all.set(processor));
    }
    let _ = sched_setaffinity(None, &all);
}

#[cfg(test)]
pub(crate) mod tests;
