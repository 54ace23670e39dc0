mod model;

use super::*;
use crate::random::Rng;

const TICK: Duration = Duration::from_millis(1);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn wheel() -> Wheel {
    Wheel::new(Instant::ZERO, TICK, 1_000_000)
}

/// All tokens that are due at `now`, however many calls it takes.
fn expire_all(wheel: &mut Wheel, now: Instant) -> Vec<u64> {
    let mut out = Vec::new();
    while wheel.expire(now, 1_000, &mut out) {}
    out
}

#[test]
fn a_timer_fires_at_its_deadline_and_not_before() {
    for deadline in [1, 2, 63, 64, 65, 4_095, 4_096, 100_000, 1 << 40] {
        let mut wheel = wheel();
        wheel.arm(at(deadline), 7).unwrap();
        assert_eq!(expire_all(&mut wheel, at(deadline - 1)), [], "deadline {deadline}");
        assert_eq!(wheel.len(), 1);
        assert_eq!(expire_all(&mut wheel, at(deadline)), [7], "deadline {deadline}");
        assert!(wheel.is_empty());
    }
}

#[test]
fn a_deadline_between_ticks_waits_for_the_next_tick() {
    let mut wheel = wheel();
    wheel.arm(at(5) + Duration::from_nanos(1), 1).unwrap();
    assert_eq!(expire_all(&mut wheel, at(6) - Duration::from_nanos(1)), []);
    assert_eq!(expire_all(&mut wheel, at(6)), [1]);
}

#[test]
fn a_deadline_that_has_passed_fires_at_once() {
    let mut wheel = wheel();
    expire_all(&mut wheel, at(1_000));
    for (token, deadline) in [at(0), at(999), at(1_000)].into_iter().enumerate() {
        wheel.arm(deadline, token as u64).unwrap();
    }
    assert!(wheel.next_deadline().unwrap() <= at(1_000));
    let mut fired = expire_all(&mut wheel, at(1_000));
    fired.sort_unstable();
    assert_eq!(fired, [0, 1, 2]);
}

#[test]
fn a_deadline_in_the_far_future_never_fires() {
    let mut wheel = wheel();
    let never = wheel.arm(Instant::FAR_FUTURE, 1).unwrap();
    assert_eq!(expire_all(&mut wheel, Instant::FAR_FUTURE), []);
    assert_eq!(wheel.cancel(never), Some(1));
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn a_tick_of_one_nanosecond_reaches_to_the_end_of_time() {
    let mut wheel = Wheel::new(Instant::ZERO, Duration::from_nanos(1), 2);
    wheel.arm(Instant::FAR_FUTURE, 1).unwrap();
    assert_eq!(expire_all(&mut wheel, Instant::FAR_FUTURE - Duration::from_nanos(1)), []);
    assert_eq!(expire_all(&mut wheel, Instant::FAR_FUTURE), [1]);
}

#[test]
fn a_wheel_may_start_at_any_time() {
    let mut wheel = Wheel::new(at(123_456_789), Duration::from_millis(10), 10);
    wheel.arm(at(123_456_790), 1).unwrap();
    wheel.arm(at(5), 2).unwrap();
    assert_eq!(expire_all(&mut wheel, at(123_456_789)), [2]);
    assert_eq!(wheel.next_deadline(), Some(at(123_456_799)), "ticks count from the start of the wheel");
    assert_eq!(expire_all(&mut wheel, at(123_456_798)), []);
    assert_eq!(expire_all(&mut wheel, at(123_456_799)), [1]);
}

#[test]
fn cancelling_gives_the_token_back_once_and_the_timer_does_not_fire() {
    let mut wheel = wheel();
    let (first, second) = (wheel.arm(at(10), 1).unwrap(), wheel.arm(at(10), 2).unwrap());
    assert_eq!(wheel.cancel(first), Some(1));
    assert_eq!(wheel.cancel(first), None);
    assert_eq!(expire_all(&mut wheel, at(10)), [2]);
    assert_eq!((wheel.cancel(second), wheel.rearm(second, at(20))), (None, false));
    assert!(wheel.is_empty());
}

#[test]
fn a_timer_that_is_due_but_was_not_handed_out_can_still_be_cancelled_or_moved() {
    let mut wheel = wheel();
    let timers: Vec<TimerId> = (0..4).map(|token| wheel.arm(at(10), token).unwrap()).collect();
    let mut out = Vec::new();
    assert!(wheel.expire(at(10), 1, &mut out));
    assert_eq!((out.len(), wheel.len()), (1, 3));
    let waiting: Vec<u64> = (0..4).filter(|token| !out.contains(token)).collect();
    assert_eq!(wheel.cancel(timers[waiting[0] as usize]), Some(waiting[0]));
    assert!(wheel.rearm(timers[waiting[1] as usize], at(30)));
    assert_eq!(expire_all(&mut wheel, at(29)), [waiting[2]]);
    assert_eq!(expire_all(&mut wheel, at(30)), [waiting[1]]);
}

#[test]
fn rearming_moves_a_timer_either_way_under_the_same_name() {
    let mut wheel = wheel();
    let timer = wheel.arm(at(100), 1).unwrap();
    assert!(wheel.rearm(timer, at(100_000)));
    assert_eq!(expire_all(&mut wheel, at(99_999)), []);
    assert!(wheel.rearm(timer, at(200_000)));
    assert!(wheel.rearm(timer, at(150_000)));
    assert_eq!(expire_all(&mut wheel, at(149_999)), []);
    assert_eq!(expire_all(&mut wheel, at(150_000)), [1]);
}

#[test]
fn a_full_wheel_refuses_until_a_timer_is_gone() {
    let mut wheel = Wheel::new(Instant::ZERO, TICK, 2);
    let first = wheel.arm(at(1), 1).unwrap();
    wheel.arm(at(2), 2).unwrap();
    assert_eq!((wheel.arm(at(3), 3), wheel.len(), wheel.limit()), (None, 2, 2));
    wheel.cancel(first);
    assert!(wheel.arm(at(3), 3).is_some());
}

#[test]
fn no_call_hands_out_more_than_it_was_asked_for() {
    let mut wheel = wheel();
    assert!((0..10).all(|token| wheel.arm(at(token), token).is_some()));
    let mut out = Vec::new();
    assert!(wheel.expire(at(100), 0, &mut out) && out.is_empty());
    assert!(wheel.expire(at(100), 4, &mut out));
    assert_eq!(out, [0, 1, 2, 3], "earlier ticks fire first");
    assert!(wheel.next_deadline().unwrap() <= at(100));
    assert!(!wheel.expire(at(100), 100, &mut out));
    assert_eq!(out, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_crowd_in_one_coarse_slot_is_moved_in_bounded_steps() {
    let count = 10 * WHEEL_MOVES_PER_EXPIRE_MAX as u64;
    let mut wheel = wheel();
    let timers: Vec<TimerId> = (0..count).map(|token| wheel.arm(at(5_000), token).unwrap()).collect();
    let (mut out, mut calls) = (Vec::new(), 0);
    while wheel.expire(at(4_999), usize::MAX, &mut out) {
        calls += 1;
        // In the middle of the move timers can be armed, moved and cancelled as ever.
        assert_eq!(wheel.cancel(timers[calls]), Some(calls as u64));
        assert!(wheel.rearm(timers[count as usize - calls], at(6_000)));
        assert!(wheel.next_deadline().unwrap() <= at(4_999));
    }
    assert!(calls >= 9 && out.is_empty(), "{calls} calls");
    assert_eq!(expire_all(&mut wheel, at(5_000)).len(), count as usize - 2 * calls);
    assert_eq!(expire_all(&mut wheel, at(6_000)).len(), calls);
}

#[test]
fn time_that_goes_backwards_is_ignored() {
    let mut wheel = wheel();
    wheel.arm(at(100), 1).unwrap();
    assert_eq!(expire_all(&mut wheel, at(99)), []);
    assert_eq!(expire_all(&mut wheel, at(5)), []);
    wheel.arm(at(50), 2).unwrap();
    assert_eq!(expire_all(&mut wheel, at(6)), [2], "the wheel has already been at 99");
    assert_eq!(expire_all(&mut wheel, at(100)), [1]);
}

#[test]
fn sleeping_until_the_next_deadline_reaches_every_timer_in_few_steps() {
    let mut wheel = wheel();
    let mut rng = Rng::from_seed(1);
    for _ in 0..1_000 {
        wheel.arm(at(rng.below(10_000_000)), 0).unwrap();
    }
    let mut steps = 0;
    while let Some(now) = wheel.next_deadline() {
        expire_all(&mut wheel, now);
        steps += 1;
    }
    assert!(steps <= 5_000, "{steps} steps: each timer moves down at most once a level");
}

#[test]
fn timer_names_survive_the_way_through_a_number() {
    let timer = wheel().arm(at(1), 1).unwrap();
    assert_eq!(TimerId::from_bits(timer.to_bits()), Some(timer));
    assert_eq!(TimerId::from_bits(0), None);
    assert_eq!((size_of::<TimerId>(), size_of::<Option<TimerId>>()), (8, 8));
}

#[test]
fn millions_of_timers_are_armed_moved_cancelled_and_fired_exactly() {
    let count = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    let mut wheel = Wheel::new(Instant::ZERO, TICK, count);
    let mut rng = Rng::from_seed(2);
    let timers: Vec<TimerId> =
        (0..count).map(|token| wheel.arm(at(rng.below(100_000)), u64::from(token)).unwrap()).collect();
    assert_eq!(wheel.arm(at(1), 0), None);
    let bytes = wheel.footprint() / count as usize;
    assert!(bytes <= 32, "{bytes} bytes a timer");
    let mut expected = 0_u64;
    for (token, timer) in timers.iter().enumerate() {
        match token % 4 {
            0 => assert_eq!(wheel.cancel(*timer), Some(token as u64)),
            1 => assert!(wheel.rearm(*timer, at(rng.below(200_000)))),
            _ => {}
        }
        expected += if token % 4 == 0 { 0 } else { token as u64 };
    }
    let (mut fired, mut sum, mut out) = (0, 0, Vec::new());
    for now in (0..=200_000).step_by(1_000) {
        while wheel.expire(at(now), 10_000, &mut out) {}
        fired += out.len();
        sum += out.drain(..).sum::<u64>();
    }
    assert_eq!((fired, sum, wheel.next_deadline()), (count as usize / 4 * 3, expected, None));
}
