//! The fuzz targets, without a fuzzer: the same functions, on noise. The same inputs every time, so a failure repeats.
#![cfg(not(feature = "canary"))]

use crore_base::random::Rng;

#[path = "../../../fuzz/src/connection.rs"]
pub mod connection;
#[path = "../../../fuzz/src/pair.rs"]
pub mod pair;

const CONNECTIONS: u64 = 3_000;
const PAIRS: u64 = 60;

fn noise(seed: u64, len_max: u64) -> Vec<u8> {
    let mut rng = Rng::from_seed(seed);
    let mut input = vec![0; rng.below(len_max) as usize];
    rng.fill(&mut input);
    input
}

#[test]
fn one_connection_stands_any_operations() {
    for seed in 0..CONNECTIONS {
        let input = noise(seed, 1_500);
        let outcome = std::panic::catch_unwind(|| connection::run(&input));
        assert!(outcome.is_ok(), "the noise of seed {seed}");
    }
}

#[test]
fn a_pair_stands_any_faults() {
    for seed in 0..PAIRS {
        pair::run(&noise(seed, 14));
    }
}
