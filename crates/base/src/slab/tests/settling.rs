//! Full pages of a large slab become huge ones, in the background, and nobody can tell but by the time it takes.

use std::ops::Range;

use super::*;
use crate::collapse::collapsed;
use crate::collapse::tests::{asked_here, huge_bytes, settle};

const COUNT: u32 = (3 * SLAB_HUGE_BYTES_MIN / size_of::<Record>()) as u32;

fn filled_on(pages: Pages, numbers: Range<u32>) -> (Slab<Record>, Vec<Handle>) {
    let mut slab = Slab::on(pages, COUNT);
    let handles = numbers.map(|number| slab.insert(record(number.into())).unwrap()).collect();
    (slab, handles)
}

fn huge(slab: &Slab<Record>) -> usize {
    slab.chunks.iter().map(|chunk| huge_bytes(&chunk.slots)).sum()
}

#[test]
fn full_pages_of_a_large_slab_become_huge_and_keep_their_values() {
    let (mut slab, handles) = filled_on(Pages::HugeWhenFull, 0..COUNT);
    assert_eq!(asked_here(), 3 * SLAB_HUGE_BYTES_MIN / HUGE_PAGE_BYTES, "each page is handed over once");
    let (resident_before, footprint) = (resident(&slab), slab.footprint());
    let mut rounds = 0;
    settle(|| {
        // Every value is written while its page is moved.
        for handle in &handles {
            let value = slab.get_mut(*handle).unwrap();
            assert_eq!(*value, record(u64::from(handle.index()) + rounds));
            *value = record(u64::from(handle.index()) + rounds + 1);
        }
        rounds += 1;
    });
    let fate = collapsed();
    if fate.made == 0 || fate.refused > 0 {
        return eprintln!("skipped: this kernel has or makes no huge pages now: {fate:?}");
    }
    assert!(huge(&slab) >= 3 * SLAB_HUGE_BYTES_MIN / 2, "{} bytes on huge pages", huge(&slab));
    assert_eq!((resident(&slab), slab.footprint()), (resident_before, footprint), "no memory was taken for it");
    let right = |handle: &Handle| slab.get(*handle) == Some(&record(u64::from(handle.index()) + rounds));
    assert!(handles.iter().all(right));
}

#[test]
fn what_a_settled_slab_gives_back_comes_again_as_ordinary_pages_and_settles_again() {
    let (mut slab, mut handles) = filled_on(Pages::HugeWhenFull, 0..COUNT);
    for _ in 0..3 {
        settle(|| {});
        asked_here();
        let few = COUNT / 4;
        handles.drain(few as usize..).for_each(|handle| assert!(slab.remove(handle).is_some()));
        slab.trim();
        assert_eq!(resident(&slab), few as usize * size_of::<Record>());
        handles.push(slab.insert(record(few.into())).unwrap());
        let now = resident(&slab);
        assert_eq!(now, few as usize * size_of::<Record>() + page_bytes(), "one value takes one page");
        handles.extend((few + 1..COUNT).map(|number| slab.insert(record(number.into())).unwrap()));
        assert_eq!(asked_here(), 3 * SLAB_HUGE_BYTES_MIN / HUGE_PAGE_BYTES / 4 * 3);
    }
    assert!(handles.iter().all(|handle| slab.get(*handle) == Some(&record(handle.index().into()))));
}

#[test]
fn small_slabs_and_those_on_other_pages_ask_for_nothing_in_the_background() {
    let small = (SLAB_HUGE_BYTES_MIN / size_of::<Record>()) as u32 / 2;
    let (_slab, handles) = filled_on(Pages::HugeWhenFull, 0..small);
    let (_ordinary, _) = filled_on(Pages::Ordinary, 0..COUNT);
    let (_huge, _) = filled_on(Pages::Huge, 0..COUNT);
    assert_eq!((asked_here(), handles.len()), (0, small as usize));
}

#[test]
fn a_slab_of_small_values_settles_its_generations_as_well() {
    let count = 4 * SLAB_HUGE_BYTES_MIN as u32 / 8;
    let mut slab = Slab::new(count);
    (0..count).for_each(|number| assert!(slab.insert(u64::from(number)).is_some()));
    // 32 MiB of values and, of 16 MiB of generations, all tables below the last chunk.
    let chunk = 1 << slab.chunk_shift;
    let tables = (count - chunk) / crate::limits::SLAB_GENERATIONS_PER_TABLE;
    assert_eq!(asked_here(), 16 + tables as usize);
    settle(|| {});
    assert!((0..count).all(|number| slab.at(number) == Some(&number.into())));
}
