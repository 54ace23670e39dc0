//! A farm that cannot fail shows nothing. With the feature `canary` the engine gives a byte twice once in a while, and the
//! same worlds in which nothing is found without it must find that:
//!
//! `cargo test -p crore-sim --features canary --test canary`
#![cfg(feature = "canary")]

use crore_sim::family::Families;
use crore_sim::farm;
use crore_sim::plan::Kind;

/// Worlds in which it must have been found; it takes a few.
const WORLDS: u64 = 100;

#[test]
fn the_canary_that_gives_a_byte_twice_is_found_and_shrunk() {
    for kind in [Kind::Pair, Kind::Crossing, Kind::Crowd] {
        let found = farm::run(kind, WORLDS).expect_err("a byte was given twice and nobody noticed");
        println!("the canary was found: {}", found.tell("the_canary_that_gives_a_byte_twice_is_found_and_shrunk"));
        assert!(found.failure.what.contains("stream is"), "something else was found: {}", found.failure.what);
        // What was written down is enough to see it again.
        let (again, _) = farm::run_one(found.seed, kind, found.without, found.divisor, false);
        assert_eq!(again.expect_err("it was found before"), found.failure);
        assert!(found.families != Families::ALL, "what it does not need was switched off");
    }
}
