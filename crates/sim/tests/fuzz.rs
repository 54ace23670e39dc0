//! The fuzz targets, without a fuzzer: the same functions, on noise and on the inputs where a fuzzer starts. The same inputs every time, so a failure repeats.
#![cfg(not(feature = "canary"))]

use crore_base::random::Rng;

#[path = "../../../fuzz/src/connection.rs"]
pub mod connection;
#[path = "../../../fuzz/src/lives.rs"]
pub mod lives;
#[path = "../../../fuzz/src/pair.rs"]
pub mod pair;

const CONNECTIONS: u64 = 3_000;
const PAIRS: u64 = 60;
/// Each usual life is lived so often, with noise at another place.
const DISTURBANCES: u64 = 10;

/// Inputs for `connection` that a fuzzer once found to fail.
const FOUND: [&[u8]; 1] = [
    // Both open at once, and the peer's SYN carries data and a FIN.
    &[0x41, 0x63, 0x03, 0xd3, 0xd3, 0xd3, 0xd3, 0x01, 0xff, 0x49, 0xff],
];

fn noise(seed: u64, len_max: u64) -> Vec<u8> {
    let mut rng = Rng::from_seed(seed);
    let mut input = vec![0; rng.below(len_max) as usize];
    rng.fill(&mut input);
    input
}

#[test]
fn one_connection_stands_what_was_found_before() {
    FOUND.into_iter().for_each(connection::run);
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
fn one_connection_stands_its_usual_lives_and_noise_in_them() {
    for (number, life) in lives::connections().iter().enumerate() {
        connection::run(life);
        for disturbance in 0..DISTURBANCES {
            let mut rng = Rng::from_seed(number as u64 * DISTURBANCES + disturbance);
            let at = 1 + rng.below(life.len() as u64 - 1) as usize;
            let input = [&life[..at], &noise(rng.next_u64(), 40), &life[at..]].concat();
            let outcome = std::panic::catch_unwind(|| connection::run(&input));
            assert!(outcome.is_ok(), "life {number} with disturbance {disturbance}: {input:?}");
        }
    }
}

#[test]
fn a_pair_stands_each_family_of_faults_alone() {
    for input in lives::pairs() {
        pair::run(&input);
    }
}

#[test]
fn a_pair_stands_any_faults() {
    for seed in 0..PAIRS {
        pair::run(&noise(seed, 14));
    }
}
