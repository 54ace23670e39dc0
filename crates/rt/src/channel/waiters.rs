//! A table of those who wait for the same thing, a place each: for channels in which every receiver hears everything.
//!
//! Invariant: as many places as there were receivers at one time at most.

use std::cell::RefCell;
use std::task::Waker;

use crate::executor::waker::WakeSlot;

#[derive(Default)]
pub(super) struct Waiters(RefCell<Places>);

#[derive(Default)]
struct Places {
    slots: Vec<WakeSlot>,
    free: Vec<u32>,
}

impl Waiters {
    /// A place for somebody new.
    pub(super) fn join(&self) -> u32 {
        let places = &mut *self.0.borrow_mut();
        places.free.pop().unwrap_or_else(|| {
            places.slots.push(WakeSlot::EMPTY);
            (places.slots.len() - 1) as u32
        })
    }

    /// Gives the place back.
    pub(super) fn leave(&self, place: u32) {
        let mut slot = self.take(place);
        slot.clear();
        self.0.borrow_mut().free.push(place);
    }

    /// Remembers whom to wake at this place.
    pub(super) fn wait(&self, place: u32, waker: &Waker) {
        let mut slot = self.take(place);
        slot.store(waker);
        self.0.borrow_mut().slots[place as usize] = slot;
    }

    /// Wakes all who wait. Wakers may be somebody else's code that comes back here: nothing is borrowed meanwhile.
    pub(super) fn wake_all(&self) {
        let mut place = 0;
        loop {
            let slot = self.0.borrow_mut().slots.get_mut(place).map(std::mem::take);
            let Some(mut slot) = slot else { return };
            slot.wake();
            place += 1;
        }
    }

    fn take(&self, place: u32) -> WakeSlot {
        std::mem::take(&mut self.0.borrow_mut().slots[place as usize])
    }
}
