use super::*;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

#[test]
fn it_grows_only_while_it_holds_somebody_back() {
    let mut pace = Pace::new(Instant::ZERO);
    for look in 1..10 {
        pace.on_turn(at(look * 10), look * 1000, 0);
    }
    assert_eq!(pace.window, PACE_FIRST, "nobody was held back");
    for look in 10..200 {
        assert!(pace.is_full(PACE_MAX));
        pace.on_turn(at(look * 10), look * 1000, 0);
    }
    assert_eq!(pace.window, PACE_MAX);
    assert!(!pace.is_full(PACE_MAX - 1));
}

#[test]
fn much_that_is_sent_again_halves_it_once_a_round_trip_and_a_little_does_not() {
    let mut pace = Pace::new(Instant::ZERO);
    pace.on_turn(at(10), 6_500, 100);
    assert_eq!(pace.window, PACE_FIRST, "one in 65 is no flood");
    pace.on_turn(at(20), 7_500, 200);
    assert_eq!(pace.window, PACE_FIRST / 2);
    for ms in 21..270 {
        pace.on_turn(at(ms), 8_000 + ms, 2_000 + ms);
    }
    assert_eq!(pace.window, PACE_FIRST / 2, "what was in flight at the loss does not count again");
    for look in 0..100 {
        pace.on_turn(at(1_000 * (look + 1)), 10_000 * (look + 1), 5_000 * (look + 1));
    }
    assert_eq!(pace.window, PACE_MIN);
}
