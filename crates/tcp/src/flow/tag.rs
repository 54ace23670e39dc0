//! The 32 bits of a hash that an entry keeps: all that is ever needed to find it a place.
//!
//! The low 10 bits are the bucket in which an entry is at home, the same in every segment. The high 22 bits are a position
//! on a line from 0 to 1: the first `d` of them name a segment of depth `d`, so a split looks at one more bit. What
//! the segment does not use tells the entries of a bucket apart: about 10 bits at ten million entries, so that a false
//! candidate is met once in three hundred lookups.

use super::limits::{DEPTH_BITS_MAX, SEGMENT_BUCKET_BITS, SEGMENT_BUCKETS};

#[derive(Copy, Clone, PartialEq, Eq, Debug, zerocopy::FromZeros)]
#[repr(transparent)]
pub(super) struct Tag(u32);

impl Tag {
    /// The tag of a hash, from its high 32 and its low 10 bits.
    ///
    /// Positions are not spread evenly over the line: they are twice as dense at its start as at its end. If they were even,
    /// all segments would fill up, and split, at the same time: the table would double at once and then be half empty. So
    /// a wave of splits moves along the line as the table grows, and when it has come to the end the start is
    /// due again (the idea of spiral storage, Martin 1979). Its exponential is a parabola here: x (2 + x) / 3.
    #[inline]
    pub(super) fn of(hash: u64) -> Self {
        let x = hash >> 32;
        let position = (2 * x + ((x * x) >> 32)) / 3;
        debug_assert!(position <= u64::from(u32::MAX));
        let buckets = SEGMENT_BUCKETS as u32 - 1;
        Self(position as u32 & !buckets | hash as u32 & buckets)
    }

    /// The bucket in which an entry of this tag is at home.
    #[inline]
    pub(super) fn home(self) -> usize {
        self.0 as usize % SEGMENT_BUCKETS
    }

    /// Eight bits in which the tags of one bucket differ: the last of the position, which segments are not deep enough to use
    /// below fifty million entries.
    #[inline]
    pub(super) fn mark(self) -> u8 {
        (self.0 >> SEGMENT_BUCKET_BITS) as u8
    }

    /// The first `depth` bits of the position.
    #[inline]
    pub(super) fn prefix(self, depth: u32) -> usize {
        debug_assert!(depth <= DEPTH_BITS_MAX);
        (u64::from(self.0) >> (u32::BITS - depth)) as usize
    }

    /// Whether the bit after the first `depth` ones sends the entry to the upper half of a segment of that depth.
    #[inline]
    pub(super) fn is_upper(self, depth: u32) -> bool {
        debug_assert!(depth < DEPTH_BITS_MAX);
        self.0 >> (u32::BITS - 1 - depth) & 1 == 1
    }
}

const _: () = assert!(DEPTH_BITS_MAX + SEGMENT_BUCKET_BITS == u32::BITS);
