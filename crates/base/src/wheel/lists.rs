//! The lists of a wheel: one for each slot of each level, one of timers that are due, one of timers that must move.
//!
//! Lists are circular, and their links are the timers' own. The head of a list is a link pair of its own, named by an
//! index above all timers, so unlinking a timer needs no knowledge of which list it is in: its neighbours are told about
//! each other, and only if both are the same head has a list become empty. A bitmap a level remembers which slots are not.

use crate::limits::WHEEL_TIMERS_MAX;
use crate::slab::Slab;

use super::timer::Timer;

/// Bits of a tick that one level counts.
pub(super) const SLOT_BITS: u32 = 6;
/// Slots of a level.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;
/// Levels that cover all 64 bits of a tick.
const LEVELS: usize = u64::BITS.div_ceil(SLOT_BITS) as usize;
/// The list of timers that are due.
pub(super) const DUE: u32 = (LEVELS * SLOTS) as u32;
/// The list of timers whose slot was reached and that must move to a finer one.
pub(super) const MOVING: u32 = DUE + 1;
const LISTS: usize = MOVING as usize + 1;
/// Links from here on are heads: `FIRST_HEAD + list`.
const FIRST_HEAD: u32 = u32::MAX - LISTS as u32;

const _: () = assert!(WHEEL_TIMERS_MAX <= FIRST_HEAD);

#[derive(Copy, Clone)]
struct Links {
    next: u32,
    previous: u32,
}

pub(super) struct Lists {
    heads: Box<[Links; LISTS]>,
    occupied: [u64; LEVELS],
}

impl Lists {
    pub(super) fn new() -> Self {
        let heads =
            std::array::from_fn(|list| Links { next: FIRST_HEAD + list as u32, previous: FIRST_HEAD + list as u32 });
        Self { heads: Box::new(heads), occupied: [0; LEVELS] }
    }

    /// The slot in which a timer waits for `tick` while the wheel is at `elapsed`, before it.
    #[inline]
    pub(super) fn slot(elapsed: u64, tick: u64) -> u32 {
        debug_assert!(tick > elapsed);
        let level = (elapsed ^ tick).ilog2() / SLOT_BITS;
        level << SLOT_BITS | (tick >> (level * SLOT_BITS)) as u32 & (SLOTS as u32 - 1)
    }

    /// The first slot after `elapsed` that is not empty, and its first tick.
    #[inline]
    pub(super) fn next_slot(&self, elapsed: u64) -> Option<(u32, u64)> {
        for (level, occupied) in self.occupied.iter().enumerate() {
            if *occupied != 0 {
                let slot = occupied.trailing_zeros();
                let shift = level as u32 * SLOT_BITS;
                debug_assert!(u64::from(slot) > elapsed >> shift & (SLOTS as u64 - 1), "slots of the past are empty");
                let above = elapsed >> shift >> SLOT_BITS << SLOT_BITS;
                return Some((level as u32 * SLOTS as u32 + slot, (above | u64::from(slot)) << shift));
            }
        }
        None
    }

    pub(super) fn is_empty(&self, list: u32) -> bool {
        self.heads[list as usize].next == FIRST_HEAD + list
    }

    /// Appends timer `index`, which is in no list.
    #[inline]
    pub(super) fn append(&mut self, timers: &mut Slab<Timer>, list: u32, index: u32) {
        let head = FIRST_HEAD + list;
        let last = self.heads[list as usize].previous;
        let timer = timers.slot_mut(index).expect("only timers of the slab are filed");
        (timer.next, timer.previous) = (head, last);
        self.set_next(timers, last, index);
        self.heads[list as usize].previous = index;
        self.mark(list);
    }

    /// Takes a timer out of whichever list it is in; `timer` holds its links.
    #[inline]
    pub(super) fn unlink(&mut self, timers: &mut Slab<Timer>, timer: &Timer) {
        self.set_next(timers, timer.previous, timer.next);
        self.set_previous(timers, timer.next, timer.previous);
        if timer.next == timer.previous && timer.next >= FIRST_HEAD {
            self.unmark(timer.next - FIRST_HEAD);
        }
    }

    /// Takes the first or the last timer out of a list.
    ///
    /// Whoever empties a list takes from both ends by turns: the neighbour that a removal touches is the next to be taken
    /// at that end, so two timers are on their way from memory at any time instead of one.
    #[inline]
    pub(super) fn pop(&mut self, timers: &mut Slab<Timer>, list: u32, first: bool) -> Option<(u32, Timer)> {
        let Links { next, previous } = self.heads[list as usize];
        let index = if first { next } else { previous };
        if index >= FIRST_HEAD {
            return None;
        }
        let timer = *timers.slot(index).expect("lists hold timers of the slab");
        self.unlink(timers, &timer);
        Some((index, timer))
    }

    /// Moves all timers of list `from` to the empty list `to`, in constant time.
    pub(super) fn splice(&mut self, timers: &mut Slab<Timer>, from: u32, to: u32) {
        assert!(!self.is_empty(from) && self.is_empty(to), "list {from} is moved into list {to}");
        let Links { next, previous } = self.heads[from as usize];
        self.heads[to as usize] = Links { next, previous };
        self.set_previous(timers, next, FIRST_HEAD + to);
        self.set_next(timers, previous, FIRST_HEAD + to);
        self.heads[from as usize] = Links { next: FIRST_HEAD + from, previous: FIRST_HEAD + from };
        self.unmark(from);
    }

    pub(super) fn footprint(&self) -> usize {
        size_of_val(&*self.heads)
    }

    #[inline]
    fn set_next(&mut self, timers: &mut Slab<Timer>, link: u32, next: u32) {
        match link.checked_sub(FIRST_HEAD) {
            Some(list) => self.heads[list as usize].next = next,
            None => timers.slot_mut(link).expect("a neighbour is a timer of the slab").next = next,
        }
    }

    #[inline]
    fn set_previous(&mut self, timers: &mut Slab<Timer>, link: u32, previous: u32) {
        match link.checked_sub(FIRST_HEAD) {
            Some(list) => self.heads[list as usize].previous = previous,
            None => timers.slot_mut(link).expect("a neighbour is a timer of the slab").previous = previous,
        }
    }

    #[inline]
    fn mark(&mut self, list: u32) {
        if list < DUE {
            self.occupied[list as usize / SLOTS] |= 1 << (list as usize % SLOTS);
        }
    }

    #[inline]
    fn unmark(&mut self, list: u32) {
        if list < DUE {
            self.occupied[list as usize / SLOTS] &= !(1 << (list as usize % SLOTS));
        }
    }
}
