use super::*;

#[test]
fn splitmix64_gives_the_published_sequence() {
    let mut mix = SplitMix64(1_477_776_061_723_855_037);
    let published = [
        1_985_237_415_132_408_290,
        2_979_275_885_539_914_483,
        13_511_426_838_097_143_398,
        8_488_337_342_461_049_707,
        15_141_737_807_933_549_159,
    ];
    assert_eq!(published, std::array::from_fn(|_| mix.next()));
}

#[test]
fn xoshiro256_plus_plus_gives_the_published_sequence() {
    let mut rng = Rng { state: [1, 2, 3, 4] };
    let published = [
        41_943_041,
        58_720_359,
        3_588_806_011_781_223,
        3_591_011_842_654_386,
        9_228_616_714_210_784_205,
        9_973_669_472_204_895_162,
        14_011_001_112_246_962_877,
        12_406_186_145_184_390_807,
        15_849_039_046_786_891_736,
        10_450_023_813_501_588_000,
    ];
    assert_eq!(published, std::array::from_fn(|_| rng.next_u64()));
}

#[test]
fn the_same_seed_replays_and_another_does_not() {
    let sequence = |seed| {
        let mut rng = Rng::from_seed(seed);
        std::array::from_fn::<u64, 16, _>(|_| rng.next_u64())
    };
    assert_eq!(sequence(7), sequence(7));
    assert_ne!(sequence(7), sequence(8));
    assert!(sequence(0).iter().any(|number| *number != 0));
}

#[test]
fn below_reaches_every_number_about_equally_often() {
    let mut rng = Rng::from_seed(1);
    for n in [1, 2, 3, 7, 10] {
        let mut seen = vec![0_u64; n as usize];
        let draws = 60_000;
        for _ in 0..draws {
            seen[rng.below(n) as usize] += 1;
        }
        let expected = draws / n;
        assert!(seen.iter().all(|count| count.abs_diff(expected) < expected / 10 + 1), "below({n}): {seen:?}");
    }
}

#[test]
fn below_is_unbiased_where_a_plain_modulus_would_not_be() {
    // Three quarters of all 64-bit numbers: without drawing again, every third result would be as likely as both others.
    let n = 3 << 62;
    let mut rng = Rng::from_seed(2);
    let thirds = (0..30_000).filter(|_| rng.below(n).is_multiple_of(3)).count();
    assert!((9_500..10_500).contains(&thirds), "{thirds} of 30000");
}

#[test]
fn ranges_and_chances_stay_inside_what_was_asked() {
    let mut rng = Rng::from_seed(3);
    for _ in 0..1_000 {
        assert!((10..13).contains(&rng.range(10..13)));
        assert!(rng.range(u64::MAX - 1..u64::MAX) == u64::MAX - 1);
        assert!(rng.chance(1, 1) && rng.chance(5, 2) && !rng.chance(0, 3));
    }
    let hits = (0..40_000).filter(|_| rng.chance(1, 4)).count();
    assert!((9_500..10_500).contains(&hits), "{hits} of 40000");
}

#[test]
fn fill_is_the_sequence_in_little_endian_bytes() {
    let (mut rng, mut same) = (Rng::from_seed(4), Rng::from_seed(4));
    let mut bytes = [0; 19];
    rng.fill(&mut bytes);
    let expected: Vec<u8> = (0..3).flat_map(|_| same.next_u64().to_le_bytes()).take(19).collect();
    assert_eq!(bytes[..], expected);
    rng.fill(&mut []);
    assert_eq!(rng, same, "an empty slice draws nothing");
}

#[test]
fn a_fork_goes_its_own_way_and_leaves_its_origin_alone() {
    let (mut rng, mut same) = (Rng::from_seed(5), Rng::from_seed(5));
    let mut fork = rng.fork();
    same.next_u64();
    assert_eq!(rng, same, "forking draws one number");
    fork.next_u64();
    assert_eq!(rng, same, "what the fork draws is its own");
    assert_ne!(fork, rng);
}

#[test]
fn shuffling_gives_every_order_about_equally_often() {
    let mut rng = Rng::from_seed(6);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..12_000 {
        let mut values = [1, 2, 3];
        rng.shuffle(&mut values);
        *seen.entry(values).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.values().all(|count| (1_800..2_200).contains(count)), "{seen:?}");
    rng.shuffle::<u8>(&mut []);
}

#[test]
#[should_panic(expected = "there is no number below zero")]
fn below_zero_is_refused() {
    Rng::from_seed(0).below(0);
}
