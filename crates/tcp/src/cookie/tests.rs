use std::collections::HashSet;

use crore_base::random::Rng;
use proptest::prelude::*;

use super::*;
use crate::tuple::tests::{any_tuple, tuple};

fn at(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

fn peer() -> Tuple {
    tuple("10.0.0.1", 80, "10.0.0.2", 5000)
}

/// RFC 4987 COOKIE
/// RFC 4987 COOKIE-OPTIONS
#[test]
fn a_cookie_brings_back_the_segment_size_of_its_class() {
    let v4 = [
        (0, 88),
        (88, 88),
        (535, 88),
        (536, 536),
        (1219, 536),
        (1220, 1220),
        (1459, 1440),
        (1460, 1460),
        (8960, 8960),
        (65535, 8960),
    ];
    let v6 = [(0, 216), (535, 216), (536, 536), (1220, 1220), (1440, 1440), (1460, 1440), (65535, 8940)];
    let mut cookies = Cookies::new(1, at(0));
    for (tuple, table) in [(peer(), &v4[..]), (tuple("fe80::1", 80, "fe80::2", 9), &v6[..])] {
        for &(asked, given) in table {
            let iss = cookies.make(at(1), &tuple, Seq(77), asked);
            assert_eq!(cookies.check(at(2), &tuple, Seq(77), iss), Some(given), "asked for {asked}");
        }
    }
}

/// What overtakes the first segment must not be taken for it: the bytes between them would be lost without a trace. Nor
/// what comes after it on a connection that is forgotten.
#[test]
fn only_the_very_numbers_of_the_handshake_bring_a_cookie_back() {
    let mut cookies = Cookies::new(1, at(0));
    for asked in MSS_V4 {
        let iss = cookies.make(at(1), &peer(), Seq(77), asked);
        for (received, sent) in (0..40).flat_map(|received| (0..40).map(move |sent| (received, sent))) {
            let found = cookies.check(at(2), &peer(), Seq(77) + received, iss + sent);
            let first = (received, sent) == (0, 0);
            assert_eq!(found, first.then_some(asked), "{received} bytes received and {sent} sent");
        }
    }
}

#[test]
fn classes_ascend_so_that_the_largest_that_fits_is_the_last_that_fits() {
    assert!(MSS_V4.is_sorted_by(|a, b| a < b) && MSS_V6.is_sorted_by(|a, b| a < b));
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn a_cookie_lives_through_the_next_period_and_no_longer() {
    // made at, seconds; checked at; whether it is still good
    let table = [
        (0, 0, true),
        (0, 63, true),
        (0, 64, true),
        (0, 127, true),
        (0, 128, false),
        (63, 127, true),
        (63, 128, false),
        (100, 191, true),
        (100, 192, false),
        (100, 6400, false),
        (6399, 6400, true),
    ];
    for (made, checked, good) in table {
        let mut cookies = Cookies::new(1, at(0));
        let iss = cookies.make(at(made), &peer(), Seq(1), 1460);
        let found = cookies.check(at(checked), &peer(), Seq(1), iss);
        assert_eq!(found, good.then_some(1460), "made at {made}, checked at {checked}");
    }
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn each_period_has_another_key() {
    let mut cookies = Cookies::new(1, at(0));
    let made: HashSet<Seq> = (0..1000).map(|period| cookies.make(at(64 * period), &peer(), Seq(1), 536)).collect();
    assert!(made.len() > 998, "{} of 1000", made.len());
}

#[test]
fn a_clock_that_steps_back_does_not_bring_an_old_key_back() {
    let mut cookies = Cookies::new(1, at(0));
    let old = cookies.make(at(0), &peer(), Seq(1), 1460);
    let new = cookies.make(at(640), &peer(), Seq(1), 1460);
    assert_eq!(cookies.check(at(0), &peer(), Seq(1), old), None);
    assert_eq!(cookies.check(at(0), &peer(), Seq(1), new), Some(1460));
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn nothing_but_the_exact_answer_opens_the_door() {
    let mut cookies = Cookies::new(1, at(0));
    let iss = cookies.make(at(0), &peer(), Seq(5), 1460);
    let strangers = [
        tuple("10.0.0.1", 80, "10.0.0.2", 5001),
        tuple("10.0.0.1", 81, "10.0.0.2", 5000),
        tuple("10.0.0.3", 80, "10.0.0.2", 5000),
        tuple("10.0.0.1", 80, "10.0.0.3", 5000),
    ];
    for stranger in strangers {
        assert_eq!(cookies.check(at(0), &stranger, Seq(5), iss), None, "{stranger:?}");
    }
    assert_eq!(cookies.check(at(0), &peer(), Seq(20), iss), None, "another initial number");
    assert_eq!(cookies.check(at(0), &peer(), Seq(5), iss + 8), None);
    assert_eq!(cookies.check(at(0), &peer(), Seq(5), iss - 8), None);
    assert_eq!(Cookies::new(2, at(0)).check(at(0), &peer(), Seq(5), iss), None, "another start");
}

/// RFC 4987 COOKIE-ROTATES
#[test]
fn a_million_guesses_find_no_cookie() {
    // Sixteen of 2^32 numbers are good: a million guesses hit one with a chance of 1 in 268.
    let mut rng = Rng::from_seed(3);
    let mut cookies = Cookies::new(1, at(0));
    let base = peer();
    let hits = (0..1_000_000u32).filter(|&guess| {
        let forged = Tuple { remote_port: guess as u16, ..base };
        cookies.check(at(100), &forged, Seq(rng.next_u64() as u32), Seq(rng.next_u64() as u32)).is_some()
    });
    assert_eq!(hits.count(), 0);
}

/// RFC 4987 COOKIE-OPTIONS
#[test]
fn scale_and_sack_ride_in_a_timestamp_that_is_never_of_the_future() {
    let scales = (0..=14).map(Some).chain([None]);
    for (scale, sack) in scales.flat_map(|scale| [(scale, false), (scale, true)]) {
        for ts in (0..200).chain([u32::MAX, u32::MAX - 70, 1 << 31, (1 << 31) - 1]) {
            let packed = pack(ts, scale, sack);
            assert_eq!(unpack(packed), (scale, sack));
            assert!(ts.wrapping_sub(packed) < 64, "{ts} became {packed}");
        }
    }
}

#[test]
#[should_panic(expected = "is no window scale")]
fn a_scale_that_no_peer_can_have_is_a_bug_of_the_caller() {
    pack(0, Some(15), false);
}

proptest! {
    /// RFC 4987 COOKIE
    #[test]
    fn every_cookie_is_known_again_while_it_lives(
        tuple in any_tuple(), seed: u64, irs: u32, mss: u16, made in 0u64..1 << 40, later in 0u64..64,
    ) {
        let (irs, made) = (Seq(irs), at(made));
        let mut cookies = Cookies::new(seed, made);
        let iss = cookies.make(made, &tuple, irs, mss);
        let found = cookies.check(made + Duration::from_secs(later), &tuple, irs, iss);
        let classes = classes_of(&tuple);
        prop_assert!(found.is_some_and(|found| found <= mss.max(classes[0]) && classes.contains(&found)));
    }

    #[test]
    fn packed_timestamps_step_back_by_less_than_their_bits(ts: u32, later in 0u32..1 << 30, options in 0u8..15) {
        let (first, second) = (pack(ts, Some(options), true), pack(ts.wrapping_add(later), Some(options), true));
        prop_assert!(second.wrapping_sub(first) as i32 >= 0, "with the same options they never step back");
        let plain = ts.wrapping_add(later);
        prop_assert!(plain.wrapping_sub(first) as i32 >= 0, "what follows on the connection is not older");
    }
}
