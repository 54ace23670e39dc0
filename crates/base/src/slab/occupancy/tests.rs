use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn slots_are_found_from_the_bottom_up_to_the_limit_and_no_further() {
    for limit in [0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 300_000] {
        let mut occupancy = Occupancy::new(limit);
        for slot in 0..limit {
            assert_eq!(occupancy.lowest_free(), Some(slot), "limit {limit}");
            occupancy.take(slot);
        }
        assert_eq!(occupancy.lowest_free(), None, "limit {limit}");
        if limit > 0 {
            occupancy.free(limit / 2);
            assert_eq!(occupancy.lowest_free(), Some(limit / 2));
        }
    }
}

#[test]
fn the_largest_limit_needs_six_levels_and_hardly_any_memory() {
    let mut occupancy = Occupancy::new(u32::MAX);
    assert_eq!(occupancy.levels.len(), 6);
    assert_eq!(occupancy.lowest_free(), Some(0));
    occupancy.take(0);
    occupancy.take(u32::MAX - 1);
    occupancy.free(0);
    assert!(!occupancy.is_taken(u32::MAX), "a slot beyond the limit is nobody's");
    assert!(occupancy.is_taken(u32::MAX - 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn bitmaps_agree_with_a_set(limit in 1..10_000_u32, steps in prop::collection::vec((0..3_u32, any::<u32>()), 0..2_000)) {
        let mut occupancy = Occupancy::new(limit);
        let mut taken = BTreeSet::new();
        for (action, choice) in steps {
            let slot = choice % limit;
            match action {
                0 if taken.remove(&slot) => occupancy.free(slot),
                1 if taken.insert(slot) => occupancy.take(slot),
                _ => {
                    if let Some(lowest) = occupancy.lowest_free() {
                        occupancy.take(lowest);
                        prop_assert!(taken.insert(lowest), "slot {} is taken", lowest);
                    }
                }
            }
            prop_assert_eq!(occupancy.lowest_free(), (0..limit).find(|slot| !taken.contains(slot)));
            let end = slot + 1 + (choice >> 16) % (limit - slot);
            prop_assert_eq!(occupancy.are_free(slot..end), taken.range(slot..end).next().is_none());
        }
        prop_assert!(occupancy.taken().eq(taken.iter().copied()));
        prop_assert!((0..limit).all(|slot| occupancy.is_taken(slot) == taken.contains(&slot)));
    }
}
