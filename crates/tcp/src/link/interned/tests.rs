//! The table against a model, and at its limit.

use std::collections::HashMap;

use crore_base::random::Rng;

use super::*;

#[test]
fn a_value_has_one_name_however_often_it_is_interned() {
    let mut table = Interned::<[u8; 6]>::new(1);
    let first = table.intern(&[1; 6]).expect("there is room");
    let other = table.intern(&[2; 6]).expect("there is room");
    assert_eq!(table.intern(&[1; 6]), Some(first));
    assert_ne!(first, other);
    assert_eq!((table.value(first), table.value(other)), (Some(&[1; 6]), Some(&[2; 6])));
    assert_eq!(table.len(), 2);
}

#[test]
fn a_name_lives_until_its_last_holder_lets_go() {
    let mut table = Interned::<u32>::new(1);
    let name = table.intern(&7).expect("there is room");
    table.acquire(name);
    assert_eq!(table.intern(&7), Some(name));
    for _ in 0..2 {
        table.release(name);
        assert_eq!(table.value(name), Some(&7));
    }
    table.release(name);
    assert_eq!(table.len(), 0);
    // The slot is used again, for another value, and the old value is not found under it.
    assert_eq!(table.intern(&8), Some(name));
    assert_ne!(table.intern(&7), Some(name));
}

#[test]
fn zero_is_never_a_name() {
    let mut table = Interned::<u32>::new(1);
    assert_eq!(table.value(0), None);
    for value in 0..100 {
        assert_ne!(table.intern(&value), Some(0));
    }
}

#[test]
fn a_full_table_refuses_new_values_and_still_finds_old_ones() {
    let mut table = Interned::<u32>::new(1);
    let names: Vec<u16> = (0..NAMES_MAX as u32).map(|value| table.intern(&value).expect("there is room")).collect();
    assert_eq!(table.intern(&u32::MAX), None);
    assert_eq!(table.intern(&77), Some(names[77]));
    table.release(names[5]);
    assert_eq!(table.intern(&u32::MAX), Some(names[5]));
    assert_eq!(table.len(), NAMES_MAX);
}

#[test]
#[should_panic(expected = "released by more than held it")]
fn releasing_what_nobody_holds_is_a_defect() {
    let mut table = Interned::<u32>::new(1);
    let name = table.intern(&7).expect("there is room");
    table.release(name);
    table.release(name);
}

#[test]
fn random_holders_agree_with_a_model() {
    let mut random = Rng::from_seed(11);
    let mut table = Interned::<u64>::new(3);
    let mut held: Vec<(u64, u16)> = Vec::new();
    for _ in 0..100_000 {
        if held.is_empty() || random.chance(1, 2) && held.len() < 500 {
            let value = random.below(60);
            held.push((value, table.intern(&value).expect("there is room")));
        } else {
            let (_, name) = held.swap_remove(random.below(held.len() as u64) as usize);
            table.release(name);
        }
        let Some((value, name)) = held.last() else { continue };
        assert_eq!(table.value(*name), Some(value));
    }
    let model: HashMap<u64, u16> = held.iter().copied().collect();
    assert_eq!(table.len(), model.len());
    assert!(held.iter().all(|(value, name)| model[value] == *name && table.value(*name) == Some(value)));
    assert!(table.slots.len() <= 60, "slots are used again");
}
