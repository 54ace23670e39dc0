use proptest::prelude::*;

use super::*;

#[test]
fn instants_saturate_at_both_ends_of_time() {
    assert_eq!(Instant::FAR_FUTURE + Duration::from_nanos(1), Instant::FAR_FUTURE);
    assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
    assert_eq!(Instant::ZERO - Instant::FAR_FUTURE, Duration::ZERO);
    assert_eq!(Instant::FAR_FUTURE.checked_add(Duration::from_nanos(1)), None);
    assert_eq!(Instant::ZERO.checked_add(Duration::MAX), Some(Instant::FAR_FUTURE));
}

#[test]
fn durations_saturate_instead_of_overflowing() {
    assert_eq!(Duration::MAX + Duration::from_nanos(1), Duration::MAX);
    assert_eq!(Duration::MAX * 2, Duration::MAX);
    assert_eq!(Duration::from_secs(u64::MAX), Duration::MAX);
    assert_eq!(Duration::from_millis(1) - Duration::from_secs(1), Duration::ZERO);
    assert_eq!(Duration::from(std::time::Duration::MAX), Duration::MAX);
    assert_eq!(Duration::from_secs(10) / 4, Duration::from_millis(2_500));
}

#[test]
fn units_of_time_round_down() {
    let instant = Instant::from_nanos(1_999_999_999);
    assert_eq!((instant.as_millis(), instant.as_micros()), (1_999, 1_999_999));
    let duration = Duration::from_nanos(1_999_999_999);
    assert_eq!((duration.as_secs(), duration.as_millis(), duration.as_micros()), (1, 1_999, 1_999_999));
    assert_eq!(Duration::from_millis(1_500).as_secs_f64(), 1.5);
}

#[test]
fn a_duration_is_written_in_its_largest_fitting_unit() {
    let texts = [
        (0, "0s"),
        (1, "1ns"),
        (999, "999ns"),
        (1_000, "1us"),
        (1_050, "1.05us"),
        (1_500_000, "1.5ms"),
        (25_000_000_000, "25s"),
        (90_000_000_001, "90.000000001s"),
    ];
    for (nanos, text) in texts {
        assert_eq!(Duration::from_nanos(nanos).to_string(), text);
    }
    assert_eq!(format!("{:>6}|{:<5}|", Duration::from_secs(5), Duration::from_millis(1)), "    5s|1ms  |");
}

proptest! {
    #[test]
    fn durations_agree_with_those_of_std(a: u64, b: u64) {
        let (ours, theirs) = (Duration::from_nanos(a), std::time::Duration::from_nanos(a));
        prop_assert_eq!(std::time::Duration::from(ours), theirs);
        prop_assert_eq!(Duration::from(theirs), ours);
        prop_assert_eq!(ours.as_secs_f64(), theirs.as_secs_f64());
        prop_assert_eq!(ours < Duration::from_nanos(b), theirs < std::time::Duration::from_nanos(b));
    }

    #[test]
    fn a_difference_added_back_gives_the_later_instant(a: u64, b: u64) {
        let (earlier, later) = (Instant::from_nanos(a.min(b)), Instant::from_nanos(a.max(b)));
        prop_assert_eq!(earlier + (later - earlier), later);
        prop_assert_eq!(later - (later - earlier), earlier);
    }
}
