use super::*;
use crate::limits::PACE_FIRST;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// Looks in which it held somebody back, with as many frames sent between two of them as the window holds, but at most `most`,
/// and none lost.
fn looks(pace: &mut Pace, count: u64, most: u64) {
    for _ in 0..count {
        assert!(pace.is_full(PACE_MAX));
        let (now, sent, lost) = (pace.look_at, pace.sent + most.min(pace.window.into()), pace.lost);
        pace.on_turn(now, sent, lost);
    }
}

#[test]
fn it_grows_only_while_it_holds_somebody_back() {
    let mut pace = Pace::new(Instant::ZERO, PACE_FIRST);
    for look in 1..10 {
        pace.on_turn(at(look * 10), look * 1000, 0);
    }
    assert_eq!(pace.window, PACE_FIRST, "nobody was held back");
    looks(&mut pace, 100, u64::MAX);
    assert!(pace.window > PACE_MAX / 10 * 9, "a second is enough for the largest window, not for {}", pace.window);
    assert!(!pace.is_full(pace.window - 1));
}

#[test]
fn much_that_is_lost_halves_it_once_a_round_trip_and_a_little_does_not() {
    let mut pace = Pace::new(Instant::ZERO, PACE_FIRST);
    pace.on_turn(at(10), 6_500, 100);
    assert_eq!(pace.window, PACE_FIRST, "one in 65 is no flood");
    pace.on_turn(at(20), 6_520, 120);
    assert_eq!(pace.window, PACE_FIRST, "twenty are no flood, though nothing else was sent");
    pace.on_turn(at(30), 7_500, 220);
    assert_eq!(pace.window, PACE_FIRST / 2);
    for ms in 31..280 {
        pace.on_turn(at(ms), 8_000 + ms, 2_000 + ms);
    }
    assert_eq!(pace.window, PACE_FIRST / 2, "what was in flight at the loss does not count again");
    for look in 0..100 {
        pace.on_turn(at(1_000 * (look + 1)), 10_000 * (look + 1), 5_000 * (look + 1));
    }
    assert_eq!(pace.window, PACE_MIN);
}

#[test]
fn after_a_loss_it_comes_near_that_window_slowly_and_grows_fast_again_when_it_is_outgrown() {
    let mut pace = Pace::new(Instant::ZERO, PACE_FIRST);
    pace.on_turn(at(10), 1_000, 500);
    looks(&mut pace, 60, u64::MAX);
    let half_a_second = pace.window;
    assert!((PACE_FIRST / 2 + 1..=PACE_FIRST * 5 / 4).contains(&half_a_second), "{half_a_second}");
    looks(&mut pace, 2_000, u64::MAX);
    assert_eq!(pace.lost_at, 0, "twice the window of the loss, and nothing was lost");
}

#[test]
fn it_stops_growing_when_more_carries_no_more_and_goes_on_when_it_does_again() {
    let mut pace = Pace::new(Instant::ZERO, PACE_FIRST);
    looks(&mut pace, 1_000, 3_000);
    let enough = pace.window;
    assert!((3_000..8_000).contains(&enough), "{enough} for 3,000 between two looks");
    looks(&mut pace, 300, u64::MAX);
    assert!(pace.window > 2 * enough, "{}", pace.window);
}
