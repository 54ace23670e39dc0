//! A wheel against a plain list of deadlines, through random lives of both.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;

#[derive(Clone, Debug)]
enum Step {
    Arm(u64),
    Cancel(usize),
    Rearm(usize, u64),
    /// How far time goes on, how many may fire in a call, how many calls.
    Expire(u64, usize, usize),
    Sleep,
}

/// Nanoseconds ahead: mostly near, sometimes at the edges of levels, sometimes years.
fn ahead() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..200_u64,
        4 => 0..100_000_u64,
        2 => (0..40_u32, 0..3_u64).prop_map(|(bits, off)| (1_u64 << bits) + off - 1),
        1 => any::<u64>().prop_map(|nanos| nanos >> 8),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => ahead().prop_map(Step::Arm),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => (any::<usize>(), ahead()).prop_map(|(which, ahead)| Step::Rearm(which, ahead)),
        3 => (ahead(), 0..4_usize, 0..4_usize).prop_map(|(ahead, max, calls)| Step::Expire(ahead, max, calls)),
        2 => Just(Step::Sleep),
    ]
}

/// What a wheel promises, as plainly as it can be written: deadlines by token.
struct Model {
    wheel: Wheel,
    tick: u64,
    now: Instant,
    waiting: BTreeMap<u64, (TimerId, Instant)>,
    gone: Vec<TimerId>,
    next_token: u64,
}

impl Model {
    /// The first moment at which a timer of this deadline must have fired: the end of its tick.
    fn must_fire(&self, deadline: Instant) -> Instant {
        Instant::from_nanos(deadline.as_nanos().div_ceil(self.tick).saturating_mul(self.tick))
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Arm(ahead) => {
                let deadline = self.now + Duration::from_nanos(ahead);
                let timer = self.wheel.arm(deadline, self.next_token).unwrap();
                assert!(!self.gone.contains(&timer));
                self.waiting.insert(self.next_token, (timer, deadline));
                self.next_token += 1;
            }
            Step::Cancel(which) => {
                if let Some((token, timer)) = self.choose(which) {
                    assert_eq!(self.wheel.cancel(timer), Some(token));
                    self.waiting.remove(&token);
                    self.gone.push(timer);
                }
            }
            Step::Rearm(which, ahead) => {
                if let Some((token, timer)) = self.choose(which) {
                    let deadline = self.now + Duration::from_nanos(ahead);
                    assert!(self.wheel.rearm(timer, deadline));
                    self.waiting.insert(token, (timer, deadline));
                }
            }
            Step::Expire(ahead, max, calls) => {
                self.now += Duration::from_nanos(ahead);
                let more = (0..calls).map(|_| self.expire(max)).last();
                if more == Some(false) {
                    self.check_nothing_is_due();
                }
            }
            Step::Sleep => {
                if let Some(deadline) = self.wheel.next_deadline() {
                    self.now = self.now.max(deadline);
                    while self.expire(1_000) {}
                    self.check_nothing_is_due();
                }
            }
        }
        self.check();
    }

    fn choose(&self, which: usize) -> Option<(u64, TimerId)> {
        let (token, (timer, _)) = self.waiting.iter().nth(which % self.waiting.len().max(1))?;
        Some((*token, *timer))
    }

    fn expire(&mut self, max: usize) -> bool {
        let mut out = Vec::new();
        let more = self.wheel.expire(self.now, max, &mut out);
        assert!(out.len() <= max);
        for token in out {
            let (timer, deadline) = self.waiting.remove(&token).expect("only waiting timers fire, and once");
            assert!(deadline <= self.now, "fired {:?} early", deadline - self.now);
            self.gone.push(timer);
        }
        more
    }

    fn check_nothing_is_due(&self) {
        for (_, deadline) in self.waiting.values() {
            assert!(self.must_fire(*deadline) > self.now, "a timer is {:?} late", self.now - *deadline);
        }
    }

    fn check(&mut self) {
        assert_eq!(self.wheel.len() as usize, self.waiting.len());
        let earliest = self.waiting.values().map(|(_, deadline)| self.must_fire(*deadline)).min();
        let next = self.wheel.next_deadline();
        assert_eq!(next.is_some(), earliest.is_some());
        assert!(next <= earliest, "asleep until {next:?} with a timer at {earliest:?}");
        if let Some(timer) = self.gone.last() {
            assert_eq!((self.wheel.cancel(*timer), self.wheel.rearm(*timer, self.now)), (None, false));
        }
    }
}

proptest! {
    #[test]
    fn a_wheel_agrees_with_a_list_of_deadlines(tick in prop_oneof![1..5_u64, 1..100_000_u64], steps in prop::collection::vec(step(), 0..300)) {
        let wheel = Wheel::new(Instant::ZERO, Duration::from_nanos(tick), 1_000);
        let (waiting, gone) = (BTreeMap::new(), Vec::new());
        let mut model = Model { wheel, tick, now: Instant::ZERO, waiting, gone, next_token: 0 };
        for step in steps {
            model.apply(step);
        }
        while let Some(deadline) = model.wheel.next_deadline() {
            model.now = model.now.max(deadline);
            while model.expire(7) {}
        }
        assert!(model.waiting.is_empty());
    }
}
