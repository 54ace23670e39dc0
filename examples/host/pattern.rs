//! Bytes to send: blocks of random bytes in a random order, so that no part of a stream can stand for another one, and
//! nothing is copied.

use std::rc::Rc;

use crore_base::payload::Payload;
use crore_base::random::Rng;

const BLOCKS: u64 = 16;
const BLOCK_BYTES: usize = 60_000;
/// Blocks differ in length by this much, so that their borders fall everywhere in a segment.
const BLOCK_STEP_BYTES: usize = 97;

/// The blocks, made once and shared.
#[derive(Clone)]
pub(crate) struct Blocks(Rc<[Payload]>);

impl Blocks {
    pub(crate) fn new() -> Self {
        let mut random = Rng::from_seed(0x7461_7021);
        let block = |n| {
            let mut bytes = vec![0; BLOCK_BYTES + n as usize * BLOCK_STEP_BYTES];
            random.fill(&mut bytes);
            Payload::from(bytes)
        };
        Self((0..BLOCKS).map(block).collect())
    }
}

/// A stream of so many bytes; the same seed gives the same stream.
pub(crate) struct Pattern {
    blocks: Blocks,
    random: Rng,
    left: u64,
}

impl Pattern {
    pub(crate) fn new(blocks: &Blocks, seed: u64, bytes: u64) -> Self {
        Self { blocks: blocks.clone(), random: Rng::from_seed(seed), left: bytes }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The next part, at most `most` bytes of it. Copies only what is smaller than a block.
    pub(crate) fn next(&mut self, most: usize) -> Payload {
        let block = &self.blocks.0[self.random.below(BLOCKS) as usize];
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(most).min(block.len());
        self.left -= len as u64;
        if len == block.len() { block.clone() } else { Payload::from(&block[..len]) }
    }
}
