//! The wake map of a core: which of its tasks were woken from elsewhere.
//!
//! One bit a task, two levels of summary above: lossless, bounded, free of duplicates, written by anybody and drained by
//! the owner. A setter writes the bit before its summaries; the owner takes the summaries before the bits. So a bit whose
//! summary was already taken is announced again and found in the next drain, never lost.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering::AcqRel, Ordering::Relaxed};

use crate::sync::AtomicU64;

/// Bits of one chunk; chunks come into being at the first wake-up from elsewhere that needs them. In a model, a chunk of one
/// summary, and one word of chunks: every level is there, and little else.
const CHUNK_BITS: usize = if cfg!(loom) { 1 << 12 } else { 1 << 16 };
const CHUNKS: usize = if cfg!(loom) { 64 } else { (1 << 28) / CHUNK_BITS };

pub(crate) struct WakeMap {
    dirty: [AtomicU64; CHUNKS / 64],
    chunks: Box<[OnceLock<Box<Chunk>>]>,
}

struct Chunk {
    summary: [AtomicU64; CHUNK_BITS / 64 / 64],
    words: [AtomicU64; CHUNK_BITS / 64],
}

impl WakeMap {
    pub(crate) fn new() -> WakeMap {
        WakeMap {
            dirty: std::array::from_fn(|_| AtomicU64::new(0)),
            chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Marks a task. Anything the caller wrote before is seen by the task when it is polled.
    pub(crate) fn set(&self, index: u32) {
        let index = index as usize;
        let (chunk_index, bit) = (index / CHUNK_BITS, index % CHUNK_BITS);
        assert!(chunk_index < CHUNKS);
        let chunk = self.chunks[chunk_index].get_or_init(Chunk::new);
        let before = chunk.words[bit / 64].fetch_or(1 << (bit % 64), AcqRel);
        if before & 1 << (bit % 64) != 0 {
            return; // whoever set it announces it
        }
        let word = bit / 64;
        chunk.summary[word / 64].fetch_or(1 << (word % 64), AcqRel);
        self.dirty[chunk_index / 64].fetch_or(1 << (chunk_index % 64), AcqRel);
    }

    /// Takes every mark, in the order of the indexes. Only the owner may call it.
    pub(crate) fn drain(&self, mut woken: impl FnMut(u32)) {
        for (group, dirty) in self.dirty.iter().enumerate() {
            if dirty.load(Relaxed) == 0 {
                continue;
            }
            for bit in ones(dirty.swap(0, AcqRel)) {
                let chunk_index = group * 64 + bit;
                if let Some(chunk) = self.chunks[chunk_index].get() {
                    chunk.drain(|bit| woken((chunk_index * CHUNK_BITS + bit) as u32));
                }
            }
        }
    }
}

impl Chunk {
    fn new() -> Box<Chunk> {
        Box::new(Chunk {
            summary: std::array::from_fn(|_| AtomicU64::new(0)),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
        })
    }

    fn drain(&self, mut woken: impl FnMut(usize)) {
        for (group, summary) in self.summary.iter().enumerate() {
            if summary.load(Relaxed) == 0 {
                continue;
            }
            for word_bit in ones(summary.swap(0, AcqRel)) {
                let word = group * 64 + word_bit;
                for bit in ones(self.words[word].swap(0, AcqRel)) {
                    woken(word * 64 + bit);
                }
            }
        }
    }
}

/// The places of the ones in a word, lowest first.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros() as usize;
            word &= word - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_drained_once_and_in_order() {
        let map = WakeMap::new();
        for index in [70_000, 3, 3, 64, (1 << 28) - 1, 65_535] {
            map.set(index);
        }
        let mut woken = Vec::new();
        map.drain(|index| woken.push(index));
        assert_eq!(woken, [3, 64, 65_535, 70_000, (1 << 28) - 1]);
        map.drain(|_| panic!("drained twice"));
    }

    #[test]
    fn marks_set_by_four_threads_during_drains_all_arrive() {
        let map = WakeMap::new();
        let per_thread = 50_000_u32;
        let mut seen = vec![0_u32; 4 * per_thread as usize];
        std::thread::scope(|scope| {
            let setters: Vec<_> = (0..4)
                .map(|thread| {
                    let map = &map;
                    scope.spawn(move || (0..per_thread).for_each(|n| map.set(n * 4 + thread)))
                })
                .collect();
            while setters.iter().any(|setter| !setter.is_finished()) {
                map.drain(|index| seen[index as usize] += 1);
            }
        });
        map.drain(|index| seen[index as usize] += 1);
        assert!(seen.iter().all(|&times| times == 1));
    }
}
