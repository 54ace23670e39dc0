mod model;

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
    assert!(store.arena.capacity() > 0);
    read(&mut store, 3);
    read(&mut store, 40);
    assert_eq!((store.arena.capacity(), store.ranges.capacity()), (0, 0));
    insert(&mut store, 1, "a").unwrap();
    assert_eq!(store.drain().count(), 1);
    assert!(store.is_empty() && store.arena.capacity() == 0);
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
