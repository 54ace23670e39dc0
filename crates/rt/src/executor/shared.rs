//! What other threads may touch of a runtime: its wake maps and the descriptors that end its sleeps.
//!
//! A waker may outlive its task, its worker and its runtime. So what a waker leads to is never freed: the shared part of a
//! runtime belongs to its *place* (a number from 1 to 254), is made when the place is first taken, and serves the next
//! runtime that takes the place. A stale waker then sets a bit that nobody reads, or wakes somebody without need; the
//! descriptor that it may write to is open for ever, so it can never be another file by then.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock};

use rustix::event::{EventfdFlags, eventfd};

use super::task::Polled;
use super::wakemap::WakeMap;
use super::waker::TaskRef;
use crate::limits::{CORES_MAX, RUNTIMES_MAX};

/// The shared part of one core.
pub(crate) struct SharedCore {
    wakes: WakeMap,
    /// Something came from elsewhere since the owner last looked.
    pending: AtomicBool,
    /// The owner sleeps, or is about to: who sets `pending` must write the descriptor.
    sleeping: AtomicBool,
    bell: OwnedFd,
    /// What the owner is polling.
    pub(crate) polled: Polled,
}

struct Place {
    cores: [OnceLock<SharedCore>; CORES_MAX],
    taken: AtomicBool,
}

/// Place 1 is the first: no waker's number is zero.
static PLACES: [OnceLock<Box<Place>>; RUNTIMES_MAX] = [const { OnceLock::new() }; RUNTIMES_MAX];
/// Building a runtime is rare; the lock keeps two from taking one place.
static TAKING: Mutex<()> = Mutex::new(());

/// A place of this process, held by one runtime until dropped.
pub(crate) struct PlaceGuard {
    id: u8,
}

impl PlaceGuard {
    /// Takes a free place with `cores` cores. Fails when 254 runtimes live, or descriptors have run out.
    pub(crate) fn take(cores: usize) -> io::Result<PlaceGuard> {
        assert!((1..=CORES_MAX).contains(&cores));
        let _taking = TAKING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (id, place) in (1..).zip(&PLACES) {
            let place = place.get_or_init(|| {
                Box::new(Place { cores: [const { OnceLock::new() }; CORES_MAX], taken: AtomicBool::new(false) })
            });
            if place.taken.load(SeqCst) {
                continue;
            }
            for core in &place.cores[..cores] {
                if core.get().is_none() {
                    let _ = core.set(SharedCore::new()?);
                }
            }
            place.taken.store(true, SeqCst);
            return Ok(PlaceGuard { id });
        }
        Err(io::Error::other(format!(
            "{RUNTIMES_MAX} runtimes are alive in this process, the most there can be: let one end first"
        )))
    }

    pub(crate) fn id(&self) -> u8 {
        self.id
    }

    pub(crate) fn core(&self, core: usize) -> &'static SharedCore {
        core_of(self.id, core).expect("the cores of a place that is held exist")
    }
}

impl Drop for PlaceGuard {
    fn drop(&mut self) {
        let place = place_of(self.id).expect("a place that was taken exists");
        assert!(place.taken.swap(false, SeqCst));
    }
}

pub(crate) fn core_of(runtime: u8, core: usize) -> Option<&'static SharedCore> {
    place_of(runtime)?.cores.get(core)?.get()
}

fn place_of(id: u8) -> Option<&'static Place> {
    PLACES.get(usize::from(id).checked_sub(1)?)?.get().map(|place| &**place)
}

/// Wakes a task of another core, or from a thread that is none of ours.
pub(crate) fn wake(task: TaskRef) {
    if let Some(core) = core_of(task.runtime(), task.core()) {
        core.wakes.set(task.index());
        core.notify();
    }
}

impl SharedCore {
    fn new() -> io::Result<SharedCore> {
        Ok(SharedCore {
            wakes: WakeMap::new(),
            pending: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            bell: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            polled: Polled::default(),
        })
    }

    /// Tells the owner that something is there for it: a wake-up, or a message in a ring.
    pub(crate) fn notify(&self) {
        self.pending.store(true, SeqCst);
        if self.sleeping.swap(false, SeqCst) {
            // It can only fail when the counter is full, and then the bell rings already.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    /// The descriptor to wait on while asleep.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.bell)
    }

    /// The owner is about to sleep. False: something has come, do not.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.sleeping.store(true, SeqCst);
        if self.pending.load(SeqCst) {
            self.sleeping.store(false, SeqCst);
            return false;
        }
        true
    }

    pub(crate) fn wake_up(&self) {
        self.sleeping.store(false, SeqCst);
    }

    /// Whether the owner sleeps, or is about to.
    pub(crate) fn is_asleep(&self) -> bool {
        self.sleeping.load(SeqCst)
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.pending.load(SeqCst)
    }

    /// Takes what came from elsewhere; true if anything did.
    pub(crate) fn take(&self, woken: impl FnMut(u32)) -> bool {
        if !self.pending.swap(false, SeqCst) {
            return false;
        }
        self.wakes.drain(woken);
        true
    }
}
