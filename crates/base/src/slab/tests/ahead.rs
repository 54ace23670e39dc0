//! A large slab stands on huge pages, has the next one made ready, and gives back whole what nobody needs.

use super::*;
use crate::ahead::tests::wait_until_ready;

const PER_UNIT: u32 = (UNIT_BYTES / size_of::<Record>()) as u32;
const LARGE_UNITS: usize = SLAB_HUGE_BYTES_MIN / UNIT_BYTES;
const LIMIT: u32 = 40 * PER_UNIT;

fn fill(slab: &mut Slab<Record>, units: usize) -> Vec<Handle> {
    let first = slab.len();
    (first..first + units as u32 * PER_UNIT).map(|number| slab.insert(record(number.into())).unwrap()).collect()
}

#[test]
fn the_unit_after_the_last_is_there_before_its_first_value_and_no_other() {
    let mut slab = Slab::new(LIMIT);
    fill(&mut slab, LARGE_UNITS);
    for units in LARGE_UNITS..LARGE_UNITS + 6 {
        wait_until_ready();
        assert_eq!(resident(&slab), (units + 1) * UNIT_BYTES, "{units} are in use");
        assert!(slab.footprint() >= resident(&slab));
        fill(&mut slab, 1);
    }
    assert!((0..slab.len()).all(|number| slab.at(number) == Some(&record(number.into()))));
}

#[test]
fn the_last_unit_of_the_limit_has_none_after_it() {
    let mut slab = Slab::new((LARGE_UNITS as u32 + 1) * PER_UNIT + 10);
    fill(&mut slab, LARGE_UNITS + 1);
    (0..10).for_each(|number| assert!(slab.insert(record(number)).is_some()));
    wait_until_ready();
    assert_eq!((slab.insert(record(0)), slab.ahead), (None, None));
    let ten = (10 * size_of::<Record>()).next_multiple_of(page_bytes());
    assert_eq!(resident(&slab), (LARGE_UNITS + 1) * UNIT_BYTES + ten);
}

#[test]
fn small_slabs_and_those_on_ordinary_pages_have_nothing_made_ready() {
    let mut small = Slab::new(LIMIT);
    fill(&mut small, LARGE_UNITS - 1);
    let mut ordinary = Slab::on(Pages::Ordinary, LIMIT);
    fill(&mut ordinary, 2 * LARGE_UNITS);
    wait_until_ready();
    assert_eq!((small.large, resident(&small)), (false, (LARGE_UNITS - 1) * UNIT_BYTES));
    assert_eq!((ordinary.large, resident(&ordinary)), (false, 2 * LARGE_UNITS * UNIT_BYTES));
}

#[test]
fn a_crowd_that_leaves_and_comes_again_finds_units_made_ready_again() {
    let mut slab = Slab::new(LIMIT);
    for _ in 0..3 {
        let handles = fill(&mut slab, 2 * LARGE_UNITS);
        wait_until_ready();
        assert_eq!(resident(&slab), (2 * LARGE_UNITS + 1) * UNIT_BYTES);
        handles.iter().for_each(|handle| assert!(slab.remove(*handle).is_some()));
        wait_until_ready();
        let kept = resident(&slab);
        assert!(kept <= 2 * UNIT_BYTES, "one in hand and one made ready, not {kept} bytes");
        assert!(slab.footprint() >= kept);
        slab.trim();
        assert_eq!(resident(&slab), 0);
    }
}

#[test]
fn generations_of_small_values_are_made_ready_as_well() {
    let count = 4 * SLAB_HUGE_BYTES_MIN as u32 / 8;
    let mut slab = Slab::new(count);
    (0..count).for_each(|number| assert!(slab.insert(u64::from(number)).is_some()));
    wait_until_ready();
    assert_eq!(slab.generations.footprint(count), count as usize * 4);
    assert!((0..count).all(|number| slab.at(number) == Some(&number.into())));
}
