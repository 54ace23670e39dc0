//! Which frames of a pool one queue has lent to the kernel.
//!
//! A pool knows which of its frames are lent; this knows to whom. So several queues can share the pool of a core, none
//! takes what the kernel has from another, and a queue that is closed gives back its own.

use crore_base::frame::{Frame, FramePool};

/// See the opening comment of the file.
pub(super) struct Loans {
    /// A bit for each frame of the pool.
    lent: Vec<u64>,
    /// Where the pool's memory is, to know it again. It is compared and never followed.
    memory: usize,
}

impl Loans {
    /// Nothing of this pool is lent yet.
    pub(super) fn new(frames: &FramePool) -> Self {
        Self { lent: vec![0; frames.capacity().div_ceil(u64::BITS) as usize], memory: address_of(frames) }
    }

    /// # Panics
    /// If it is another pool.
    #[inline]
    pub(super) fn assert_same(&self, frames: &FramePool) {
        assert_eq!(self.memory, address_of(frames), "a queue is used with one pool, the one it was first given");
    }

    /// Lends a frame; its number.
    #[inline]
    pub(super) fn lend(&mut self, frames: &mut FramePool, frame: Frame) -> u32 {
        let index = frames.lend(frame);
        self.lent[(index / u64::BITS) as usize] |= 1 << (index % u64::BITS);
        index
    }

    /// The frame of this number with bytes `start .. start + len` in use. `None`, and nothing happens, if this queue
    /// has not lent it or the bytes do not fit a frame.
    #[inline]
    pub(super) fn back(&mut self, frames: &mut FramePool, index: u32, start: usize, len: usize) -> Option<Frame> {
        let word = self.lent.get_mut((index / u64::BITS) as usize)?;
        let bit = 1 << (index % u64::BITS);
        if *word & bit == 0 {
            return None;
        }
        let frame = frames.frame_at(index, start, len)?;
        *word &= !bit;
        Some(frame)
    }

    /// Gives all that is lent back to the pool. The kernel must not use it any more.
    pub(super) fn give_back(mut self, frames: &mut FramePool) {
        self.assert_same(frames);
        for index in 0..frames.capacity() {
            if let Some(frame) = self.back(frames, index, 0, 0) {
                frames.free(frame);
            }
        }
        assert!(self.lent.iter().all(|word| *word == 0), "all that was lent is back");
    }
}

fn address_of(frames: &FramePool) -> usize {
    frames.memory().base().addr().get()
}

#[cfg(test)]
mod tests;
