use proptest::prelude::*;

use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// No floor to speak of, so that the formula shows.
const BARE: RtoBounds =
    RtoBounds { initial: RTO_INITIAL, min: Duration::from_nanos(1), max: Duration::from_secs(3600) };

/// RFC 6298 INITIAL
#[test]
fn without_a_sample_the_timeout_is_one_second() {
    let estimate = RttEstimate::default();
    assert_eq!(estimate, RttEstimate::new_zeroed());
    assert_eq!(estimate.rto(&RtoBounds::default()), Duration::from_secs(1));
    assert_eq!((estimate.smoothed(), estimate.variation()), (None, None));
}

/// RFC 6298 INITIAL
#[test]
fn after_a_lost_syn_data_starts_with_three_seconds_until_a_round_trip_is_measured() {
    let mut estimate = RttEstimate::default();
    estimate.syn_was_lost();
    assert_eq!(estimate.rto(&RtoBounds::default()), Duration::from_secs(3));
    assert_eq!(estimate.smoothed(), None);
    estimate.sample(ms(100));
    assert_eq!(estimate.rto(&BARE), ms(300));
    estimate.syn_was_lost();
    assert_eq!(estimate.rto(&BARE), ms(300), "what was measured counts");
}

/// RFC 6298 ESTIMATOR
/// RFC 9293 MUST-18
#[test]
fn samples_move_the_estimate_as_the_formulas_say() {
    // sample, SRTT, RTTVAR, RTO: computed by hand from RFC 6298 section 2, all in microseconds.
    let table = [
        (100_000, 100_000, 50_000, 300_000),
        (100_000, 100_000, 37_500, 250_000),
        (180_000, 110_000, 48_125, 302_500),
        (30_000, 100_000, 56_093, 324_375),
        (100_000, 100_000, 42_070, 268_281),
    ];
    let mut estimate = RttEstimate::default();
    for (sample, srtt, rttvar, rto) in table {
        estimate.sample(us(sample));
        let close = |is: Duration, micros: u64| is.as_micros().abs_diff(micros) <= 1;
        let is = (estimate.smoothed().unwrap(), estimate.variation().unwrap(), estimate.rto(&BARE));
        assert!(
            close(is.0, srtt) && close(is.1, rttvar) && close(is.2, rto),
            "after {sample}: {is:?}, not {srtt} {rttvar} {rto}"
        );
    }
}

/// RFC 6298 ESTIMATOR
#[test]
fn a_steady_path_keeps_a_tick_of_the_clock_above_its_round_trip() {
    let mut estimate = RttEstimate::default();
    for _ in 0..200 {
        estimate.sample(ms(40));
    }
    assert_eq!(estimate.smoothed(), Some(ms(40)));
    assert!(estimate.variation().unwrap() < us(1));
    assert_eq!(estimate.rto(&BARE), ms(41));
}

/// RFC 6298 BOUNDS
#[test]
fn the_timeout_has_a_floor_and_a_ceiling() {
    let bounds = RtoBounds::default();
    assert!(bounds.max >= Duration::from_secs(60));
    let mut fast = RttEstimate::default();
    fast.sample(us(50));
    assert_eq!(fast.rto(&bounds), ms(200));
    let mut slow = RttEstimate::default();
    slow.sample(Duration::from_secs(40));
    assert_eq!(slow.rto(&bounds), Duration::from_secs(60));
    let mut endless = RttEstimate::default();
    endless.sample(Duration::MAX);
    assert_eq!(endless.smoothed().unwrap().as_secs(), 536);
}

/// RFC 6298 BACKOFF
/// RFC 9293 MUST-19
#[test]
fn each_timeout_doubles_the_next_up_to_the_ceiling() {
    let max = Duration::from_secs(60);
    let seconds: Vec<u64> = (0..8).map(|times| backed_off(Duration::from_secs(1), times, max).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(backed_off(ms(200), 255, max), max);
    assert_eq!(backed_off(Duration::ZERO, 255, max), Duration::ZERO);
}

#[test]
fn a_sample_of_no_time_at_all_is_still_a_sample() {
    let mut estimate = RttEstimate::default();
    estimate.sample(Duration::ZERO);
    assert!(estimate.smoothed().is_some());
    for _ in 0..50 {
        estimate.sample(Duration::ZERO);
        assert!(estimate.smoothed().is_some());
    }
}

#[test]
fn many_samples_of_one_round_trip_weigh_about_as_much_as_one() {
    let (mut one, mut many) = (RttEstimate::default(), RttEstimate::default());
    one.sample(ms(100));
    many.sample(ms(100));
    for round in 0..20 {
        let rtt = if round < 10 { ms(200) } else { ms(50) };
        one.sample(rtt);
        for _ in 0..50 {
            many.sample_of(rtt, 50);
        }
        let (one, many) = (one.smoothed().unwrap().as_micros(), many.smoothed().unwrap().as_micros());
        assert!(one.abs_diff(many) < 8_000, "round {round}: {one} and {many}");
    }
}

proptest! {
    #[test]
    fn estimates_follow_the_formulas_in_exact_arithmetic(samples in prop::collection::vec(1u64..60_000_000, 1..100)) {
        let mut estimate = RttEstimate::default();
        let (mut srtt, mut rttvar) = (0.0, 0.0);
        for (number, &sample) in samples.iter().enumerate() {
            estimate.sample(us(sample));
            let rtt = sample as f64;
            if number == 0 {
                (srtt, rttvar) = (rtt, rtt / 2.0);
            } else {
                let deviation: f64 = srtt - rtt;
                rttvar = 0.75 * rttvar + 0.25 * deviation.abs();
                srtt = 0.875 * srtt + 0.125 * rtt;
            }
            let rto = estimate.rto(&BARE).as_nanos() as f64 / 1000.0;
            let exact = srtt + f64::max(1000.0, 4.0 * rttvar);
            prop_assert!((rto - exact).abs() < 8.0, "{} is not {}", rto, exact);
        }
    }

    #[test]
    fn no_sequence_of_samples_leaves_the_bounds(
        samples in prop::collection::vec((any::<u64>(), any::<u32>()), 0..50),
        times: u8,
    ) {
        let bounds = RtoBounds::default();
        let mut estimate = RttEstimate::default();
        for (nanos, per_window) in samples {
            estimate.sample_of(Duration::from_nanos(nanos), per_window);
        }
        let rto = estimate.rto(&bounds);
        prop_assert!(rto >= bounds.min && rto <= bounds.max);
        let later = backed_off(rto, times, bounds.max);
        prop_assert!(later >= rto && later <= bounds.max);
    }
}
