use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Bytes with a start, like a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Bytes(Vec<u8>);

impl Chunk for Bytes {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn advance(&mut self, n: usize) {
        self.0.drain(..n);
    }
    fn truncate(&mut self, len: usize) {
        assert!(len <= self.0.len());
        self.0.truncate(len);
    }
}

const LIMIT: usize = 10_000;
/// The next expected number; what comes early lies on both sides of the wrap.
const NEXT: Seq = Seq(u32::MAX - 49);

fn at(offset: u32) -> Seq {
    NEXT + offset
}

fn chunk(text: &str) -> Bytes {
    Bytes(text.as_bytes().to_vec())
}

fn insert(store: &mut Reassembly<Bytes>, offset: u32, text: &str) -> Result<Option<Bytes>, Reason> {
    store.insert(NEXT, at(offset), chunk(text), LIMIT).map_err(|refused| refused.reason)
}

/// A store with these chunks, all of which are new.
fn store(chunks: &[(u32, &str)]) -> Reassembly<Bytes> {
    let mut store = Reassembly::default();
    for &(offset, text) in chunks {
        assert_eq!(insert(&mut store, offset, text), Ok(None), "{text} at {offset}");
    }
    store
}

/// The ranges by offset, ascending.
fn ranges(store: &Reassembly<Bytes>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<_> = store.ranges().map(|(start, end)| (start - NEXT, end - NEXT)).collect();
    ranges.sort_unstable();
    ranges
}

/// What the stream gets if it goes on at `offset`.
fn read(store: &mut Reassembly<Bytes>, offset: u32) -> String {
    let mut next = at(offset);
    let mut text = String::new();
    while let Some(chunk) = store.pop(next) {
        next += chunk.len() as u32;
        text.push_str(std::str::from_utf8(&chunk.0).unwrap());
    }
    text
}

#[test]
fn chunks_in_any_order_come_out_as_the_stream() {
    let parts = [(3, "def"), (6, "ghi"), (9, "j"), (10, "klmno")];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 3, 1, 2]];
    for order in orders {
        let mut store = store(&order.map(|part: usize| parts[part]));
        assert_eq!((ranges(&store), store.bytes(), store.chunks()), (vec![(3, 15)], 12, 4));
        assert_eq!(read(&mut store, 2), "", "there is a gap before it");
        assert_eq!(read(&mut store, 3), "defghijklmno");
        assert!(store.is_empty() && store.bytes() == 0 && store.chunks() == 0);
    }
}

#[test]
fn an_empty_store_holds_no_memory() {
    let mut store = store(&[(3, "abc"), (40, "x")]);
    assert!(store.nodes.capacity() > 0);
    read(&mut store, 3);
    read(&mut store, 40);
    assert_eq!((store.nodes.capacity(), store.ranges.capacity()), (0, 0));
    insert(&mut store, 1, "a").unwrap();
    assert_eq!(store.drain().count(), 1);
    assert!(store.is_empty() && store.nodes.capacity() == 0);
}

#[test]
fn the_first_bytes_stay_whatever_comes_over_them() {
    // chunk over a store with "FGHIJ" at 5: what comes back, and what the store reads from 0 on once the gap is filled
    let table = [
        (5, "XXXXX", Some("XXXXX"), "abcdeFGHIJ"),
        (6, "XX", Some("XX"), "abcdeFGHIJ"),
        (5, "XXXXXkl", None, "abcdeFGHIJkl"),
        (8, "XXklm", None, "abcdeFGHIJklm"),
        (3, "deXXX", None, "abcdeFGHIJ"),
        (3, "deXXXXXkl", None, "abcdeFGHIJ"),
    ];
    for (offset, text, spare, stream) in table {
        let mut store = store(&[(5, "FGHIJ")]);
        assert_eq!(insert(&mut store, offset, text), Ok(spare.map(chunk)), "{text} at {offset}");
        let missing = if offset == 3 { "abc" } else { "abcde" };
        let have = read(&mut store, missing.len() as u32);
        assert_eq!(format!("{missing}{have}"), stream, "{text} at {offset}");
    }
}

#[test]
fn a_chunk_over_several_gaps_fills_the_first_and_gives_up_the_rest() {
    let mut store = store(&[(5, "F"), (10, "K"), (15, "P")]);
    assert_eq!(insert(&mut store, 3, "defghijklmnopqrst"), Ok(None));
    assert_eq!(ranges(&store), [(3, 6), (10, 11), (15, 16)]);
    assert_eq!(insert(&mut store, 4, "efghijklmnop"), Ok(None));
    assert_eq!(ranges(&store), [(3, 11), (15, 16)]);
}

#[test]
fn bytes_that_the_stream_has_passed_are_not_kept() {
    let mut store = Reassembly::default();
    let late = at(10);
    assert_eq!(store.insert(late, at(2), chunk("old"), LIMIT).unwrap(), Some(chunk("old")));
    assert_eq!(store.insert(late, at(7), chunk("old"), LIMIT).unwrap(), Some(chunk("old")));
    assert_eq!(store.insert(late, at(8), chunk("oldnew"), LIMIT).unwrap(), None);
    assert_eq!(ranges(&store), [(10, 14)]);
    assert_eq!(store.insert(late, at(12), chunk(""), LIMIT).unwrap(), Some(chunk("")));
}

#[test]
fn a_stream_that_moved_past_gets_only_what_is_left() {
    let mut store = store(&[(3, "def"), (6, "ghi"), (20, "u")]);
    assert_eq!(store.pop(at(7)), Some(chunk("")), "all of the first chunk is old");
    assert_eq!(store.pop(at(7)), Some(chunk("hi")));
    assert_eq!(store.pop(at(9)), None);
    assert_eq!(store.pop(at(25)), Some(chunk("")));
    assert!(store.is_empty());
}

#[test]
fn the_latest_range_is_told_first() {
    let order = |store: &Reassembly<Bytes>| -> Vec<u32> { store.ranges().map(|(start, _)| start - NEXT).collect() };
    let mut store = store(&[(30, "x"), (10, "x"), (20, "x")]);
    assert_eq!(order(&store), [20, 10, 30]);
    insert(&mut store, 31, "x").unwrap();
    assert_eq!(order(&store), [30, 20, 10], "a range that grew");
    insert(&mut store, 10, "x").unwrap();
    assert_eq!(order(&store), [10, 30, 20], "a range of which something came again");
    insert(&mut store, 11, "123456789").unwrap();
    assert_eq!(order(&store), [10, 30], "two that became one");
}

#[test]
fn the_ninth_range_is_refused_and_what_joins_others_is_not() {
    let chunks: Vec<(u32, &str)> = (1..=8).map(|number| (10 * number, "x")).collect();
    let mut store = store(&chunks);
    assert_eq!(insert(&mut store, 90, "x"), Err(Reason::Ranges));
    assert_eq!(insert(&mut store, 5, "x"), Err(Reason::Ranges));
    assert_eq!(insert(&mut store, 81, "x"), Ok(None));
    assert_eq!(insert(&mut store, 9, "x"), Ok(None));
    assert_eq!(insert(&mut store, 11, "123456789"), Ok(None));
    assert_eq!(ranges(&store).len(), 7);
    assert_eq!(insert(&mut store, 90, "x"), Ok(None));
}

#[test]
fn bytes_beyond_the_limit_are_refused_and_come_back() {
    let mut store = Reassembly::default();
    let mut put = |offset, text, limit| {
        store.insert(NEXT, at(offset), chunk(text), limit).map_err(|refused| (refused.reason, refused.chunk))
    };
    assert_eq!(put(10, "12345", 9), Ok(None));
    assert_eq!(put(20, "12345", 9), Err((Reason::Bytes, chunk("12345"))));
    assert_eq!(put(12, "xxx1234", 9), Ok(None), "what is here already does not count again");
    assert_eq!(put(30, "1", 9), Err((Reason::Bytes, chunk("1"))));
    assert_eq!(put(30, "1", 10), Ok(None));
}

#[test]
fn single_bytes_do_not_hold_more_than_their_share_of_frames() {
    let mut store = Reassembly::default();
    let mut kept = 0;
    for offset in 1..10_000 {
        match store.insert(NEXT, at(offset), chunk("x"), 8 * 512) {
            Ok(None) => kept += 1,
            other => assert_eq!(other.unwrap_err().reason, Reason::Chunks),
        }
    }
    assert_eq!((kept, store.chunks(), store.bytes()), (16, 16, 16));
}

#[test]
fn what_lies_further_ahead_than_any_window_is_refused() {
    let mut store = store(&[(10, "x")]);
    assert_eq!(insert(&mut store, 1 << 30, "x"), Err(Reason::Beyond));
    assert_eq!(insert(&mut store, (1 << 31) - 1, "x"), Err(Reason::Beyond));
    assert_eq!(insert(&mut store, 1 << 31, "x"), Err(Reason::Beyond));
    assert_eq!(insert(&mut store, (1 << 31) + 1, "x"), Ok(Some(chunk("x"))), "half the circle away is the past");
    assert_eq!(insert(&mut store, (1 << 30) - 1, "x"), Ok(None));
}

#[test]
fn drained_chunks_are_all_there_were() {
    let mut store = store(&[(3, "def"), (10, "k"), (6, "ghi")]);
    let mut drained: Vec<Bytes> = store.drain().collect();
    drained.sort_unstable_by_key(|chunk| chunk.0[0]);
    assert_eq!(drained, [chunk("def"), chunk("ghi"), chunk("k")]);
    assert_eq!((store.is_empty(), store.bytes(), store.ranges().count()), (true, 0, 0));
}

/// What may happen to the store.
#[derive(Clone, Debug)]
enum Step {
    Insert { offset: u32, len: usize },
    Advance(u32),
    Pop,
    Drain,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0u32..300, 0usize..60).prop_map(|(offset, len)| Step::Insert { offset, len }),
        1 => (0u32..80).prop_map(Step::Advance),
        3 => Just(Step::Pop),
        1 => Just(Step::Drain),
    ]
}

/// Every byte by its own number, counted from the start of the stream: the store as it should be.
#[derive(Default)]
struct Model {
    bytes: BTreeMap<u64, u8>,
    next: u64,
}

impl Model {
    /// The part of a chunk that fills its first gap: where it starts, and its length.
    fn new_part(&self, offset: u64, len: usize) -> Option<(u64, usize)> {
        let is_new = |at: &u64| *at >= self.next && !self.bytes.contains_key(at);
        let start = (offset..offset + len as u64).find(is_new)?;
        // It must begin in the gap that the chunk reaches first: no range lies between two parts.
        let len = (start..offset + len as u64).take_while(is_new).count();
        Some((start, len))
    }

    fn ranges(&self) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &at in self.bytes.keys() {
            match ranges.last_mut() {
                Some((_, end)) if *end == at => *end += 1,
                _ => ranges.push((at, at + 1)),
            }
        }
        ranges
    }
}

proptest! {
    #[test]
    fn the_store_is_what_a_map_of_bytes_would_be(
        origin: u32, steps in prop::collection::vec(any_step(), 1..400), limit in 50usize..400,
    ) {
        let mut store = Reassembly::default();
        let mut model = Model::default();
        let seq = |at: u64| Seq(origin) + at as u32;
        let mut fill = 0u8;
        for step in steps {
            match step {
                Step::Insert { offset, len } => {
                    fill = fill.wrapping_add(1);
                    let offset = (model.next + u64::from(offset)).saturating_sub(20);
                    let data = Bytes((0..len).map(|at| fill.wrapping_add(at as u8)).collect());
                    let result = store.insert(seq(model.next), seq(offset), data.clone(), limit);
                    match model.new_part(offset, len) {
                        None => prop_assert_eq!(result.unwrap(), Some(data)),
                        Some((start, len)) => {
                            let part = &data.0[(start - offset) as usize..][..len];
                            let mut after = Model { bytes: model.bytes.clone(), next: model.next };
                            after.bytes.extend((start..).zip(part.iter().copied()));
                            match result {
                                Ok(spare) => {
                                    prop_assert_eq!(spare, None);
                                    model = after;
                                }
                                Err(refused) => {
                                    prop_assert_eq!(&refused.chunk.0, part);
                                    match refused.reason {
                                        Reason::Ranges => prop_assert!(after.ranges().len() > RANGES_MAX),
                                        Reason::Bytes => prop_assert!(after.bytes.len() > limit),
                                        Reason::Chunks => prop_assert_eq!(store.chunks(), RANGES_MAX),
                                        Reason::Beyond => prop_assert!(false, "nothing was so far ahead"),
                                    }
                                }
                            }
                        }
                    }
                }
                Step::Advance(by) => model.next += u64::from(by),
                Step::Pop => {
                    while let Some(chunk) = store.pop(seq(model.next)) {
                        for byte in chunk.0 {
                            prop_assert_eq!(model.bytes.remove(&model.next), Some(byte));
                            model.next += 1;
                        }
                    }
                }
                Step::Drain => {
                    let drained: usize = store.drain().map(|chunk| chunk.len()).sum();
                    prop_assert_eq!(drained, model.bytes.len());
                    model.bytes.clear();
                }
            }
            // What the stream has passed leaves with the next look.
            while matches!(step_ends_passed(&store, seq(model.next)), Some(true)) {
                let chunk = store.pop(seq(model.next)).unwrap();
                prop_assert_eq!(chunk.len(), 0);
            }
            model.bytes = model.bytes.split_off(&first_kept(&store, seq(0), model.next));
            check(&store, &model, seq(0))?;
        }
    }
}

/// Whether the first chunk of the store lies before `next` altogether; `None` if the store is empty.
fn step_ends_passed(store: &Reassembly<Bytes>, next: Seq) -> Option<bool> {
    let range = store.ranges.first()?;
    let chunk = store.nodes[usize::from(range.first)].chunk.as_ref().unwrap();
    Some((range.start + chunk.len() as u32).is_at_or_before(next))
}

/// The number of the first byte that the store still has: a chunk that the stream has passed in part stays whole.
fn first_kept(store: &Reassembly<Bytes>, origin: Seq, next: u64) -> u64 {
    store.ranges.first().map_or(next, |range| u64::from(range.start - origin))
}

fn check(store: &Reassembly<Bytes>, model: &Model, origin: Seq) -> Result<(), TestCaseError> {
    let ranges: Vec<(u64, u64)> =
        store.ranges.iter().map(|range| (u64::from(range.start - origin), u64::from(range.end - origin))).collect();
    prop_assert_eq!(&ranges, &model.ranges());
    prop_assert_eq!(store.bytes(), model.bytes.len());
    prop_assert_eq!(store.ranges().count(), ranges.len());
    let mut chunks = 0;
    for range in &store.ranges {
        let mut at = range.start;
        let mut place = range.first;
        while place != NONE {
            let node = &store.nodes[usize::from(place)];
            for byte in &node.chunk.as_ref().unwrap().0 {
                prop_assert_eq!(model.bytes.get(&u64::from(at - origin)), Some(byte));
                at += 1;
            }
            chunks += 1;
            prop_assert!(node.next != NONE || place == range.last);
            place = node.next;
        }
        prop_assert_eq!(at, range.end);
    }
    prop_assert_eq!(store.chunks(), chunks);
    Ok(())
}
