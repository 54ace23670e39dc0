//! Keys and slots.

use super::*;

#[test]
fn a_key_of_a_removed_record_finds_nothing_even_when_the_slot_is_used_again() {
    let mut table = Table::new(4);
    let old = table.insert("a").expect("room");
    assert_eq!(table.find(old), Some(&"a"));
    assert_eq!(table.remove(old.index), Some("a"));
    let new = table.insert("b").expect("room");
    assert_eq!(new.index, old.index);
    assert_eq!(table.find(old), None);
    assert_eq!(table.find(Key::from_bits(new.to_bits())), Some(&"b"));
}

#[test]
fn a_full_table_refuses_and_takes_again_after_a_removal() {
    let mut table = Table::new(2);
    let first = table.insert(1).expect("room");
    table.insert(2).expect("room");
    assert!(table.insert(3).is_none());
    table.remove(first.index);
    assert!(table.insert(3).is_some());
    assert_eq!(table.len(), 2);
}

#[test]
fn records_stay_reachable_over_many_chunks() {
    let mut table = Table::new(10_000);
    let keys: Vec<Key> = (0..5_000).map(|n| table.insert(n).expect("room")).collect();
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(table.find(*key), Some(&n));
        assert_eq!(table.key_at(key.index), Some(*key));
    }
    assert_eq!(table.iter().count(), 5_000);
}
