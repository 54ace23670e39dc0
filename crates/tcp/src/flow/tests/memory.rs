//! What memory the table takes, when it takes it, and that it gives it back.

use crore_base::limits::HUGE_PAGE_BYTES;

use super::*;

#[test]
fn an_insertion_takes_one_page_of_memory_for_later_at_most() {
    let count = 300_000;
    let mut table = table(count);
    table.prepared();
    for number in 0..count {
        table.insert(hash_of(number), number).unwrap();
        let prepared = table.prepared();
        assert!(prepared <= PREPARED_BYTES_MAX, "insertion {number} prepared {prepared} bytes");
    }
}

#[test]
fn the_memory_of_a_split_is_there_before_it() {
    let count = 300_000;
    let mut table = table(count);
    let (mut splits, mut early) = (0, 0);
    for number in 0..count {
        let fresh = table.occupants.len();
        let there = table.next.is_there();
        table.insert(hash_of(number), number).unwrap();
        if table.occupants.len() > fresh {
            splits += 1;
            early += usize::from(!there);
        }
        if there && number % 1_000 == 0 && table.occupants.len() == fresh {
            assert_eq!(table.resident_of(fresh..fresh + 1), SEGMENT_BYTES, "segment {fresh}");
        }
    }
    assert!(splits > 60 && early * 10 <= splits, "{early} of {splits} splits had to take memory themselves");
}

#[test]
fn one_free_segment_holds_memory_and_it_is_the_next_to_be_taken() {
    let count = 300_000;
    let mut table = filled(count, count);
    let mut rng = Rng::from_seed(3);
    let mut members: Vec<u32> = (0..count).collect();
    rng.shuffle(&mut members);
    while let Some(number) = members.pop() {
        assert!(table.remove(hash_of(number), number));
        if members.len().is_multiple_of(2_000) {
            let free = table.occupants.iter().enumerate().filter(|(_, segment)| **segment == UNUSED);
            let holding = free.map(|(number, _)| number).filter(|number| table.resident_of(*number..number + 1) > 0);
            let holding: Vec<usize> = holding.collect();
            let lowest = table.free.peek().map(|Reverse(number)| *number as usize);
            assert!(holding.len() <= 1 && holding.first().is_none_or(|number| Some(*number) == lowest), "{holding:?}");
        }
    }
}

#[test]
fn a_merge_and_the_split_after_it_pass_one_segment_on_without_asking_for_memory() {
    let count = 60_000;
    let mut table = filled(count, count);
    let mut left = count;
    let before = table.segments_in_use();
    while table.segments_in_use() == before {
        left -= 1;
        assert!(table.remove(hash_of(left), left));
    }
    assert!(table.next.is_there());
    table.prepared();
    (left..count).for_each(|number| table.insert(hash_of(number), number).unwrap());
    assert!(table.prepared() <= SEGMENT_BYTES, "at most the segment after the one that was passed on");
    assert_eq!((table.check(), table.len()), (0, count));
}

#[test]
fn memory_stays_within_18_bytes_an_entry_and_a_huge_page_while_the_table_grows() {
    let most = if cfg!(debug_assertions) { 2_000_000 } else { 10_000_000 };
    let mut table = table(most);
    for number in 0..most {
        table.insert(hash_of(number), number).unwrap();
        if number >= 1_000_000 && number % 1_000 == 0 {
            let bytes = (table.memory_bytes() - HUGE_PAGE_BYTES) as f64 / f64::from(table.len());
            assert!(bytes <= 18.0, "{bytes:.2} bytes an entry at {number}");
        }
    }
}

#[test]
fn memory_goes_back_when_entries_leave() {
    for pages in [Pages::Ordinary, Pages::Huge] {
        goes_back(pages);
    }
}

fn goes_back(pages: Pages) {
    let (most, few) = (4_000_000, 400_000);
    let mut table = filled_on(pages, most, most);
    assert!(table.large == (pages == Pages::Huge) && table.resident_bytes() <= table.memory_bytes());
    for number in few..most {
        assert!(table.remove(hash_of(number), number));
        if number % 10_000 == 0 {
            let bytes = table.memory_bytes() as f64 / f64::from(table.len());
            assert!(bytes <= 30.0, "{bytes:.2} bytes an entry at {}", table.len());
        }
    }
    let kept = (0..few).all(|number| table.find(hash_of(number), |value| value == number) == Some(number));
    assert!(kept && table.resident_bytes() <= table.memory_bytes());
    (0..few).for_each(|number| assert!(table.remove(hash_of(number), number)));
    assert_eq!(table.segments_in_use(), 1);
    assert!(table.memory_bytes() < 4 << 20, "{} bytes for nobody", table.memory_bytes());
    assert!(table.resident_bytes() <= table.memory_bytes(), "{} bytes are resident", table.resident_bytes());
    (0..most).for_each(|number| table.insert(hash_of(number), number).unwrap());
    assert_eq!((table.len(), table.check()), (most, 0));
}

#[test]
fn memory_of_a_small_table_goes_back_segment_by_segment() {
    let count = 300_000;
    let mut table = filled(10_000_000, count);
    assert!(!table.large && table.ahead.is_none(), "a small table asks for no huge page");
    for number in 0..count {
        assert!(table.remove(hash_of(number), number));
        if number % 20_000 == 0 {
            let (resident, known) = (table.resident_bytes(), table.memory_bytes());
            assert!(resident <= known, "{resident} bytes are resident, {known} are known");
        }
    }
    assert!(table.resident_bytes() <= 2 * SEGMENT_BYTES, "one in use and one for the next split");
}

#[test]
fn a_small_table_is_small() {
    let table = filled(10_000_000, 100);
    assert!(table.resident_bytes() <= SEGMENT_BYTES);
    assert!(table.memory_bytes() < 65 << 10, "{} bytes for 100 entries", table.memory_bytes());
}

#[test]
fn the_huge_page_after_the_last_is_asked_for_and_goes_when_the_table_shrinks() {
    let count = 2_000_000;
    let mut table = filled(10_000_000, count);
    let per_page = HUGE_PAGE_BYTES / SEGMENT_BYTES;
    // Segments are taken from below.
    assert_eq!(table.ahead, Some(table.segments_in_use().next_multiple_of(per_page)));
    for number in 0..count {
        assert!(table.remove(hash_of(number), number));
        if number % 50_000 == 0 {
            let (resident, known) = (table.resident_bytes(), table.memory_bytes());
            assert!(resident <= known, "{resident} bytes are resident, {known} are known");
        }
    }
    assert_eq!((table.segments_in_use(), table.ahead), (1, None));
    (0..count).for_each(|number| table.insert(hash_of(number), number).unwrap());
    assert_eq!((table.ahead, table.check()), (Some(table.segments_in_use().next_multiple_of(per_page)), 0));
}
