//! The store against a map of single bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

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
                        None => {
                            let spare = result.unwrap().expect("nothing of it was needed");
                            prop_assert!(data.0.ends_with(&spare.0));
                        }
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
    let (_, chunk) = store.arena.chain(range.first).next()?;
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
        let mut last = NONE;
        for (place, chunk) in store.arena.chain(range.first) {
            for byte in &chunk.0 {
                prop_assert_eq!(model.bytes.get(&u64::from(at - origin)), Some(byte));
                at += 1;
            }
            chunks += 1;
            last = place;
        }
        prop_assert_eq!(last, range.last);
        prop_assert_eq!(at, range.end);
    }
    prop_assert_eq!(store.chunks(), chunks);
    Ok(())
}
