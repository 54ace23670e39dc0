//! The hierarchical timing wheel (Varghese and Lauck, 1987): millions of timers, each armed, moved or cancelled in
//! constant time.
//!
//! Time is counted in ticks since the wheel was made. Level 0 has 64 slots of one tick, level 1 has 64 slots of 64 ticks,
//! and so on; eleven levels cover all 64 bits, so there is no special case for far deadlines. A timer waits in the level of
//! the highest group of six bits in which its tick differs from the wheel's. When the wheel reaches a slot of a level above
//! 0, the timers in it move down; each moves at most once a level. One bitmap a level finds the next slot with anything in
//! it, so stretches of time in which nothing is due cost nothing.
//!
//! Timers never fire early: a deadline is rounded up to a tick, so a timer fires at most one tick late, plus the time until
//! somebody calls [`Wheel::expire`]. Timers of an earlier tick fire first, unless they were armed when that tick was already
//! over; those of one tick fire in no promised order.
//!
//! Invariants: a slot's bit is set exactly when its list is not empty; every timer in a slot is later than `elapsed`, every
//! timer on the due list is not; `elapsed` does not advance while timers that must move are waiting on the moving list.

mod lists;
mod timer;

use std::num::NonZeroU64;

use crate::limits::{WHEEL_MOVES_PER_EXPIRE_MAX, WHEEL_TIMERS_MAX};
use crate::slab::Slab;
use crate::time::{Duration, Instant};

use lists::{DUE, Lists, MOVING, SLOTS};
use timer::Timer;
pub use timer::TimerId;

/// A wheel of at most `limit` timers, each carrying a token of 64 bits that means something to its owner only.
///
/// Call [`arm`](Self::arm), [`rearm`](Self::rearm) and [`cancel`](Self::cancel) as needed; sleep until
/// [`next_deadline`](Self::next_deadline); then call [`expire`](Self::expire) until it says that no more are due.
///
/// ```
/// use crore_base::time::{Duration, Instant};
/// use crore_base::wheel::Wheel;
///
/// let boot = Instant::ZERO;
/// let mut wheel = Wheel::new(boot, Duration::from_millis(1), 10_000_000);
/// let ping = wheel.arm(boot + Duration::from_secs(25), 1).expect("there is room");
/// let idle = wheel.arm(boot + Duration::from_secs(60), 2).expect("there is room");
/// assert_eq!(wheel.cancel(idle), Some(2));
///
/// let mut due = Vec::new();
/// while let Some(now) = wheel.next_deadline() {
///     while wheel.expire(now, 64, &mut due) {}
/// }
/// assert_eq!(due, [1]);
/// # assert_eq!(wheel.cancel(ping), None);
/// ```
pub struct Wheel {
    timers: Slab<Timer>,
    lists: Lists,
    origin: Instant,
    tick_nanos: NonZeroU64,
    /// The tick up to which everything that was due is on the due list.
    elapsed: u64,
}

impl Wheel {
    /// A wheel that starts at `now`, is exact to `tick`, and holds at most `limit` timers. Allocates about 6 KB; timers
    /// take 28 bytes each as they are armed.
    ///
    /// # Panics
    /// If the tick is zero or the limit exceeds [`WHEEL_TIMERS_MAX`].
    pub fn new(now: Instant, tick: Duration, limit: u32) -> Self {
        assert!(
            limit <= WHEEL_TIMERS_MAX,
            "{limit} timers exceed the {WHEEL_TIMERS_MAX} of one wheel; use fewer, or one wheel a core"
        );
        let tick_nanos = NonZeroU64::new(tick.as_nanos());
        let tick_nanos = tick_nanos.expect("a tick must last; give the wheel at least a nanosecond");
        Self { timers: Slab::new(limit), lists: Lists::new(), origin: now, tick_nanos, elapsed: 0 }
    }

    /// Arms a timer that fires at `deadline`, at once if that has passed. `None` if the wheel is full.
    #[inline]
    pub fn arm(&mut self, deadline: Instant, token: u64) -> Option<TimerId> {
        let tick = self.tick_at_or_after(deadline);
        let handle = self.timers.insert(Timer { tick, token, next: 0, previous: 0 })?;
        self.file(handle.index(), tick);
        Some(TimerId(handle))
    }

    /// Takes a timer back and returns its token. `None` if it has fired or was cancelled before: whoever gets the token
    /// here will not get it from [`expire`](Self::expire), and the other way round.
    #[inline]
    pub fn cancel(&mut self, id: TimerId) -> Option<u64> {
        let timer = *self.timers.get(id.0)?;
        self.lists.unlink(&mut self.timers, &timer);
        self.timers.remove(id.0);
        Some(timer.token)
    }

    /// The token of a timer that waits. `None` if it has fired or was cancelled.
    #[inline]
    pub fn token(&self, id: TimerId) -> Option<u64> {
        self.timers.get(id.0).map(|timer| timer.token)
    }

    /// Gives a waiting timer another deadline, earlier or later, under the same name. False if it has fired or was
    /// cancelled before.
    #[inline]
    pub fn rearm(&mut self, id: TimerId, deadline: Instant) -> bool {
        let tick = self.tick_at_or_after(deadline);
        let Some(timer) = self.timers.get_mut(id.0) else {
            return false;
        };
        let before = *timer;
        timer.tick = tick;
        self.lists.unlink(&mut self.timers, &before);
        self.file(id.0.index(), tick);
        true
    }

    /// Moves the wheel to `now` and appends the tokens of timers that are due to `out`, at most `max` of them. Returns
    /// whether there is more to do at this `now`; call again then, after what must not wait.
    ///
    /// Work is bounded besides by the timers that move down a level, so a call may return true without a token. A `now`
    /// before that of an earlier call counts as that one.
    pub fn expire(&mut self, now: Instant, max: usize, out: &mut Vec<u64>) -> bool {
        let target = now.saturating_since(self.origin).as_nanos() / self.tick_nanos;
        let mut fires = max;
        let mut moves = WHEEL_MOVES_PER_EXPIRE_MAX;
        loop {
            fires -= self.fire(fires, out);
            moves -= self.move_down(moves);
            let busy = !self.lists.is_empty(DUE) || !self.lists.is_empty(MOVING);
            if busy && (fires == 0 || moves == 0) {
                return true;
            }
            if !busy && !self.advance(target) {
                return false;
            }
        }
    }

    /// When [`expire`](Self::expire) has something to do next: never later than the earliest timer fires. It may be
    /// earlier, where timers only have to move down a level. `None` if no timer is armed.
    ///
    /// Looks at one word a level.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.lists.is_empty(DUE) || !self.lists.is_empty(MOVING) {
            return Some(self.start_of(self.elapsed));
        }
        self.next_slot().map(|(_, start)| self.start_of(start))
    }

    /// How many timers wait, those included that are due but have not been handed out.
    pub fn len(&self) -> u32 {
        self.timers.len()
    }

    /// Whether no timer waits.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// How many timers can wait.
    pub fn limit(&self) -> u32 {
        self.timers.limit()
    }

    /// The memory of timers that are gone goes back to the system; returns the bytes. See [`Slab::trim`].
    pub fn trim(&mut self) -> usize {
        self.timers.trim()
    }

    /// Bytes of memory that the wheel occupies, at most. See [`Slab::footprint`].
    pub fn footprint(&self) -> usize {
        self.timers.footprint() + size_of::<Self>() + self.lists.footprint()
    }

    /// Puts timer `index` into the list where it belongs now.
    #[inline]
    fn file(&mut self, index: u32, tick: u64) {
        let list = if tick <= self.elapsed { DUE } else { Lists::slot(self.elapsed, tick) };
        self.lists.append(&mut self.timers, list, index);
    }

    /// Hands out due timers, at most `max`; returns how many.
    fn fire(&mut self, max: usize, out: &mut Vec<u64>) -> usize {
        let mut fired = 0;
        while fired < max {
            let Some((index, timer)) = self.lists.pop(&mut self.timers, DUE, fired % 2 == 0) else {
                break;
            };
            assert!(timer.tick <= self.elapsed, "tick {} fires early, at {}", timer.tick, self.elapsed);
            let handle = self.timers.handle_at(index);
            handle.and_then(|handle| self.timers.remove(handle));
            out.push(timer.token);
            fired += 1;
        }
        fired
    }

    /// Files timers of a slot that was reached into finer slots, at most `max`; returns how many.
    fn move_down(&mut self, max: usize) -> usize {
        let mut moved = 0;
        while moved < max {
            let Some((index, timer)) = self.lists.pop(&mut self.timers, MOVING, moved % 2 == 0) else {
                break;
            };
            self.file(index, timer.tick);
            moved += 1;
        }
        moved
    }

    /// Goes on to the next slot with timers in it, but not beyond `target`; false if there is none up to there.
    fn advance(&mut self, target: u64) -> bool {
        match self.next_slot() {
            Some((list, start)) if start <= target => {
                assert!(start > self.elapsed, "the wheel turns forward");
                self.elapsed = start;
                let exact = list < SLOTS as u32;
                self.lists.splice(&mut self.timers, list, if exact { DUE } else { MOVING });
                true
            }
            _ => {
                // No slot begins in between, so every waiting timer still differs from the wheel in the same level.
                self.elapsed = self.elapsed.max(target);
                false
            }
        }
    }

    /// The next slot with timers in it, and its first tick. Those of a lower level always come before those of a higher.
    #[inline]
    fn next_slot(&self) -> Option<(u32, u64)> {
        self.lists.next_slot(self.elapsed)
    }

    #[inline]
    fn tick_at_or_after(&self, deadline: Instant) -> u64 {
        deadline.saturating_since(self.origin).as_nanos().div_ceil(self.tick_nanos.get())
    }

    fn start_of(&self, tick: u64) -> Instant {
        self.origin + Duration::from_nanos(tick.saturating_mul(self.tick_nanos.get()))
    }
}

impl std::fmt::Debug for Wheel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tick = Duration::from_nanos(self.tick_nanos.get());
        write!(f, "Wheel({} of {} timers, tick {tick}, at {})", self.len(), self.limit(), self.elapsed)
    }
}

#[cfg(test)]
mod tests;
