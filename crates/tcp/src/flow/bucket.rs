//! One cache line of the flow table: seven entries, and who went past.
//!
//! A search for somebody who is in no bucket should not read the next one only because this one is full. So a bucket
//! counts the entries that had to go past it and keeps a byte of the tag of a few; if it has room for all of them, a
//! stranger goes on once in a hundred times.

use zerocopy::FromZeros;

use super::limits::{BUCKET_ENTRIES, BUCKET_PASSERS, SEGMENT_ENTRIES};
use super::tag::Tag;

/// All-zero memory is an empty bucket.
#[derive(Copy, Clone, FromZeros)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    tags: [Tag; BUCKET_ENTRIES],
    values: [u32; BUCKET_ENTRIES],
    /// One bit a slot, set if it holds an entry.
    occupied: u8,
    marks: [u8; BUCKET_PASSERS],
    passage: Passage,
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");
const FULL: u8 = (1 << BUCKET_ENTRIES) - 1;

/// How many entries are in a later bucket and came past this one because it was full (13 bits), and how many of those have
/// left their mark (3 bits). Only if that is all of them can the marks be relied upon.
#[derive(Copy, Clone, FromZeros)]
#[repr(transparent)]
struct Passage(u16);

const _: () = assert!(BUCKET_PASSERS < 8 && SEGMENT_ENTRIES < 1 << 13, "both numbers of a passage have room");

impl Passage {
    const ONE_PASSED: u16 = 8;
    const ONE_MARKED: u16 = 1;

    #[inline]
    fn passed(self) -> u16 {
        self.0 / Self::ONE_PASSED
    }

    #[inline]
    fn marked(self) -> u16 {
        self.0 % Self::ONE_PASSED
    }
}

impl Bucket {
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.occupied == FULL
    }

    /// Whether anybody went past.
    #[inline]
    pub(super) fn is_passed(&self) -> bool {
        self.passed() > 0
    }

    /// How many went past.
    #[inline]
    pub(super) fn passed(&self) -> u16 {
        self.passage.passed()
    }

    /// The slots that hold an entry.
    #[inline]
    pub(super) fn slots(&self) -> Slots {
        Slots(self.occupied)
    }

    /// The slots that hold an entry with such a tag. Looks at all seven, without a branch.
    #[inline]
    pub(super) fn slots_where(&self, is_wanted: impl Fn(Tag) -> bool) -> Slots {
        let mut slots = 0;
        for (slot, tag) in self.tags.iter().enumerate() {
            slots |= u8::from(is_wanted(*tag)) << slot;
        }
        Slots(slots & self.occupied)
    }

    #[cfg(test)]
    pub(super) fn tag(&self, slot: usize) -> Tag {
        debug_assert!(self.occupied >> slot & 1 == 1);
        self.tags[slot]
    }

    #[inline]
    pub(super) fn value(&self, slot: usize) -> u32 {
        debug_assert!(self.occupied >> slot & 1 == 1);
        self.values[slot]
    }

    #[inline]
    pub(super) fn set_value(&mut self, slot: usize, value: u32) {
        assert!(self.occupied >> slot & 1 == 1, "slot {slot} holds no entry");
        self.values[slot] = value;
    }

    /// Puts an entry into the first free slot.
    #[inline]
    pub(super) fn put(&mut self, tag: Tag, value: u32) {
        assert!(!self.is_full(), "an entry needs a free slot");
        let slot = self.occupied.trailing_ones() as usize;
        self.tags[slot] = tag;
        self.values[slot] = value;
        self.occupied |= 1 << slot;
    }

    /// Takes the entry out of a slot.
    #[inline]
    pub(super) fn take(&mut self, slot: usize) -> (Tag, u32) {
        assert!(self.occupied >> slot & 1 == 1, "slot {slot} holds no entry");
        self.occupied &= !(1 << slot);
        (self.tags[slot], self.values[slot])
    }

    /// Whether a search for this tag, which has not ended here, goes on in the next bucket.
    ///
    /// One condition, so that the processor has one branch to guess, and nearly always guesses it.
    #[inline]
    pub(super) fn may_have_passed(&self, tag: Tag) -> bool {
        let marked = self.passage.marked();
        let mut may = marked < self.passed();
        for (place, mark) in (0..).zip(&self.marks) {
            may |= (place < marked) & (*mark == tag.mark());
        }
        may
    }

    /// An entry goes past this bucket, which is full.
    #[inline]
    pub(super) fn pass(&mut self, tag: Tag) {
        assert!(self.is_full(), "an entry goes past full buckets only");
        if let Some(mark) = self.marks.get_mut(usize::from(self.passage.marked())) {
            *mark = tag.mark();
            self.passage.0 += Passage::ONE_MARKED;
        }
        self.passage.0 += Passage::ONE_PASSED;
        debug_assert!(self.passage.marked() <= self.passed());
    }

    /// An entry that had gone past this bucket is gone, or here.
    ///
    /// If another left the same mark, it does not matter whose is wiped out: there is still one for each of them, or one
    /// too few, and then the marks are not relied upon.
    #[inline]
    pub(super) fn unpass(&mut self, tag: Tag) {
        assert!(self.is_passed(), "as many come back as went past");
        if let Some(at) = self.mark_of(tag) {
            self.passage.0 -= Passage::ONE_MARKED;
            self.marks[at] = self.marks[usize::from(self.passage.marked())];
        }
        self.passage.0 -= Passage::ONE_PASSED;
        debug_assert!(self.passage.marked() <= self.passed());
    }

    /// Forgets who went past; for a split, which counts anew.
    #[inline]
    pub(super) fn forget_passed(&mut self) {
        self.passage = Passage(0);
    }

    /// Where a tag has left its mark, or another one the same.
    #[inline]
    fn mark_of(&self, tag: Tag) -> Option<usize> {
        let marks = self.marks.iter().take(self.passage.marked().into());
        marks.enumerate().find(|(_, mark)| **mark == tag.mark()).map(|(at, _)| at)
    }
}

/// Some slots of a bucket, lowest first.
#[derive(Copy, Clone)]
pub(super) struct Slots(u8);

impl Iterator for Slots {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize;
        if slot >= BUCKET_ENTRIES {
            return None;
        }
        self.0 &= self.0 - 1;
        Some(slot)
    }
}
