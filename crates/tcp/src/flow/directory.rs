//! Which segment a tag belongs to: one number for each prefix of the longest length in use.
//!
//! A segment of depth `d` stands in all places whose first `d` bits are its prefix. At ten million entries that is 4,096
//! numbers, 16 KiB, which stay in the first-level cache. It never shrinks: its length is bounded by the limit of the table.

use super::tag::Tag;

pub(super) struct Directory {
    segments: Vec<u32>,
    depth: u32,
}

impl Directory {
    /// One segment, number 0, for everything.
    pub(super) fn new() -> Self {
        Self { segments: vec![0], depth: 0 }
    }

    /// The segment of a tag.
    #[inline]
    pub(super) fn segment(&self, tag: Tag) -> usize {
        self.segments[tag.prefix(self.depth)] as usize
    }

    /// The segment whose prefix of `depth` bits differs from that of `tag` in the last bit only, or one of those
    /// that it has been split into.
    #[inline]
    pub(super) fn sibling(&self, tag: Tag, depth: u32) -> usize {
        assert!(depth > 0 && depth <= self.depth, "a segment of depth {depth} has no sibling");
        let first = (tag.prefix(depth) ^ 1) << (self.depth - depth);
        self.segments[first] as usize
    }

    /// The segment of `tag`, of depth `depth`, has given its upper half to `upper`. Doubles the directory if need be.
    pub(super) fn split(&mut self, tag: Tag, depth: u32, upper: u32) {
        assert!(depth <= self.depth, "no segment is deeper than the directory");
        if depth == self.depth {
            self.segments = self.segments.iter().flat_map(|segment| [*segment; 2]).collect();
            self.depth += 1;
        }
        let prefix = tag.prefix(depth) << 1 | 1;
        self.assign(prefix, depth + 1, upper);
    }

    /// Two siblings of depth `depth`, one of them that of `tag`, have become `segment`.
    pub(super) fn merge(&mut self, tag: Tag, depth: u32, segment: u32) {
        assert!(depth > 0 && depth <= self.depth, "a segment of depth {depth} has no sibling");
        self.assign(tag.prefix(depth - 1), depth - 1, segment);
    }

    fn assign(&mut self, prefix: usize, depth: u32, segment: u32) {
        let places = 1 << (self.depth - depth);
        self.segments[prefix * places..(prefix + 1) * places].fill(segment);
    }

    pub(super) fn bytes(&self) -> usize {
        self.segments.capacity() * size_of::<u32>()
    }
}
