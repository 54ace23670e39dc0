use std::cell::Cell;
use std::io::{Read, Seek, SeekFrom};

use proptest::prelude::*;

use super::*;

/// Bytes of memory that the kernel really holds behind a map: pages marked present in its own table for this process.
pub(crate) fn resident_bytes<T>(map: &Map<T>) -> usize {
    let (page, bytes) = (page_bytes(), map.mapped_bytes());
    let mut entries = vec![0; bytes / page * 8];
    let mut pagemap = std::fs::File::open("/proc/self/pagemap").unwrap();
    let first = map.base().addr().get() / page * 8;
    pagemap.seek(SeekFrom::Start(first as u64)).unwrap();
    pagemap.read_exact(&mut entries).unwrap();
    let present = entries.as_chunks::<8>().0.iter().filter(|entry| u64::from_le_bytes(**entry) >> 63 == 1);
    present.count() * page
}

#[test]
fn a_fresh_map_reads_as_zero_and_takes_memory_only_where_it_is_written() {
    let mut map = Map::<u64>::new(1 << 20).unwrap();
    assert_eq!((map.len(), map.mapped_bytes()), (1 << 20, 8 << 20));
    assert_eq!(resident_bytes(&map), 0);
    map[0] = 1;
    map[(1 << 20) - 1] = 2;
    assert_eq!(resident_bytes(&map), 2 * page_bytes());
    assert_eq!((map[0], map[1], map[1 << 19], map[(1 << 20) - 1]), (1, 0, 0, 2));
}

#[test]
fn maps_that_fill_a_huge_page_are_aligned_to_it() {
    for bytes in [HUGE_PAGE_BYTES, HUGE_PAGE_BYTES + 1, 5 * HUGE_PAGE_BYTES] {
        let map = Map::<u8>::new(bytes).unwrap();
        assert!(map.base().addr().get().is_multiple_of(HUGE_PAGE_BYTES), "{bytes} bytes at {:?}", map.base());
    }
    let small = Map::<u8>::new(HUGE_PAGE_BYTES - page_bytes()).unwrap();
    assert!(small.base().addr().get().is_multiple_of(page_bytes()));
}

#[test]
fn dropped_maps_and_the_padding_of_aligned_ones_go_back_at_once() {
    let size_of_process = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').next().unwrap().parse::<usize>().unwrap() * page_bytes()
    };
    // Other tests map at the same time, so this looks at far more than they can: a terabyte, 64 times.
    for _ in 0..64 {
        let map = Map::<u8>::new(1 << 40).unwrap();
        assert!(size_of_process() >= 1 << 40);
        drop(map);
        assert!(size_of_process() < 1 << 40, "a dropped map is unmapped");
    }
    // A page more than whole huge pages is what the kernel does not align by itself.
    let bytes = HUGE_PAGE_BYTES + page_bytes();
    let maps: Vec<Map<u8>> = (0..4_096).map(|_| Map::new(bytes).unwrap()).collect();
    let most = maps.len() * bytes / 4 * 5;
    assert!(size_of_process() < most, "aligned maps keep what they reserved for their alignment");
}

#[test]
fn release_gives_back_whole_pages_inside_the_range_and_keeps_the_rest() {
    let per_page = page_bytes() / 8;
    let mut map = Map::<u64>::new(4 * per_page).unwrap();
    map.fill(7);
    assert_eq!(resident_bytes(&map), 4 * page_bytes());
    // From the middle of page 0 to the middle of page 3: only 1 and 2 lie entirely inside.
    assert_eq!(map.release(per_page / 2..3 * per_page + per_page / 2), 2 * page_bytes());
    assert_eq!(resident_bytes(&map), 2 * page_bytes());
    assert!(map[..per_page].iter().all(|value| *value == 7));
    assert!(map[per_page..3 * per_page].iter().all(|value| *value == 0));
    assert!(map[3 * per_page..].iter().all(|value| *value == 7));
}

#[test]
fn a_range_without_a_whole_page_releases_nothing() {
    let mut map = Map::<u8>::new(3 * page_bytes()).unwrap();
    map.fill(7);
    for range in [0..0, 1..page_bytes(), 1..2 * page_bytes() - 1, 5..5, map.len()..map.len()] {
        assert_eq!(map.release(range.clone()), 0, "{range:?}");
    }
    assert!(map.iter().all(|value| *value == 7));
}

#[test]
fn a_range_up_to_the_end_covers_the_rest_of_the_last_page() {
    let mut map = Map::<[u8; 24]>::new(1_000).unwrap();
    map.fill([7; 24]);
    let mapped = map.mapped_bytes();
    assert_eq!(map.release(0..1_000), mapped);
    assert_eq!(resident_bytes(&map), 0);
    assert!(map.iter().all(|value| *value == [0; 24]));
}

#[test]
#[should_panic(expected = "must lie inside 10 elements")]
fn releasing_beyond_the_end_is_refused() {
    Map::<u8>::new(10).unwrap().release(5..11);
}

#[test]
fn a_map_of_nothing_is_allowed_and_maps_nothing() {
    let mut empty = Map::<u64>::new(0).unwrap();
    assert!(empty.is_empty() && empty.mapped_bytes() == 0 && !empty.huge());
    assert_eq!(empty.release(0..0), 0);
    let mut nothings = Map::<()>::new(1_000).unwrap();
    assert_eq!((nothings.len(), nothings.mapped_bytes()), (1_000, 0));
    assert_eq!(nothings.release(0..1_000), 0);
}

#[test]
fn an_impossible_size_is_an_error_that_says_what_to_do() {
    for len in [usize::MAX, usize::MAX / 8, 1 << 57] {
        let error = Map::<u64>::new(len).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("cannot reserve ") && message.contains("lower the limit"), "{message}");
        assert!(error.bytes() > 1 << 50);
    }
}

#[test]
fn huge_pages_change_nothing_but_the_cost() {
    let mut map = Map::<u64>::new(HUGE_PAGE_BYTES / 4).unwrap();
    map.huge();
    map[5] = 1;
    assert!(resident_bytes(&map) >= page_bytes());
    assert_eq!((map[4], map[5], map[6]), (0, 1, 0));
    let len = map.len();
    assert_eq!(map.release(0..len), 2 * HUGE_PAGE_BYTES);
    assert_eq!((resident_bytes(&map), map[5]), (0, 0));
}

#[test]
fn touching_takes_the_pages_of_a_range_and_keeps_every_value() {
    let page = page_bytes();
    let mut map = Map::<u8>::new(8 * page).unwrap();
    map[2 * page + 1] = 7;
    assert!(map.touch(2 * page + 1..4 * page + 1));
    assert_eq!(resident_bytes(&map), 3 * page, "pages 2, 3 and 4");
    assert!(map.touch(5 * page..5 * page) && map.touch(2 * page..3 * page));
    assert_eq!(resident_bytes(&map), 3 * page, "nothing and what is there already take no memory");
    assert!(map.iter().enumerate().all(|(at, byte)| *byte == if at == 2 * page + 1 { 7 } else { 0 }));
    assert!(Map::<u8>::new(0).unwrap().touch(0..0));
}

#[test]
#[should_panic(expected = "must lie inside")]
fn touching_beyond_the_end_is_refused() {
    let mut map = Map::<u8>::new(page_bytes()).unwrap();
    map.touch(0..page_bytes() + 1);
}

#[test]
fn ordinary_pages_come_one_by_one() {
    let mut map = Map::<u8>::new(2 * HUGE_PAGE_BYTES).unwrap();
    map.ordinary();
    map[0] = 1;
    map.touch(HUGE_PAGE_BYTES..HUGE_PAGE_BYTES + 1);
    assert_eq!(resident_bytes(&map), 2 * page_bytes());
}

#[test]
fn elements_reached_through_the_base_are_the_elements() {
    let mut map = Map::<Cell<u32>>::new(10).unwrap();
    assert_eq!(map.as_mut_ptr(), map.base().as_ptr());
    map[3].set(9);
    let base = map.base();
    let moved = map;
    assert_eq!((moved.base(), moved[3].get()), (base, 9));
    assert_eq!(std::ptr::from_ref(&moved[3]), base.as_ptr().wrapping_add(3));
}

#[test]
fn a_map_moves_to_another_thread_with_its_elements() {
    let mut map = Map::<u64>::new(1_000).unwrap();
    map.fill(3);
    let sum = std::thread::spawn(move || map.iter().sum::<u64>()).join().unwrap();
    assert_eq!(sum, 3_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn release_zeroes_exactly_the_pages_that_lie_inside(len in 1..20_000_usize, a in 0..20_000_usize, b in 0..20_000_usize) {
        let (a, b) = (a % (len + 1), b % (len + 1));
        let range = a.min(b)..a.max(b);
        let mut map = Map::<[u8; 7]>::new(len).unwrap();
        map.fill([7; 7]);
        let released = map.release(range.clone());
        let page = page_bytes();
        let first = (range.start * 7).next_multiple_of(page);
        let end = if range.end == len { map.mapped_bytes() } else { range.end * 7 / page * page };
        prop_assert_eq!(released, end.saturating_sub(first));
        for (at, byte) in map.iter().flatten().enumerate() {
            prop_assert_eq!(*byte, if (first..end).contains(&at) { 0 } else { 7 });
        }
    }
}
