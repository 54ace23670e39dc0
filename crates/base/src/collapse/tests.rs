use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::*;
use crate::map::page_bytes;

/// Seconds that the background may take for what a test has asked, on a machine that does other things as well.
const SETTLED_SECONDS_MAX: u64 = 60;

thread_local! {
    static ASKED_HERE: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn count_asked() {
    ASKED_HERE.with(|asked| asked.update(|asked| asked + 1));
}

/// Huge pages that this test has asked for since the last call.
pub(crate) fn asked_here() -> usize {
    ASKED_HERE.take()
}

/// Does something again and again until everything asked for so far, by any test, is made or refused.
pub(crate) fn settle(mut meanwhile: impl FnMut()) {
    let start = Instant::now();
    let target = collapsed().asked;
    let settled = |now: Collapsed| now.made + now.refused + now.gone + now.dropped >= target;
    while !settled(collapsed()) {
        meanwhile();
        thread::sleep(Duration::from_millis(1));
        assert!(start.elapsed().as_secs() < SETTLED_SECONDS_MAX, "{:?} after {target} were asked for", collapsed());
    }
}

/// Bytes of a map that are on huge pages, as the kernel says it, at most: neighbours may be one mapping to it.
pub(crate) fn huge_bytes<T>(map: &Map<T>) -> usize {
    let first = map.base().addr().get();
    let ours = first..first + map.mapped_bytes();
    let mut bytes = 0;
    let mut overlap = 0;
    for line in std::fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        let word = line.split_whitespace().next().unwrap_or("");
        let range = word.split_once('-').map(|(from, to)| [from, to].map(|hex| usize::from_str_radix(hex, 16)));
        if let Some([Ok(from), Ok(to)]) = range {
            overlap = to.min(ours.end).saturating_sub(from.max(ours.start));
        } else if word == "AnonHugePages:" {
            let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            bytes += overlap.min(kilobytes << 10);
        }
    }
    bytes
}

#[test]
fn pages_that_another_thread_reads_and_writes_become_huge_under_it() {
    const PAGES: usize = 4;
    let len = PAGES * HUGE_PAGE_BYTES / size_of::<AtomicU64>();
    let mut map = Map::<AtomicU64>::new(len).unwrap();
    map.ordinary();
    map.iter().zip(0..).for_each(|(cell, number)| cell.store(number, Relaxed));
    let before = collapsed();
    map.collapse(0..PAGES * HUGE_PAGE_BYTES);
    let map = &map;
    let (settled, added) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !settled.load(Relaxed) {
                // A stride that comes to every cell, and to another page each time.
                for step in 0..len {
                    map[step * 1_031 % len].fetch_add(1, Relaxed);
                }
                added.fetch_add(1, Relaxed);
            }
        });
        settle(|| {});
        settled.store(true, Relaxed);
    });
    let added = added.load(Relaxed);
    assert!(map.iter().zip(0..).all(|(cell, number)| cell.load(Relaxed) == number + added), "nothing was lost");
    let made = collapsed().made - before.made;
    assert!(made < PAGES as u64 || huge_bytes(map) > 0, "{made} pages were made, and none is there");
}

#[test]
fn only_whole_huge_pages_inside_the_range_are_asked_for() {
    let mut map = Map::<u8>::new(4 * HUGE_PAGE_BYTES).unwrap();
    asked_here();
    for bytes in [0..0, 0..HUGE_PAGE_BYTES - 1, 1..2 * HUGE_PAGE_BYTES - 1, 5..5] {
        map.collapse(bytes.clone());
        assert_eq!(asked_here(), 0, "{bytes:?}");
    }
    map.collapse(1..4 * HUGE_PAGE_BYTES);
    assert_eq!(asked_here(), 3);
    Map::<u8>::new(page_bytes()).unwrap().collapse(0..page_bytes());
    assert_eq!(asked_here(), 0);
    settle(|| {});
    assert_eq!(crate::map::tests::resident_bytes(&map), 0, "what was never touched takes no memory");
}

#[test]
#[should_panic(expected = "must lie inside")]
fn collapsing_beyond_the_end_is_refused() {
    Map::<u8>::new(HUGE_PAGE_BYTES).unwrap().collapse(0..HUGE_PAGE_BYTES + 1);
}

#[test]
fn memory_that_is_gone_by_the_time_is_skipped() {
    let mut maps: Vec<Map<u8>> = (0..32).map(|_| Map::new(2 * HUGE_PAGE_BYTES).unwrap()).collect();
    for map in &mut maps {
        map.fill(7);
        map.collapse(0..2 * HUGE_PAGE_BYTES);
        map.release(0..HUGE_PAGE_BYTES);
    }
    maps.truncate(16);
    settle(|| {});
    for map in &maps {
        let (released, kept) = map.split_at(HUGE_PAGE_BYTES);
        assert!(released.iter().all(|byte| *byte == 0) && kept.iter().all(|byte| *byte == 7));
    }
}

#[test]
fn released_parts_come_again_as_ordinary_pages() {
    let mut map = Map::<u8>::new(2 * HUGE_PAGE_BYTES).unwrap();
    map.ordinary();
    map.fill(7);
    map.collapse(0..2 * HUGE_PAGE_BYTES);
    settle(|| {});
    map.release(0..2 * HUGE_PAGE_BYTES);
    map[HUGE_PAGE_BYTES] = 1;
    assert_eq!(crate::map::tests::resident_bytes(&map), page_bytes());
}
