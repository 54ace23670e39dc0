//! A waker is a number: (runtime, core, task, generation) packed into the 64 bits of its data pointer.
//!
//! So it is copied like an integer and never counted or freed. Waking on the task's own core pushes the task to the local
//! queue; from elsewhere it sets a bit in that core's wake map. A number that outlived its task or its runtime at worst
//! wakes somebody who did not need it, which every future must bear.
//!
//! `unsafe` here: the `RawWaker` contract.

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::current;
use crate::executor::shared;

/// Which task, on which core, of which runtime. Never zero: runtimes count from one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TaskRef(u64);

const INDEX_BITS: u32 = 28;
const GENERATION_BITS: u32 = 20;
const CORE_BITS: u32 = 8;
/// The part of a slab's generation that travels in a waker.
pub(crate) const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;
const _: () = assert!(INDEX_BITS + GENERATION_BITS + CORE_BITS + 8 == u64::BITS);
const _: () = assert!(crate::limits::CORES_MAX <= 1 << CORE_BITS);
const _: () = assert!(size_of::<usize>() == size_of::<u64>());

impl TaskRef {
    pub(crate) fn new(runtime: u8, core: u8, index: u32, generation: u32) -> TaskRef {
        assert!(runtime > 0 && runtime < WakeSlot::FOREIGN_TAG);
        assert!(index < 1 << INDEX_BITS);
        let generation = u64::from(generation & GENERATION_MASK);
        TaskRef(u64::from(runtime) << 56 | u64::from(core) << 48 | generation << INDEX_BITS | u64::from(index))
    }

    pub(crate) fn runtime(self) -> u8 {
        (self.0 >> 56) as u8
    }

    pub(crate) fn core(self) -> usize {
        usize::from((self.0 >> 48) as u8)
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> INDEX_BITS) as u32 & GENERATION_MASK
    }

    pub(crate) fn index(self) -> u32 {
        self.0 as u32 & ((1 << INDEX_BITS) - 1)
    }

    /// Marks the task ready, wherever it lives.
    pub(crate) fn wake(self) {
        let local = current::try_with(|worker| {
            let ours = worker.runtime_id() == self.runtime() && worker.core() == self.core();
            if ours {
                worker.make_ready(self);
            }
            ours
        });
        if local != Some(true) {
            shared::wake(self);
        }
    }

    pub(crate) fn to_waker(self) -> Waker {
        // SAFETY: the vtable's functions read the pointer only as a number, are thread-safe (`wake` goes through the
        // wake map from any thread but the task's own), and there is nothing to free.
        unsafe { Waker::from_raw(raw(self)) }
    }
}

fn raw(task: TaskRef) -> RawWaker {
    RawWaker::new(ptr::without_provenance(task.0 as usize), &VTABLE)
}

fn number(data: *const ()) -> TaskRef {
    TaskRef(data.addr() as u64)
}

static VTABLE: RawWakerVTable =
    RawWakerVTable::new(|data| raw(number(data)), |data| number(data).wake(), |data| number(data).wake(), |_| {});

/// A place for one waker in eight bytes: nothing, one of our numbers, or the index of somebody else's waker
/// (`FuturesUnordered`, `select`) in a table of the core.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, zerocopy::FromZeros)]
pub(crate) struct WakeSlot(u64);

impl WakeSlot {
    pub(crate) const EMPTY: WakeSlot = WakeSlot(0);
    const FOREIGN_TAG: u8 = 0xff;

    /// Remembers `waker`, forgetting what was here.
    pub(crate) fn store(&mut self, waker: &Waker) {
        if ptr::eq(waker.vtable(), &raw const VTABLE) {
            self.clear();
            *self = WakeSlot(number(waker.data()).0);
            return;
        }
        // Cloning and dropping run somebody else's code: not while the table is borrowed.
        let waker = waker.clone();
        self.clear();
        let index = current::with(|worker| worker.foreign_wakers().borrow_mut().insert(waker));
        *self = WakeSlot(u64::from(Self::FOREIGN_TAG) << 56 | u64::from(index));
    }

    /// Wakes whoever is here, if anybody, and forgets it.
    pub(crate) fn wake(&mut self) {
        let slot = std::mem::take(self);
        if slot == WakeSlot::EMPTY {
            return;
        }
        match slot.foreign_index() {
            None => TaskRef(slot.0).wake(),
            Some(index) => {
                let waker = current::with(|worker| worker.foreign_wakers().borrow_mut().remove(index));
                waker.wake();
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        let slot = std::mem::take(self);
        if let Some(index) = slot.foreign_index() {
            // After the worker is gone its table is gone too.
            drop(current::try_with(|worker| worker.foreign_wakers().borrow_mut().remove(index)));
        }
    }

    /// Whether this is the number of `waker`'s task; never of somebody else's waker.
    pub(crate) fn names(self, waker: &Waker) -> bool {
        ptr::eq(waker.vtable(), &raw const VTABLE) && self.0 == number(waker.data()).0
    }

    pub(crate) fn is_empty(self) -> bool {
        self == WakeSlot::EMPTY
    }

    /// For the timer wheel, which keeps a number a timer.
    pub(crate) fn to_token(self) -> u64 {
        self.0
    }

    pub(crate) fn from_token(token: u64) -> WakeSlot {
        WakeSlot(token)
    }

    fn foreign_index(self) -> Option<u32> {
        ((self.0 >> 56) as u8 == Self::FOREIGN_TAG).then_some(self.0 as u32)
    }
}

/// The wakers on this core that are not numbers of ours.
#[derive(Default)]
pub(crate) struct ForeignWakers {
    wakers: Vec<Option<Waker>>,
    free: Vec<u32>,
}

impl ForeignWakers {
    fn insert(&mut self, waker: Waker) -> u32 {
        match self.free.pop() {
            Some(index) => {
                assert!(self.wakers[index as usize].is_none());
                self.wakers[index as usize] = Some(waker);
                index
            }
            None => {
                self.wakers.push(Some(waker));
                (self.wakers.len() - 1) as u32
            }
        }
    }

    fn remove(&mut self, index: u32) -> Waker {
        let waker = self.wakers[index as usize].take().expect("a slot names a waker that is here");
        self.free.push(index);
        waker
    }
}
