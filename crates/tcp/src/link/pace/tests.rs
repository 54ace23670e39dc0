//! The pace over exact instants.

use super::*;

fn millis(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

#[test]
fn a_burst_is_allowed_at_once_and_no_more() {
    let mut pace = Pace::new(10, 3);
    let allowed = (0..10).filter(|_| pace.allow(millis(5_000))).count();
    assert_eq!(allowed, 3);
    assert!(!pace.allow(millis(5_099)));
    assert!(pace.allow(millis(5_100)));
    assert!(!pace.allow(millis(5_101)));
}

#[test]
fn a_quiet_time_earns_one_burst_and_not_two() {
    let mut pace = Pace::new(10, 3);
    assert!(pace.allow(millis(0)));
    let allowed = (0..10).filter(|_| pace.allow(millis(3_600_000))).count();
    assert_eq!(allowed, 3);
}

#[test]
fn over_a_long_flood_the_rate_is_exact() {
    let mut pace = Pace::new(1000, 32);
    let allowed = (0..100_000).filter(|step| pace.allow(Instant::ZERO + Duration::from_micros(step * 100))).count();
    assert_eq!(allowed, 32 - 1 + 10_000);
}
