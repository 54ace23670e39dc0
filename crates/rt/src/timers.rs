//! The timers of one core: a wheel whose tokens are waker slots.

use std::task::Waker;

use crore_base::time::Instant;
use crore_base::wheel::{TimerId, Wheel};

use crate::executor::waker::WakeSlot;
use crate::limits::{TIMER_TICK, TIMERS_PER_CORE_MAX, TIMERS_PER_TURN};

pub(crate) struct Timers {
    wheel: Wheel,
    tokens: Vec<u64>,
}

impl Timers {
    pub(crate) fn new(now: Instant) -> Timers {
        Timers { wheel: Wheel::new(now, TIMER_TICK, TIMERS_PER_CORE_MAX), tokens: Vec::new() }
    }

    /// None: the core has as many timers as it may have.
    pub(crate) fn arm(&mut self, deadline: Instant, slot: WakeSlot) -> Option<TimerId> {
        self.wheel.arm(deadline, slot.to_token())
    }

    /// The slot that is now nobody's; the caller clears it once the timers are not borrowed.
    pub(crate) fn cancel(&mut self, timer: TimerId) -> WakeSlot {
        self.wheel.cancel(timer).map_or(WakeSlot::EMPTY, WakeSlot::from_token)
    }

    /// Whether `timer` waits, and for the task of this waker.
    pub(crate) fn is_armed_for(&self, timer: TimerId, waker: &Waker) -> bool {
        self.wheel.token(timer).is_some_and(|token| WakeSlot::from_token(token).names(waker))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    pub(crate) fn expire(&mut self, now: Instant, due: &mut Vec<WakeSlot>) {
        // What is beyond the bound stays due, so the next turn does not sleep and takes it.
        let _more = self.wheel.expire(now, TIMERS_PER_TURN, &mut self.tokens);
        due.extend(self.tokens.drain(..).map(WakeSlot::from_token));
    }
}
