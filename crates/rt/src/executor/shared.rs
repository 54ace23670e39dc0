//! What other threads may touch of a runtime: its wake maps and the descriptors that end its sleeps.
//!
//! A waker may outlive its task, its worker and its runtime. So what a waker leads to is never freed: the shared part of a
//! runtime belongs to its *place* (a number from 1 to 254), is made when the place is first taken, and serves the next
//! runtime that takes the place. A stale waker then sets a bit that nobody reads, or wakes somebody without need; the
//! descriptor that it may write to is open for ever, so it can never be another file by then.
//!
//! The two flags of a core are only ever *exchanged*, never plainly stored: an exchange hands on what all exchanges before it
//! handed over. So of two notifiers the owner sees what both did, and either the notifier finds the owner asleep, or the owner,
//! about to sleep, finds what is pending. `models/wake.rs` shows it in every order.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::{Mutex, OnceLock};

use super::bell::Bell;
use super::wakemap::WakeMap;
use super::waker::TaskRef;
use crate::limits::{CORES_MAX, RUNTIMES_MAX};
use crate::sync::AtomicBool;

/// The shared part of one core.
pub(crate) struct SharedCore {
    wakes: WakeMap,
    /// Something came from elsewhere since the owner last looked.
    pending: AtomicBool,
    /// The owner sleeps, or is about to: who sets `pending` must write the descriptor.
    sleeping: AtomicBool,
    bell: Bell,
}

struct Place {
    cores: [OnceLock<SharedCore>; CORES_MAX],
    taken: atomic::AtomicBool,
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
                Box::new(Place { cores: [const { OnceLock::new() }; CORES_MAX], taken: atomic::AtomicBool::new(false) })
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
        core.wake(task.index());
    }
}

impl SharedCore {
    pub(crate) fn new() -> io::Result<SharedCore> {
        Ok(SharedCore {
            wakes: WakeMap::new(),
            pending: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            bell: Bell::new()?,
        })
    }

    /// Tells the owner that something is there for it: a wake-up, or a message in a ring.
    pub(crate) fn notify(&self) {
        self.pending.swap(true, AcqRel);
        if self.sleeping.swap(false, AcqRel) {
            self.bell.ring();
        }
    }

    /// The descriptor to wait on while asleep.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.descriptor()
    }

    /// The owner is about to sleep. False: something has come, do not.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.sleeping.swap(true, AcqRel);
        if self.pending.load(Acquire) {
            self.sleeping.swap(false, AcqRel);
            return false;
        }
        true
    }

    pub(crate) fn wake_up(&self) {
        // Only the owner says that it sleeps: if it reads that it does not, nobody can say otherwise.
        if self.sleeping.load(Relaxed) {
            self.sleeping.swap(false, AcqRel);
        }
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.pending.load(Acquire)
    }

    /// Takes what came from elsewhere; true if anything did.
    pub(crate) fn take(&self, woken: impl FnMut(u32)) -> bool {
        if !self.pending.load(Relaxed) || !self.pending.swap(false, AcqRel) {
            return false;
        }
        self.wakes.drain(woken);
        true
    }

    /// Marks a task of this core, and tells the owner.
    pub(crate) fn wake(&self, index: u32) {
        self.wakes.set(index);
        self.notify();
    }

    /// Where a model sleeps, which has no driver.
    #[cfg(loom)]
    pub(crate) fn sleep(&self) {
        self.bell.wait();
    }
}
