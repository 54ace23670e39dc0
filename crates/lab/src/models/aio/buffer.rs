//! Memory for reads past the page cache: whole blocks, at addresses and offsets that are multiples of a block (open(2), O_DIRECT).

/// What every disk that we know accepts as a unit.
const BLOCK_BYTES: usize = 4096;

/// Room for the blocks around a part of a file.
#[derive(Debug)]
pub(super) struct AlignedBuffer {
    memory: Vec<u8>,
    /// Where in `memory` the first multiple of a block lies.
    start: usize,
    /// Bytes that are read, whole blocks.
    length: usize,
    /// Where in the file they are read.
    offset: u64,
    /// The part that was asked for, from `offset` on.
    part: std::ops::Range<usize>,
    /// Bytes that came.
    filled: usize,
}

impl AlignedBuffer {
    /// Room for `length` bytes from `at` on. Allocates up to three blocks more than that.
    ///
    /// The part is at most [`PART_BYTES_MAX`](crate::limits::PART_BYTES_MAX) long; one that ends beyond what 64 bits can say is moved
    /// to where no file reaches either.
    pub(super) fn for_part(at: u64, length: usize) -> AlignedBuffer {
        let at = at.min(i64::MAX as u64 / 2);
        let before = (at % BLOCK_BYTES as u64) as usize;
        let whole = (before + length).next_multiple_of(BLOCK_BYTES);
        let memory = vec![0; whole + BLOCK_BYTES];
        let start = memory.as_ptr().align_offset(BLOCK_BYTES);
        assert!(start + whole <= memory.len(), "a block more than is needed has an aligned one in it");
        let (offset, part) = (at - before as u64, before..before + length);
        AlignedBuffer { memory, start, length: whole, offset, part, filled: 0 }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is to be read into.
    pub(super) fn blocks(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }

    /// So many bytes were read into [`blocks`](AlignedBuffer::blocks).
    pub(super) fn fill(&mut self, bytes: usize) {
        assert!(bytes <= self.length, "no more is read than there is room for");
        self.filled = bytes;
    }

    /// The part; none if not all of it was there.
    pub(super) fn into_part(self) -> Option<Vec<u8>> {
        let blocks = &self.memory[self.start..self.start + self.filled];
        blocks.get(self.part).map(<[u8]>::to_vec)
    }
}
