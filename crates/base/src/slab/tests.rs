mod ahead;
mod model;

use super::*;
use crate::limits::SLAB_HUGE_BYTES_MIN;
use crate::map::page_bytes;
use crate::map::tests::resident_bytes;
use crate::random::Rng;

type Record = [u64; 16];

fn record(number: u64) -> Record {
    [number; 16]
}

fn resident<T: Copy + FromZeros>(slab: &Slab<T>) -> usize {
    resident_bytes(&slab.slots)
}

#[test]
fn a_value_is_found_by_its_handle_until_it_is_removed() {
    let mut slab = Slab::new(10);
    let handle = slab.insert(record(7)).unwrap();
    assert_eq!((slab.get(handle), slab.at(0), slab.handle_at(0)), (Some(&record(7)), Some(&record(7)), Some(handle)));
    *slab.get_mut(handle).unwrap() = record(8);
    slab.at_mut(0).unwrap()[0] = 9;
    assert_eq!(slab.remove(handle).unwrap()[..2], [9, 8]);
    assert_eq!((slab.get(handle), slab.at(0), slab.handle_at(0)), (None, None, None));
    assert_eq!(slab.remove(handle), None);
    assert!(slab.is_empty());
}

#[test]
fn the_next_tenant_of_a_slot_is_not_found_by_the_name_of_the_last() {
    let mut slab = Slab::new(1);
    let first = slab.insert(record(1)).unwrap();
    slab.remove(first);
    let second = slab.insert(record(2)).unwrap();
    assert_eq!((first.index(), second.index()), (0, 0));
    assert_ne!(first, second);
    assert_eq!(slab.remove(first), None);
    assert_eq!(slab.get(first), None);
    assert_eq!(slab.get(second), Some(&record(2)));
}

#[test]
fn a_full_slab_refuses_and_takes_again_when_there_is_room() {
    for limit in [0, 1, 3, 64, 100] {
        let mut slab = Slab::new(limit);
        let handles: Vec<Handle> = (0..limit).map(|number| slab.insert(u64::from(number)).unwrap()).collect();
        assert_eq!((slab.insert(0), slab.len(), slab.limit()), (None, limit, limit));
        if let Some(handle) = handles.last() {
            slab.remove(*handle);
            assert!(slab.insert(1).is_some());
            assert_eq!(slab.insert(1), None);
        }
    }
}

#[test]
fn handles_survive_the_way_through_a_number_and_forged_ones_find_nothing() {
    let mut slab = Slab::new(100);
    let handle = slab.insert(record(1)).unwrap();
    assert_ne!(handle.to_bits(), 0);
    assert_eq!(Handle::from_bits(handle.to_bits()), Some(handle));
    assert_eq!(Handle::from_bits(0), None);
    assert_eq!(Handle::from_bits(2 << 32), None, "an even generation is that of a free slot");
    for bits in [1 << 32 | 1, 1 << 32 | 99, 1 << 32 | 100, u64::MAX, 3 << 32] {
        assert_eq!(Handle::from_bits(bits).and_then(|forged| slab.get(forged)), None, "{bits:#x}");
    }
    assert_eq!((slab.at(1), slab.at(u32::MAX), slab.handle_at(u32::MAX)), (None, None, None));
    [0, 99, u32::MAX].iter().for_each(|index| slab.prefetch(*index));
}

#[test]
fn a_slot_that_has_run_out_of_generations_is_retired() {
    let mut slab = Slab::new(2);
    let other = slab.insert(record(0)).unwrap();
    slab.remove(other);
    slab.generations.skip_to(0, u32::MAX - 1);
    let last = slab.insert(record(1)).unwrap();
    assert_eq!((last.index(), last.generation().get()), (0, u32::MAX));
    assert_eq!(slab.remove(last), Some(record(1)));
    assert_eq!((slab.get(last), slab.at(0), slab.get(other)), (None, None, None));
    let next = slab.insert(record(2)).unwrap();
    assert_eq!(next.index(), 1);
    assert_eq!(slab.insert(record(3)), None, "the retired slot is not used again");
    assert!(slab.iter().eq([(next, &record(2))]));
    slab.remove(next);
    assert!(slab.is_empty());
    assert!(slab.trim() <= 2 * page_bytes());
}

#[test]
fn memory_is_taken_as_values_come_and_goes_back_when_they_leave() {
    let count = 100_000;
    let mut slab = Slab::new(10_000_000);
    assert_eq!(resident(&slab), 0);
    let handles: Vec<Handle> = (0..count).map(|number| slab.insert(record(number)).unwrap()).collect();
    let full = resident(&slab);
    let bytes = count as usize * size_of::<Record>();
    assert!(full >= bytes && full < bytes + 2 * UNIT_BYTES, "{full} bytes for {bytes}");
    assert!(slab.footprint() >= full);
    for handle in &handles {
        slab.remove(*handle);
    }
    assert!(resident(&slab) <= 2 * UNIT_BYTES, "one unit in hand and one made ready, not {} bytes", resident(&slab));
    assert!(slab.footprint() >= resident(&slab));
    slab.trim();
    assert_eq!(resident(&slab), 0);
    assert_eq!(slab.trim(), 0, "what was given back is not given back twice");
    assert!(handles.iter().all(|handle| slab.get(*handle).is_none()), "generations outlive the pages");
    let again = slab.insert(record(1)).unwrap();
    assert!(again.index() == 0 && handles.iter().all(|handle| *handle != again));
}

#[test]
fn trim_gives_back_pages_between_values_and_keeps_the_values() {
    let mut slab = Slab::new(1_000_000);
    let handles: Vec<Handle> = (0..20_000).map(|number| slab.insert(record(number)).unwrap()).collect();
    let kept: Vec<Handle> = handles.iter().copied().step_by(997).collect();
    for handle in handles.iter().filter(|handle| !kept.contains(handle)) {
        slab.remove(*handle);
    }
    let (before, footprint) = (resident(&slab), slab.footprint());
    let released = slab.trim();
    assert_eq!(before - resident(&slab), released);
    assert_eq!(footprint - slab.footprint(), released);
    assert_eq!(resident(&slab), kept.len() * page_bytes(), "each value that stayed holds one page");
    for (number, handle) in (0_u64..).step_by(997).zip(&kept) {
        assert_eq!(slab.get(*handle), Some(&record(number)));
    }
    assert!(slab.iter().map(|(handle, _)| handle).eq(kept));
}

#[test]
fn a_slab_without_values_owns_next_to_nothing() {
    let slab = Slab::<Record>::new(10_000_000);
    assert!(slab.footprint() < 64 << 10, "{} bytes", slab.footprint());
    assert!(Slab::<Record>::new(100).footprint() < 1 << 10);
}

#[test]
fn a_value_that_comes_and_goes_at_the_edge_of_a_unit_keeps_its_pages() {
    let mut slab = Slab::new(1 << 20);
    let per_unit = (UNIT_BYTES / size_of::<Record>()) as u64;
    assert!((0..per_unit).all(|number| slab.insert(record(number)).is_some()));
    for number in 0..10 {
        let handle = slab.insert(record(number)).unwrap();
        assert_eq!(u64::from(handle.index()), per_unit);
        slab.remove(handle);
        assert_eq!(resident(&slab), UNIT_BYTES + page_bytes());
    }
}

#[test]
fn slots_larger_than_a_page_and_of_odd_sizes_keep_their_values_through_trim() {
    fn check<const N: usize>() {
        let mut slab = Slab::new(3_000);
        let handles: Vec<Handle> = (0..3_000).map(|number| slab.insert([number as u8; N]).unwrap()).collect();
        let (leave, stay): (Vec<_>, Vec<_>) = handles.iter().partition(|handle| handle.index() % 100 > 2);
        leave.iter().for_each(|handle| assert!(slab.remove(*handle).is_some()));
        let before = resident(&slab);
        assert_eq!(before - slab.trim(), resident(&slab));
        assert!(slab.footprint() >= resident(&slab));
        assert!(stay.iter().all(|handle| slab.get(*handle) == Some(&[handle.index() as u8; N])));
    }
    check::<1>();
    check::<7>();
    check::<97>();
    check::<1_000>();
    check::<4_096>();
    check::<5_000>();
    check::<12_288>();
}

#[test]
fn an_insertion_into_a_small_slab_takes_the_pages_of_one_value_and_not_those_of_others() {
    let mut slab = Slab::new(1 << 20);
    for number in 0..((SLAB_HUGE_BYTES_MIN - UNIT_BYTES) / size_of::<Record>()) as u64 {
        slab.insert(record(number)).unwrap();
        if number % 97 == 0 {
            let now = resident(&slab);
            let needed = (number as usize + 1) * size_of::<Record>();
            assert!(now == needed.next_multiple_of(page_bytes()), "{now} bytes for {needed} at {number}");
        }
    }
    assert!(!slab.large);
}

#[test]
fn millions_of_slots_are_filled_emptied_at_random_and_filled_again() {
    let count = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    let mut slab = Slab::new(count);
    let mut handles: Vec<Handle> = (0..count).map(|number| slab.insert(number).unwrap()).collect();
    assert_eq!((slab.len(), slab.insert(0)), (count, None));
    Rng::from_seed(1).shuffle(&mut handles);
    for handle in &handles {
        assert_eq!(slab.remove(*handle), Some(handle.index()));
    }
    assert!((0..count).all(|number| slab.insert(number).unwrap().index() == number));
    assert!(handles.iter().all(|handle| slab.get(*handle).is_none()));
}
