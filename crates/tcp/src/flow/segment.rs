//! A thousand buckets that are split and merged together, and the rules by which an entry finds a bucket.
//!
//! An entry is in its home bucket or, if that is full, in the next one after it that is not; after the last bucket comes
//! the first. Each bucket knows who went past it. Invariants:
//! - the count of a bucket is the number of entries whose way from home to where they are leads past it, and its marks
//!   are theirs, so a search ends at the first bucket that the wanted one cannot have passed, and nothing is left behind
//!   where an entry was;
//! - a bucket that somebody went past is full: a removal fills its gap with an entry that had gone past. So a segment
//!   after years of churn is as good as a fresh one. (Only a removal that would move more than
//!   [`BACKFILL_ENTRIES_MAX`] entries leaves a gap; the next entry that comes by takes it.)

use zerocopy::FromZeros;

use super::bucket::Bucket;
use super::limits::{BACKFILL_ENTRIES_MAX, BUCKET_ENTRIES, SEGMENT_BUCKETS, SEGMENT_BYTES};
use super::tag::Tag;

/// All-zero memory is an empty segment. It does not know how many entries it holds; the table does.
#[derive(FromZeros)]
#[repr(transparent)]
pub(super) struct Segment {
    buckets: [Bucket; SEGMENT_BUCKETS],
}

const _: () = assert!(size_of::<Segment>() == SEGMENT_BYTES);

impl Segment {
    #[inline]
    pub(super) fn buckets(&self) -> &[Bucket; SEGMENT_BUCKETS] {
        &self.buckets
    }

    /// Looks for an entry of this tag whose value is wanted: from its home on, in every bucket where it may be.
    #[inline]
    pub(super) fn find(&self, tag: Tag, mut is_wanted: impl FnMut(u32) -> bool) -> Option<Place> {
        let mut at = tag.home();
        for _ in 0..SEGMENT_BUCKETS {
            #[cfg(test)]
            super::tests::count_probe();
            let bucket = &self.buckets[at];
            for slot in bucket.slots_where(|held| held == tag) {
                let value = bucket.value(slot);
                if is_wanted(value) {
                    return Some(Place { at, slot, value });
                }
            }
            if !bucket.may_have_passed(tag) {
                return None;
            }
            at = after(at);
        }
        None
    }

    /// Adds an entry. The caller knows that there is room.
    #[inline]
    pub(super) fn insert(&mut self, tag: Tag, value: u32) {
        let mut at = tag.home();
        for _ in 0..SEGMENT_BUCKETS {
            let bucket = &mut self.buckets[at];
            if !bucket.is_full() {
                bucket.put(tag, value);
                return;
            }
            bucket.pass(tag);
            at = after(at);
        }
        unreachable!("an entry was sent to a segment without room");
    }

    /// Gives an entry another value; false if there is none with the old one.
    pub(super) fn replace(&mut self, tag: Tag, old: u32, new: u32) -> bool {
        let Some(place) = self.find(tag, |value| value == old) else {
            return false;
        };
        self.buckets[place.at].set_value(place.slot, new);
        true
    }

    /// Removes an entry and closes its gap; `None` if there is no such entry, otherwise how many others moved.
    pub(super) fn remove(&mut self, tag: Tag, value: u32) -> Option<u32> {
        let Place { at, slot, .. } = self.find(tag, |held| held == value)?;
        let (taken, _) = self.buckets[at].take(slot);
        assert!(taken == tag, "what is removed is what was asked for");
        self.unpass(tag, tag.home(), at);
        Some(self.backfill(at))
    }

    /// Splits the entries by the bit after their first `depth` ones: those where it is set go to `upper`, which is empty.
    /// Those that stay move closer to their homes. Returns how many went up and how many moved in all.
    ///
    /// `None`, with nothing changed, if somebody went past every single bucket: colliding hashes, which a split would not
    /// part.
    pub(super) fn split(&mut self, upper: &mut Segment, depth: u32) -> Option<Moved> {
        // From a bucket that nobody entered from before it, every entry is met after all the buckets on its way.
        let start = (0..SEGMENT_BUCKETS).find(|at| !self.buckets[before(*at)].is_passed())?;
        self.buckets.iter_mut().for_each(Bucket::forget_passed);
        let mut moved = Moved { away: 0, all: 0 };
        let mut at = start;
        for _ in 0..SEGMENT_BUCKETS {
            let bucket = &self.buckets[at];
            for slot in bucket.slots_where(|tag| tag.is_upper(depth) | (tag.home() != at)) {
                let (tag, value) = self.buckets[at].take(slot);
                if tag.is_upper(depth) {
                    upper.insert(tag, value);
                    moved.away += 1;
                } else {
                    self.insert(tag, value);
                }
                moved.all += 1;
            }
            at = after(at);
        }
        Some(moved)
    }

    /// Moves all entries to `other`, which has room for them; how many they are. This one is empty then.
    pub(super) fn drain_into(&mut self, other: &mut Segment) -> u32 {
        let mut moved = 0;
        for bucket in &mut self.buckets {
            bucket.forget_passed();
            for slot in bucket.slots() {
                let (tag, value) = bucket.take(slot);
                other.insert(tag, value);
                moved += 1;
            }
        }
        moved
    }

    /// Fills a gap that a removal has left in a full bucket with an entry that went past it, then the gap which that one
    /// leaves, and so on. How many moved.
    #[inline]
    fn backfill(&mut self, mut gap: usize) -> u32 {
        let mut moved = 0;
        while self.buckets[gap].is_passed() && moved < BACKFILL_ENTRIES_MAX {
            let (from, slot) = self.went_past(gap);
            let (tag, value) = self.buckets[from].take(slot);
            self.unpass(tag, gap, from);
            self.buckets[gap].put(tag, value);
            moved += 1;
            gap = from;
        }
        moved
    }

    /// The nearest entry that went past a bucket. The caller knows from the count that there is one.
    fn went_past(&self, gap: usize) -> (usize, usize) {
        let mut at = gap;
        for distance in 1..SEGMENT_BUCKETS {
            at = after(at);
            let bucket = &self.buckets[at];
            if let Some(slot) = bucket.slots_where(|tag| between(tag.home(), at) >= distance).next() {
                return (at, slot);
            }
        }
        unreachable!("{} entries went past bucket {gap} and none is found", self.buckets[gap].passed());
    }

    /// An entry of this tag no longer goes past the buckets from `first` up to the one before `end`.
    #[inline]
    fn unpass(&mut self, tag: Tag, first: usize, end: usize) {
        let mut at = first;
        for _ in 0..between(first, end) {
            self.buckets[at].unpass(tag);
            at = after(at);
        }
        debug_assert_eq!(at, end);
    }
}

/// What a split did: entries that went to the other segment, and all that changed their place.
pub(super) struct Moved {
    pub(super) away: u16,
    pub(super) all: u32,
}

/// Where an entry is, and its value.
pub(super) struct Place {
    at: usize,
    slot: usize,
    pub(super) value: u32,
}

/// The bucket after this one; the first after the last.
#[inline]
fn after(at: usize) -> usize {
    (at + 1) % SEGMENT_BUCKETS
}

#[inline]
fn before(at: usize) -> usize {
    (at + SEGMENT_BUCKETS - 1) % SEGMENT_BUCKETS
}

/// Steps from one bucket forward to another.
#[inline]
fn between(from: usize, to: usize) -> usize {
    (to + SEGMENT_BUCKETS - from) % SEGMENT_BUCKETS
}

const _: () = assert!(SEGMENT_BUCKETS.is_power_of_two() && BUCKET_ENTRIES < u8::BITS as usize);

/// What the invariants in the opening comment say, looked at from the entries. For tests.
#[cfg(test)]
impl Segment {
    /// Panics if a count is wrong; returns the number of entries and of gaps in buckets that somebody went past.
    pub(super) fn check(&self, is_ours: impl Fn(Tag) -> bool) -> (usize, usize) {
        let mut passed = vec![Vec::new(); SEGMENT_BUCKETS];
        let mut entries = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            for slot in bucket.slots() {
                let tag = bucket.tag(slot);
                assert!(is_ours(tag), "{tag:?} is in the wrong segment");
                let way = between(tag.home(), at);
                (0..way).for_each(|step| passed[(tag.home() + step) % SEGMENT_BUCKETS].push(tag));
                entries += 1;
            }
        }
        for (bucket, passed) in self.buckets.iter().zip(passed) {
            assert_eq!(usize::from(bucket.passed()), passed.len(), "a bucket has miscounted who went past it");
            assert!(passed.iter().all(|tag| bucket.may_have_passed(*tag)), "a search would end before its goal");
        }
        let gaps = self.buckets.iter().filter(|bucket| bucket.is_passed() && !bucket.is_full());
        (entries, gaps.count())
    }
}
