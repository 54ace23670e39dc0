//! What endless coming and going does to the table: nothing.

use super::*;

/// Buckets that are read by a miss, on average, for hashes that are not in the table.
fn buckets_a_miss(table: &FlowTable) -> f64 {
    let misses = 50_000;
    table.probes();
    for number in 0..misses {
        table.find(hash_of(u32::MAX - number), |_| false);
    }
    f64::from(table.probes()) / f64::from(misses)
}

#[test]
fn after_millions_of_comings_and_goings_the_table_is_as_good_as_a_fresh_one() {
    let living = 100_000;
    let operations = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    let mut table = filled(living, living);
    let (fresh_probes, fresh_bytes) = (buckets_a_miss(&table), table.memory_bytes());
    let mut rng = Rng::from_seed(1);
    let mut members: Vec<u32> = (0..living).collect();
    for number in living..living + operations {
        let place = rng.below(living.into()) as usize;
        let leaver = std::mem::replace(&mut members[place], number);
        assert!(table.remove(hash_of(leaver), leaver));
        assert_eq!(table.insert(hash_of(number), number), Ok(()));
        assert!(table.moved() <= MOVED_ENTRIES_MAX + BACKFILL_ENTRIES_MAX);
    }
    assert_eq!(table.check(), 0, "no gap is left behind");
    assert!(members.iter().all(|member| table.find(hash_of(*member), |value| value == *member) == Some(*member)));
    let (probes, bytes) = (buckets_a_miss(&table), table.memory_bytes());
    assert!(probes < fresh_probes * 1.1, "{probes:.3} buckets a miss, {fresh_probes:.3} when fresh");
    assert!(bytes <= fresh_bytes * 5 / 4, "{bytes} bytes, {fresh_bytes} when fresh");
}

#[test]
fn a_crowd_that_comes_and_goes_at_the_edge_of_a_split_causes_no_storm() {
    let base = 60_000;
    let mut table = filled(100_000, base);
    table.moved();
    let (mut moved, mut operations) = (0_u64, 0_u64);
    for _ in 0..20 {
        (base..base + base / 10).for_each(|number| table.insert(hash_of(number), number).unwrap());
        (base..base + base / 10).for_each(|number| assert!(table.remove(hash_of(number), number)));
        moved += u64::from(table.moved());
        operations += u64::from(base / 5);
    }
    assert!(moved < operations / 2, "{operations} operations moved {moved} entries");
    assert_eq!((table.check(), table.len()), (0, base));
}
