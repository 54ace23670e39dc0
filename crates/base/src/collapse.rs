//! Huge pages for memory that is in use already, made in the background.
//!
//! Tables grow on ordinary pages, because the first touch of a huge one is a pause: 0.25 ms of zeroing, or 6 ms where a
//! hypervisor must find the memory first. What has filled a huge page is handed over here, by address. A thread has the
//! machine supply a huge page, by touching one of its own and giving it back at once; then it asks the kernel to collapse
//! the ordinary pages into it (`MADV_COLLAPSE`). So whoever uses that memory meanwhile waits for the copying of 2 MiB, about
//! 0.6 ms, and never for the hypervisor.
//!
//! While tables grow fast, the thread does nothing. The kernel first empties lists of every processor, in threads of its own
//! that must get their turn there, and keeps the address space from being changed until they have: whoever needs memory
//! mapped, as growing does, would wait for that.
//!
//! The thread has ordinary priority and little to do. A lower one would be wrong: it holds the lock of the address space
//! while it copies, and if others had its processor meanwhile, all who need the lock would wait for them; for seconds, when
//! measured under `SCHED_IDLE`.
//!
//! Invariants:
//! - nothing here changes what a program reads, so addresses need no owner: memory that is gone, or somebody else's by
//!   now, is skipped, or stands on a huge page at worst;
//! - there is one thread in a process, started by the first request; requests that it cannot take are dropped and counted;
//! - where huge pages are switched off (`never`), or the kernel cannot collapse (before Linux 6.1), nothing happens.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::limits::{
    COLLAPSE_QUIET_MILLIS, COLLAPSE_REST_MILLIS, COLLAPSE_STACK_BYTES, COLLAPSE_TRIES_MAX, COLLAPSE_WAITING_PAGES_MAX,
    HUGE_PAGE_BYTES,
};
use crate::map::{Map, collapse_at, is_resident};

/// What has become of the huge pages that this process asked for in the background, since it began.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Collapsed {
    /// Asked for: the sum of all below, and those that wait.
    pub asked: u64,
    /// Made.
    pub made: u64,
    /// Refused by the kernel, which is most likely short of them. Its own thread may make them later.
    pub refused: u64,
    /// The memory had been given back in the meantime, in part at least.
    pub gone: u64,
    /// Dropped: too many were waiting, or there are no huge pages here.
    pub dropped: u64,
}

impl Collapsed {
    /// Those that wait or are being made.
    pub fn waiting(self) -> u64 {
        // Counters are read one after the other while others count on.
        self.asked.saturating_sub(self.made + self.refused + self.gone + self.dropped)
    }
}

/// What has become of all requests so far.
pub fn collapsed() -> Collapsed {
    let [made, refused, gone, dropped] = [&MADE, &REFUSED, &GONE, &DROPPED].map(|counter| counter.load(Relaxed));
    Collapsed { asked: ASKED.load(Relaxed), made, refused, gone, dropped }
}

static ASKED: AtomicU64 = AtomicU64::new(0);
static MADE: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
static GONE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Addresses on their way to the thread. `None` if the system gives us no thread.
static WAITING: OnceLock<Option<SyncSender<usize>>> = OnceLock::new();

/// Asks for a huge page at an address, which is that of ordinary pages now. Never waits for anything but, the first time,
/// the start of the thread.
pub(crate) fn ask(address: usize) {
    assert!(address.is_multiple_of(HUGE_PAGE_BYTES), "{address:#x} is not the start of a huge page");
    #[cfg(test)]
    tests::count_asked();
    ASKED.fetch_add(1, Relaxed);
    let taken = WAITING.get_or_init(start).as_ref().is_some_and(|waiting| waiting.try_send(address).is_ok());
    if !taken {
        DROPPED.fetch_add(1, Relaxed);
    }
}

fn start() -> Option<SyncSender<usize>> {
    let (sender, receiver) = sync_channel(COLLAPSE_WAITING_PAGES_MAX);
    let thread = thread::Builder::new().name("crore-pages".into()).stack_size(COLLAPSE_STACK_BYTES);
    thread.spawn(move || work(&receiver)).ok().map(|_| sender)
}

/// The thread, until the process ends.
fn work(addresses: &Receiver<usize>) {
    leave_the_core();
    let supply = if is_allowed() { Supply::new() } else { None };
    let Some(mut supply) = supply else {
        for _ in addresses {
            DROPPED.fetch_add(1, Relaxed);
        }
        return;
    };
    let mut waiting = VecDeque::new();
    let mut patience = Duration::from_millis(COLLAPSE_QUIET_MILLIS);
    loop {
        let next = if waiting.is_empty() {
            addresses.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            addresses.recv_timeout(patience)
        };
        match next {
            Ok(address) => {
                patience = Duration::from_millis(COLLAPSE_QUIET_MILLIS);
                if waiting.len() < COLLAPSE_WAITING_PAGES_MAX {
                    waiting.push_back(address);
                } else {
                    DROPPED.fetch_add(1, Relaxed);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                patience = Duration::from_millis(COLLAPSE_REST_MILLIS);
                if let Some(address) = waiting.pop_front() {
                    supply.collapse(address).fetch_add(1, Relaxed);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// A huge page of our own, with which the machine is made to supply one.
struct Supply {
    page: Map<u8>,
}

impl Supply {
    /// `None` if this kernel does not collapse memory when asked.
    fn new() -> Option<Self> {
        let mut page = Map::new(HUGE_PAGE_BYTES).ok()?;
        // Without an ordinary page there is nothing to collapse, which the kernel says with the same error.
        page[0] = 1;
        let tried = collapse_at(page.base().addr().get());
        (tried != Err(Errno::INVAL)).then_some(Self { page })
    }

    /// Makes a huge page of the ordinary ones at this address. Returns the counter that says what became of it.
    fn collapse(&mut self, address: usize) -> &'static AtomicU64 {
        for _ in 0..COLLAPSE_TRIES_MAX {
            self.touch();
            if !is_resident(address) {
                return &GONE;
            }
            match collapse_at(address) {
                Ok(()) => return &MADE,
                Err(Errno::AGAIN) => thread::sleep(Duration::from_millis(COLLAPSE_REST_MILLIS)),
                Err(_) => return &REFUSED,
            }
        }
        &REFUSED
    }

    /// Takes a huge page and gives it back: the one that the kernel hands out next, on this processor, is that.
    fn touch(&mut self) {
        self.page[0] = 1;
        let bytes = self.page.len();
        self.page.release(0..bytes);
    }
}

/// Whether the operator allows huge pages. `MADV_COLLAPSE` does not ask.
fn is_allowed() -> bool {
    let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    setting.is_ok_and(|setting| !setting.contains("[never]"))
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
