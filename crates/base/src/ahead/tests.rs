use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::*;
use crate::limits::HUGE_PAGE_BYTES;
use crate::map::tests::resident_bytes;
use crate::map::{Map, page_bytes};

/// Seconds that the background may take for what a test has asked, on a machine that does other things as well.
const READY_SECONDS_MAX: u64 = 60;

/// Waits until everything asked for so far, by any test, is there or refused.
pub(crate) fn wait_until_ready() {
    let start = Instant::now();
    let target = ahead().asked;
    let is_done = |now: Ahead| now.ready + now.refused + now.dropped >= target;
    while !is_done(ahead()) {
        thread::sleep(Duration::from_millis(1));
        assert!(start.elapsed().as_secs() < READY_SECONDS_MAX, "{:?} after {target} were asked for", ahead());
    }
}

#[test]
fn what_is_asked_for_is_there_before_it_is_touched_and_keeps_its_values() {
    let mut map = Map::<u8>::new(5 * HUGE_PAGE_BYTES).unwrap();
    map.ordinary();
    map[3 * HUGE_PAGE_BYTES] = 7;
    map.touch_ahead(HUGE_PAGE_BYTES + 5..4 * HUGE_PAGE_BYTES);
    wait_until_ready();
    assert_eq!(resident_bytes(&map), 3 * HUGE_PAGE_BYTES, "the second, third and fourth page, whole");
    assert!(map.iter().enumerate().all(|(at, byte)| *byte == if at == 3 * HUGE_PAGE_BYTES { 7 } else { 0 }));
}

#[test]
fn only_pages_that_lie_in_the_range_and_in_the_map_are_made_ready() {
    let map = Map::<u8>::new(2 * HUGE_PAGE_BYTES + page_bytes()).unwrap();
    map.ordinary();
    map.touch_ahead(5..5);
    map.touch_ahead(0..0);
    wait_until_ready();
    assert_eq!(resident_bytes(&map), 0);
    map.touch_ahead(2 * HUGE_PAGE_BYTES..7 * HUGE_PAGE_BYTES);
    Map::<u8>::empty().touch_ahead(0..0);
    wait_until_ready();
    assert_eq!(resident_bytes(&map), page_bytes());
}

#[test]
#[should_panic(expected = "must start inside")]
fn asking_beyond_the_end_is_refused() {
    Map::<u8>::new(page_bytes()).unwrap().touch_ahead(2 * page_bytes()..3 * page_bytes());
}

#[test]
fn pages_that_another_thread_writes_meanwhile_lose_nothing() {
    const PAGES: usize = 8;
    let len = PAGES * HUGE_PAGE_BYTES / size_of::<AtomicU64>();
    let map = Map::<AtomicU64>::new(len).unwrap();
    map.huge();
    let (ready, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ready.load(Relaxed) || rounds.load(Relaxed) == 0 {
                // A stride that comes to every cell, and to another page each time.
                for step in 0..len {
                    map[step * 1_031 % len].fetch_add(1, Relaxed);
                }
                rounds.fetch_add(1, Relaxed);
            }
        });
        map.touch_ahead(0..PAGES * HUGE_PAGE_BYTES);
        wait_until_ready();
        ready.store(true, Relaxed);
    });
    let rounds = rounds.load(Relaxed);
    assert!(map.iter().all(|cell| cell.load(Relaxed) == rounds));
}

#[test]
fn a_map_that_is_dropped_while_it_is_made_ready_goes_when_that_is_done() {
    for _ in 0..64 {
        Map::<u8>::new(2 * HUGE_PAGE_BYTES).unwrap().touch_ahead(0..2 * HUGE_PAGE_BYTES);
    }
    wait_until_ready();
    let now = ahead();
    assert!(now.ready > 0 && now.refused == 0, "{now:?}");
}
