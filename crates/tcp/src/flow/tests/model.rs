//! A flow table against a map of the standard library, through random lives of both, with hashes that collide.

use std::collections::HashMap;

use crore_base::random::Rng;
use proptest::prelude::*;

use super::*;

/// Which hashes a run of insertions has.
#[derive(Copy, Clone, Debug)]
enum Kind {
    /// As a keyed hash gives them.
    Uniform,
    /// All with one tag.
    Equal,
    /// At home in the buckets around the end of a segment, so that they run over it.
    Edge,
    /// All in one segment for as long as it can be split.
    Narrow,
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Kind, usize),
    Remove(usize, usize),
    RemoveAbsent(u64, u32),
    Replace(usize),
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Uniform), Just(Kind::Equal), Just(Kind::Edge), Just(Kind::Narrow)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (kind(), 1..400_usize).prop_map(|(kind, count)| Step::Insert(kind, count)),
        1 => (6_000..9_000_usize).prop_map(|count| Step::Insert(Kind::Uniform, count)),
        8 => (any::<usize>(), 1..400_usize).prop_map(|(at, count)| Step::Remove(at, count)),
        1 => (any::<usize>(), 6_000..9_000_usize).prop_map(|(at, count)| Step::Remove(at, count)),
        1 => (any::<u64>(), any::<u32>()).prop_map(|(hash, value)| Step::RemoveAbsent(hash, value)),
        4 => any::<usize>().prop_map(Step::Replace),
    ]
}

/// What a flow table promises, as plainly as it can be written: each value has one hash.
struct Model {
    table: FlowTable,
    hashes: HashMap<u32, u64>,
    /// The same entries in an order that does not depend on a random key.
    order: Vec<u32>,
    next: u32,
    rng: Rng,
}

impl Model {
    fn hash(&mut self, kind: Kind) -> u64 {
        let uniform = self.rng.next_u64();
        match kind {
            Kind::Uniform => uniform,
            // The bits between those that are looked at differ, the tags do not.
            Kind::Equal => hash_at(0x8000_0000, 1_020) | uniform & 0xffff_fc00,
            Kind::Edge => hash_at((uniform >> 32) as u32, self.rng.range(1_018..1_030) % 1_024),
            Kind::Narrow => uniform >> 14,
        }
    }

    fn insert(&mut self, kind: Kind) {
        let (hash, value) = (self.hash(kind), self.next.wrapping_mul(0x9e37_79b9));
        let before = self.table.len();
        match self.table.insert(hash, value) {
            Ok(()) => {
                self.next += 1;
                self.hashes.insert(value, hash);
                self.order.push(value);
            }
            Err(Full) => {
                let crowded = self.table.occupants[self.table.directory.segment(Tag::of(hash))].entries;
                assert!(before == self.table.capacity() || crowded == SEGMENT_ENTRIES, "refused with room left");
                assert_eq!(self.table.find(hash, |candidate| candidate == value), None);
            }
        }
        assert!(self.table.moved() <= MOVED_ENTRIES_MAX);
    }

    fn remove(&mut self, at: usize) {
        if self.order.is_empty() {
            return;
        }
        let value = self.order.swap_remove(at % self.order.len());
        let hash = self.hashes.remove(&value).unwrap();
        assert!(self.table.remove(hash, value));
        assert!(!self.table.remove(hash, value));
        assert!(self.table.moved() <= MOVED_ENTRIES_MAX);
    }

    fn replace(&mut self, at: usize) {
        if self.order.is_empty() {
            return;
        }
        let place = at % self.order.len();
        let new = self.next.wrapping_mul(0x9e37_79b9);
        self.next += 1;
        let old = std::mem::replace(&mut self.order[place], new);
        let hash = self.hashes.remove(&old).unwrap();
        assert!(self.table.replace(hash, old, new) && !self.table.replace(hash, old, new));
        self.hashes.insert(new, hash);
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Insert(kind, count) => (0..count).for_each(|_| self.insert(kind)),
            Step::Remove(at, count) => (0..count).for_each(|_| self.remove(at)),
            Step::RemoveAbsent(hash, value) if self.hashes.get(&value) != Some(&hash) => {
                assert!(!self.table.remove(hash, value) && !self.table.replace(hash, value, 0));
            }
            Step::RemoveAbsent(..) => {}
            Step::Replace(at) => self.replace(at),
        }
        assert_eq!(self.table.len() as usize, self.hashes.len());
    }

    fn check(&mut self) {
        self.table.check();
        for (value, hash) in &self.hashes {
            assert_eq!(self.table.find(*hash, |candidate| candidate == *value), Some(*value));
            assert!(self.table.candidate(*hash).is_some());
        }
        let mut listed: Vec<u32> = self.table.iter().collect();
        let mut known: Vec<u32> = self.hashes.keys().copied().collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
        for kind in [Kind::Uniform, Kind::Edge, Kind::Narrow] {
            let absent = self.hash(kind);
            assert_eq!(self.table.find(absent, |candidate| self.hashes.get(&candidate) == Some(&absent)), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_flow_table_agrees_with_a_map(
        limit in prop_oneof![1..300_u32, 6_000..60_000_u32],
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let rng = Rng::from_seed(seed);
        let mut model = Model { table: table(limit), hashes: HashMap::new(), order: Vec::new(), next: 0, rng };
        for step in &steps {
            model.apply(step);
        }
        model.check();
        while !model.order.is_empty() {
            model.remove(0);
        }
        prop_assert!(model.table.is_empty() && model.table.iter().next().is_none());
        model.table.check();
    }
}
