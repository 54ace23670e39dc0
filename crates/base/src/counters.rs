//! Counters that cost an addition: each core writes its own, and they are merged only when somebody reads them.
//!
//! A counter has one writer, its core, so an update is a load, an addition and a store without a locked instruction. The
//! counters of two cores never share a cache line. Readers on any thread see each counter as it was a moment ago; there is
//! no snapshot across counters, and metrics need none.
//!
//! What the numbers mean is the caller's: ids are indexes of an enum of its own. A gauge may go up on one core and down
//! on another: counters wrap, so the *sum* is right as long as the true total is not negative.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::CORE_APART_BYTES;

const COUNTERS_PER_LINE: usize = CORE_APART_BYTES / size_of::<AtomicU64>();

/// Counters of one core lie in whole lines, so that no other core's are in them.
#[derive(Default)]
#[repr(align(128))]
struct Line([AtomicU64; COUNTERS_PER_LINE]);

const _: () = assert!(size_of::<Line>() == CORE_APART_BYTES && align_of::<Line>() == CORE_APART_BYTES);

/// All counters of all cores; shared by writers and readers.
pub struct Counters {
    lines: Box<[Line]>,
    lines_per_core: usize,
    cores: usize,
    counters_per_core: usize,
}

impl Counters {
    /// `cores` times `counters_per_core` counters, all zero. Allocates them once, each core's rounded up to 128 bytes.
    ///
    /// # Panics
    /// If there are no cores or no counters.
    pub fn new(cores: usize, counters_per_core: usize) -> Arc<Self> {
        assert!(cores > 0, "counters need at least one core");
        assert!(counters_per_core > 0, "a core needs at least one counter");
        let lines_per_core = counters_per_core.div_ceil(COUNTERS_PER_LINE);
        let lines = std::iter::repeat_with(Line::default).take(cores * lines_per_core).collect();
        Arc::new(Self { lines, lines_per_core, cores, counters_per_core })
    }

    /// The writing side of core `core`. Take it on the thread of that core: it cannot be sent to another.
    ///
    /// Two threads that write as the same core lose updates of each other; nothing worse happens.
    ///
    /// # Panics
    /// If there is no such core.
    pub fn core(self: &Arc<Self>, core: usize) -> CoreCounters {
        assert!(core < self.cores, "core {core} of {}", self.cores);
        CoreCounters { all: Arc::clone(self), core, this_thread: PhantomData }
    }

    /// The sum of counter `id` over all cores, wrapping. Reads one cache line a core.
    ///
    /// # Panics
    /// If there is no such counter.
    pub fn sum(&self, id: usize) -> u64 {
        (0..self.cores).fold(0, |sum, core| sum.wrapping_add(self.of(core, id)))
    }

    /// Counter `id` of one core.
    ///
    /// # Panics
    /// If there is no such core or counter.
    pub fn of(&self, core: usize, id: usize) -> u64 {
        self.cell(core, id).load(Ordering::Relaxed)
    }

    /// How many cores count here.
    pub fn cores(&self) -> usize {
        self.cores
    }

    /// How many counters each core has; ids are below this.
    pub fn counters_per_core(&self) -> usize {
        self.counters_per_core
    }

    #[inline]
    fn cell(&self, core: usize, id: usize) -> &AtomicU64 {
        assert!(core < self.cores, "core {core} of {}", self.cores);
        assert!(id < self.counters_per_core, "counter {id} of {}", self.counters_per_core);
        &self.lines[core * self.lines_per_core + id / COUNTERS_PER_LINE].0[id % COUNTERS_PER_LINE]
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Counters({} cores of {} counters)", self.cores, self.counters_per_core)
    }
}

/// The counters of one core, for that core to write. It stays on its thread; clones write the same counters.
///
/// Every method panics if there is no counter of that id.
#[derive(Clone, Debug)]
pub struct CoreCounters {
    all: Arc<Counters>,
    core: usize,
    /// Keeps the one writer of a counter on one thread, which is what makes a load and a store enough.
    this_thread: PhantomData<*const ()>,
}

impl CoreCounters {
    /// Adds `n`, wrapping.
    #[inline]
    pub fn add(&self, id: usize, n: u64) {
        let cell = self.all.cell(self.core, id);
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Subtracts `n`, wrapping: for gauges, see the opening comment of the module.
    #[inline]
    pub fn sub(&self, id: usize, n: u64) {
        let cell = self.all.cell(self.core, id);
        cell.store(cell.load(Ordering::Relaxed).wrapping_sub(n), Ordering::Relaxed);
    }

    /// Replaces the value: for gauges that are computed rather than counted.
    #[inline]
    pub fn set(&self, id: usize, value: u64) {
        self.all.cell(self.core, id).store(value, Ordering::Relaxed);
    }

    /// The value as this core sees it: exact, because nobody else writes it.
    #[inline]
    pub fn value(&self, id: usize) -> u64 {
        self.all.of(self.core, id)
    }

    /// Which core this is.
    pub fn core(&self) -> usize {
        self.core
    }
}

#[cfg(test)]
mod tests;
