use std::collections::HashSet;

use crore_base::time::Duration;
use proptest::prelude::*;

use super::*;
use crate::tuple::tests::{any_tuple, tuple};

/// RFC 9293 MUST-8
/// RFC 6528 MONOTONIC
#[test]
fn the_number_of_a_tuple_advances_by_one_in_four_microseconds() {
    let isn = Isn::new(1);
    let tuple = tuple("10.0.0.1", 80, "10.0.0.2", 5000);
    let first = isn.initial_sequence(Instant::ZERO, &tuple);
    for (micros, ticks) in [(3, 0), (4, 1), (4_000_000, 1_000_000), (4 << 32, 0), ((4 << 32) + 8, 2)] {
        let later = isn.initial_sequence(Instant::ZERO + Duration::from_micros(micros), &tuple);
        assert_eq!(later - first, ticks, "after {micros} us");
    }
}

/// RFC 9293 MUST-9
/// RFC 9293 SHLD-1
/// RFC 6528 KEYED-HASH
#[test]
fn the_numbers_of_a_million_tuples_look_like_chance() {
    const TUPLES: u32 = 1_000_000;
    let isn = Isn::new(1);
    let base = tuple("10.0.0.1", 80, "10.0.0.0", 0);
    let mut ones = [0u32; 32];
    let mut near = 0;
    let mut previous = Seq(0);
    let mut seen = HashSet::new();
    for number in 0..TUPLES {
        let neighbour = Tuple { remote_port: number as u16, local_port: (number >> 16) as u16, ..base };
        let start = isn.initial_sequence(Instant::ZERO, &neighbour);
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += start.0 >> bit & 1;
        }
        let apart = start - previous;
        near += u32::from(apart.min(apart.wrapping_neg()) < 1 << 16);
        seen.insert(start);
        previous = start;
    }
    // Six standard deviations on every count.
    let half = f64::from(TUPLES) / 2.0;
    for (bit, &count) in ones.iter().enumerate() {
        assert!((f64::from(count) - half).abs() < 6.0 * 500.0, "bit {bit} is set {count} times");
    }
    let expected = f64::from(TUPLES) / f64::from(1 << 15);
    assert!((f64::from(near) - expected).abs() < 6.0 * expected.sqrt(), "{near} neighbours are near each other");
    let pairs = f64::from(TUPLES).powi(2) / 2.0 / 2f64.powi(32);
    let doubles = f64::from(TUPLES) - seen.len() as f64;
    assert!((doubles - pairs).abs() < 6.0 * pairs.sqrt(), "{doubles} tuples share a number");
}

/// RFC 9293 MUST-9
/// RFC 6528 KEYED-HASH
#[test]
fn another_start_has_other_secrets() {
    let tuple = tuple("10.0.0.1", 80, "10.0.0.2", 5000);
    let starts: HashSet<Seq> = (0..1000).map(|seed| Isn::new(seed).initial_sequence(Instant::ZERO, &tuple)).collect();
    assert!(starts.len() > 998, "{} of 1000", starts.len());
    let offsets: HashSet<u32> = (0..1000).map(|seed| Isn::new(seed).timestamp_offset(&tuple)).collect();
    assert!(offsets.len() > 998, "{} of 1000", offsets.len());
}

#[test]
fn keys_of_one_seed_are_unrelated() {
    let bytes = b"anything";
    let keys = [key_for(1, b"a"), key_for(1, b"b"), key_for(2, b"a"), HashKey::from_seed(1)];
    let hashes: HashSet<u64> = keys.iter().map(|key| key.hash(bytes)).collect();
    assert_eq!(hashes.len(), keys.len());
    assert_eq!(key_for(1, b"a").hash(bytes), keys[0].hash(bytes), "the same seed replays");
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", Isn::new(1)), "Isn { sequence: HashKey(secret), timestamps: HashKey(secret) }");
}

proptest! {
    /// RFC 6528 MONOTONIC
    #[test]
    fn a_later_connection_of_a_tuple_starts_later(
        tuple in any_tuple(),
        seed: u64,
        start in 0u64..1 << 50,
        wait_micros in 4u64..1 << 32,
    ) {
        let isn = Isn::new(seed);
        let now = Instant::from_nanos(start);
        let later = now + Duration::from_micros(wait_micros);
        prop_assert!(isn.initial_sequence(now, &tuple).is_before(isn.initial_sequence(later, &tuple)));
    }

    #[test]
    fn timestamps_of_a_tuple_have_one_offset_for_ever(tuple in any_tuple(), seed: u64) {
        let isn = Isn::new(seed);
        prop_assert_eq!(isn.timestamp_offset(&tuple), isn.timestamp_offset(&tuple));
        prop_assert_eq!(isn.timestamp_offset(&tuple), Isn::new(seed).timestamp_offset(&tuple));
    }
}
