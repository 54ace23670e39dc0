mod churn;
mod memory;
mod model;

use std::cell::Cell;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use crore_base::map::page_bytes;
use crore_base::random::Rng;

use super::limits::*;
use super::*;

thread_local! {
    static PROBES: Cell<u32> = const { Cell::new(0) };
    static MOVED: Cell<u32> = const { Cell::new(0) };
    static PREPARED: Cell<usize> = const { Cell::new(0) };
}

/// A search reads a bucket.
pub(super) fn count_probe() {
    PROBES.with(|probes| probes.update(|probes| probes + 1));
}

/// An operation moved so many entries.
pub(super) fn count_moved(entries: u32) {
    MOVED.with(|moved| moved.update(|moved| moved + entries));
}

/// An operation took so many bytes of memory for later.
pub(super) fn count_prepared(bytes: usize) {
    PREPARED.with(|prepared| prepared.update(|prepared| prepared + bytes));
}

impl FlowTable {
    /// Buckets that searches of this test read since the last call.
    fn probes(&self) -> u32 {
        PROBES.take()
    }

    /// Entries that operations of this test moved since the last call.
    fn moved(&self) -> u32 {
        MOVED.take()
    }

    /// Bytes that operations of this test took for later since the last call.
    fn prepared(&self) -> usize {
        PREPARED.take()
    }

    /// Panics if an invariant does not hold; returns the gaps in buckets that somebody went past.
    fn check(&self) -> usize {
        let mut gaps = 0;
        let mut sum = 0;
        for (number, occupants) in self.occupants.iter().enumerate() {
            let is_ours = |tag| self.directory.segment(tag) == number;
            let (entries, gaps_here) = self.segments[number].check(is_ours);
            assert_eq!(entries, usize::from(occupants.entries), "segment {number}");
            assert!(occupants.depth.is_some() || entries == 0, "free segment {number} holds entries");
            gaps += gaps_here;
            sum += entries;
        }
        assert_eq!(sum, self.len as usize);
        let free = self.occupants.iter().filter(|occupants| **occupants == UNUSED).count();
        assert_eq!(free, self.free.len());
        gaps
    }

    /// Bytes that the kernel really holds behind the segments: pages marked present in its own table for this process.
    fn resident_bytes(&self) -> usize {
        self.resident_of(0..self.segments.len())
    }

    fn resident_of(&self, segments: Range<usize>) -> usize {
        let page = page_bytes();
        let mut entries = vec![0; segments.len() * SEGMENT_BYTES / page * 8];
        let mut pagemap = std::fs::File::open("/proc/self/pagemap").unwrap();
        let first = (self.segments.base().addr().get() + segments.start * SEGMENT_BYTES) / page * 8;
        pagemap.seek(SeekFrom::Start(first as u64)).unwrap();
        pagemap.read_exact(&mut entries).unwrap();
        entries.as_chunks::<8>().0.iter().filter(|entry| u64::from_le_bytes(**entry) >> 63 == 1).count() * page
    }

    fn segments_in_use(&self) -> usize {
        self.occupants.len() - self.free.len()
    }
}

fn table(limit: u32) -> FlowTable {
    FlowTable::new(limit).unwrap()
}

/// The hash of connection `number`, as good as a keyed one.
fn hash_of(number: u32) -> u64 {
    Rng::from_seed(number.into()).next_u64()
}

fn filled(limit: u32, entries: u32) -> FlowTable {
    filled_on(Pages::default(), limit, entries)
}

fn filled_on(pages: Pages, limit: u32, entries: u32) -> FlowTable {
    let mut table = FlowTable::on(pages, limit).unwrap();
    (0..entries).for_each(|number| table.insert(hash_of(number), number).unwrap());
    table.moved();
    table
}

/// A hash whose entry is at home in bucket `home`, at `position` of 2^32 before positions are bent.
fn hash_at(position: u32, home: u64) -> u64 {
    u64::from(position) << 32 | home
}

#[test]
fn an_entry_is_found_until_it_is_removed_and_under_its_new_value_after_replacing() {
    let mut table = table(10);
    let hash = hash_of(1);
    assert_eq!(table.insert(hash, u32::MAX), Ok(()));
    assert_eq!((table.candidate(hash), table.find(hash, |value| value == u32::MAX)), (Some(u32::MAX), Some(u32::MAX)));
    assert_eq!(table.find(hash, |_| false), None, "the caller has the last word");
    assert!(!table.replace(hash, 0, 1) && table.replace(hash, u32::MAX, 0));
    assert_eq!((table.find(hash, |_| true), table.len()), (Some(0), 1));
    assert!(!table.remove(hash, u32::MAX) && !table.remove(hash_of(2), 0));
    assert!(table.remove(hash, 0) && !table.remove(hash, 0));
    assert_eq!((table.candidate(hash), table.len(), table.is_empty()), (None, 0, true));
}

#[test]
fn entries_of_one_hash_are_told_apart_by_their_values() {
    let mut table = table(100);
    (0..100).for_each(|value| table.insert(7, value).unwrap());
    assert!((0..100).all(|value| table.find(7, |candidate| candidate == value) == Some(value)));
    assert!((0..100).step_by(2).all(|value| table.remove(7, value)));
    for value in 0..100 {
        assert_eq!(table.find(7, |candidate| candidate == value).is_some(), value % 2 == 1, "value {value}");
    }
    table.check();
}

#[test]
fn a_full_table_refuses_loses_nothing_and_takes_again_when_there_is_room() {
    for limit in [0, 1, 7, 100, 6_444, 6_445, 7_169, 20_000, 100_000] {
        let mut table = filled(limit, limit);
        assert_eq!((table.insert(hash_of(limit), limit), table.len(), table.capacity()), (Err(Full), limit, limit));
        assert!((0..limit).all(|number| table.find(hash_of(number), |value| value == number) == Some(number)));
        if limit > 0 {
            assert!(table.remove(hash_of(0), 0));
            assert_eq!(table.insert(hash_of(limit), limit), Ok(()));
            assert_eq!(table.insert(hash_of(0), 0), Err(Full));
        }
        assert_eq!(table.check(), 0);
    }
}

#[test]
fn a_table_whose_hashes_all_collide_fills_one_segment_to_its_last_slot() {
    let mut table = table(100_000);
    let most = u32::from(SEGMENT_ENTRIES);
    for value in 0..most {
        assert_eq!(table.insert(9, value), Ok(()));
        assert!(table.moved() <= MOVED_ENTRIES_MAX);
    }
    assert_eq!((table.insert(9, most), table.len()), (Err(Full), most));
    assert!((0..most).step_by(11).all(|value| table.find(9, |candidate| candidate == value) == Some(value)));
    assert_eq!(table.find(9, |_| false), None, "a search of a full segment ends");
    assert_eq!(table.insert(hash_at(u32::MAX, 9), most), Ok(()), "the other segments go on");
    for value in 0..most {
        assert!(table.remove(9, value));
        assert!(table.moved() <= MOVED_ENTRIES_MAX);
    }
    assert_eq!((table.check(), table.len()), (0, 1));
}

#[test]
fn a_miss_reads_one_bucket_unless_that_one_has_overflowed() {
    let table = filled(200_000, 200_000);
    let (mut once, mut more) = (0, 0);
    for number in 200_000..300_000 {
        let hash = hash_of(number);
        let tag = Tag::of(hash);
        let passed = table.segments[table.directory.segment(tag)].buckets()[tag.home()].is_passed();
        table.probes();
        assert_eq!(table.find(hash, |value| value == number), None);
        let went_on = table.probes() > 1;
        *if went_on { &mut more } else { &mut once } += 1;
        assert!(passed || !went_on, "nobody went past the bucket of {number}");
    }
    assert!(more * 25 < once, "{more} of {once} misses went on to a second bucket");
}

#[test]
fn growth_and_shrinking_move_at_most_one_segment_an_operation() {
    let count = 300_000;
    let mut table = table(count);
    let (mut splits, mut merges) = (0, 0);
    for number in 0..count {
        let before = table.segments_in_use();
        table.insert(hash_of(number), number).unwrap();
        let moved = table.moved();
        assert!(moved <= MOVED_ENTRIES_MAX, "an insertion moved {moved} entries");
        assert!(moved == 0 || table.segments_in_use() == before + 1, "an insertion moves only when it splits");
        splits += table.segments_in_use() - before;
    }
    assert_eq!(table.check(), 0);
    for number in 0..count {
        let before = table.segments_in_use();
        assert!(table.remove(hash_of(number), number));
        let moved = table.moved();
        assert!(moved <= u32::from(SEGMENT_MERGE_ENTRIES) + BACKFILL_ENTRIES_MAX, "a removal moved {moved} entries");
        merges += before - table.segments_in_use();
    }
    assert_eq!((table.segments_in_use(), splits, table.check()), (1, merges, 0));
    assert!(splits > 60, "{splits} splits for {count} entries");
}

#[test]
fn splits_are_spread_over_the_growth_of_the_table() {
    let count = 2_000_000;
    let mut table = table(count);
    let mut last = 0;
    for number in 0..count {
        table.insert(hash_of(number), number).unwrap();
        if number >= 200_000 && number % 20_000 == 0 {
            let now = table.segments_in_use();
            let grown = now - last;
            assert!(last == 0 || grown < now / 4, "{grown} of {now} segments came within 20,000 entries");
            last = now;
        }
    }
}

#[test]
fn every_value_is_listed_once() {
    let count = 20_000;
    let table = filled(count, count);
    let mut values: Vec<u32> = table.iter().collect();
    values.sort_unstable();
    assert!(values.into_iter().eq(0..count));
}

#[test]
fn tags_are_in_the_order_of_their_hashes_and_twice_as_dense_at_the_start() {
    let prefixes: Vec<usize> = (0..=u32::MAX).step_by(1 << 20).map(|x| Tag::of(hash_at(x, 0)).prefix(10)).collect();
    assert!(prefixes.is_sorted());
    let dense = |from: usize| prefixes.iter().filter(|prefix| (from..from + 64).contains(*prefix)).count();
    let (start, end) = (dense(0), dense(1_024 - 64));
    assert!((start as f64 / end as f64 - 2.0).abs() < 0.15, "{start} at the start, {end} at the end");
    assert_eq!((Tag::of(0).prefix(22), Tag::of(u64::MAX).prefix(22)), (0, (1 << 22) - 1));
    assert_eq!((Tag::of(0).home(), Tag::of(u64::MAX).home(), Tag::of(u64::MAX).prefix(0)), (0, 1_023, 0));
}

#[test]
fn prefetching_changes_nothing_for_any_hash() {
    let table = filled(20_000, 20_000);
    [0, 1, u64::MAX, hash_of(1)].iter().for_each(|hash| table.prefetch(*hash));
    assert_eq!((table.check(), table.len()), (0, 20_000));
}
