//! A slab against a map of the standard library, through random lives of both.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::resident;

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(usize),
    RemoveRun(usize, usize),
    Write(usize, u64),
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u64>().prop_map(Step::Insert),
        4 => any::<usize>().prop_map(Step::Remove),
        1 => (any::<usize>(), 0..400_usize).prop_map(|(at, count)| Step::RemoveRun(at, count)),
        2 => (any::<usize>(), any::<u64>()).prop_map(|(at, value)| Step::Write(at, value)),
        1 => Just(Step::Trim),
    ]
}

/// Words of a value: few of them fill a unit, none ends where a unit does, and they make the slab large.
const WORDS: usize = 1_001;

/// What a slab promises, as plainly as it can be written.
struct Model {
    slab: Slab<[u64; WORDS]>,
    live: BTreeMap<u32, (Handle, u64)>,
    gone: Vec<Handle>,
    limit: u32,
}

impl Model {
    fn insert(&mut self, value: u64) {
        let lowest = (0..self.limit).find(|slot| !self.live.contains_key(slot));
        let handle = self.slab.insert([value; WORDS]);
        assert_eq!(handle.map(Handle::index), lowest, "the lowest free slot is taken");
        if let Some(handle) = handle {
            assert!(!self.gone.contains(&handle), "{handle:?} had a tenant before");
            self.live.insert(handle.index(), (handle, value));
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some((slot, (handle, value))) =
            self.live.iter().nth(at % self.live.len().max(1)).map(|(slot, entry)| (*slot, *entry))
        {
            assert_eq!(self.slab.remove(handle), Some([value; WORDS]));
            self.live.remove(&slot);
            self.gone.push(handle);
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Insert(value) => self.insert(value),
            Step::Remove(at) => self.remove(at),
            Step::RemoveRun(at, count) => (0..count).for_each(|_| self.remove(at)),
            Step::Write(at, value) => {
                let slot = at as u32 % self.limit;
                assert_eq!(self.slab.at_mut(slot).is_some(), self.live.contains_key(&slot));
                if let Some((handle, known)) = self.live.get_mut(&slot) {
                    *self.slab.get_mut(*handle).unwrap() = [value; WORDS];
                    *known = value;
                }
            }
            Step::Trim => drop(self.slab.trim()),
        }
        assert_eq!(self.slab.len() as usize, self.live.len());
    }

    fn check(&self) {
        assert!(self.gone.iter().all(|handle| self.slab.get(*handle).is_none()));
        let live = self.live.values().map(|(handle, value)| (*handle, [*value; WORDS]));
        assert!(self.slab.iter().map(|(handle, value)| (handle, *value)).eq(live));
        for (slot, (handle, value)) in &self.live {
            assert_eq!((self.slab.get(*handle), self.slab.handle_at(*slot)), (Some(&[*value; WORDS]), Some(*handle)));
        }
        assert!(self.slab.footprint() >= resident(&self.slab));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_slab_agrees_with_a_map(limit in 1..1_500_u32, filled in 0..1_500_u64, steps in prop::collection::vec(step(), 0..300)) {
        let mut model = Model { slab: Slab::new(limit), live: BTreeMap::new(), gone: Vec::new(), limit };
        (0..filled).for_each(|value| model.apply(Step::Insert(value)));
        for step in steps {
            model.apply(step);
        }
        model.check();
    }
}
