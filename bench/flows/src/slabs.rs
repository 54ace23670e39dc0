//! What reading a slab costs: each record after the one that names it, and in bursts that are asked for ahead.

use std::hint::black_box;
use std::time::Instant;

use crore_base::map::Pages;
use crore_base::random::Rng;
use crore_base::slab::{Handle, Slab};

use crate::memory;

/// Two cache lines, as the hot part of a connection has them.
type Link = [u64; 16];
/// Records that are asked for before the first of them is read.
const BURST: usize = 32;

/// Nanoseconds a record, and how much of the memory is on huge pages.
#[derive(Copy, Clone, Default)]
pub struct SlabFigures {
    /// Each record found through the last.
    pub chained: f64,
    /// In bursts.
    pub batched: f64,
    /// Per cent of the process's growth that is on huge pages.
    pub huge_percent: f64,
}

/// Fills a slab and reads it all in random order.
pub fn run(pages: Pages, count: u32) -> SlabFigures {
    let before = (memory::resident(), memory::huge());
    let mut slab = Slab::<Link>::on(pages, count);
    let mut order: Vec<Handle> = (0..count).filter_map(|_| slab.insert([0; 16])).collect();
    assert_eq!(order.len(), count as usize, "the slab was made for as many");
    let list = order.len() * size_of::<Handle>();
    let huge_percent = memory::huge_percent((before.0 + list as u64, before.1));
    Rng::from_seed(1).shuffle(&mut order);
    for (at, handle) in order.iter().enumerate() {
        let next = order[(at + 1) % order.len()];
        slab.get_mut(*handle).expect("it was just inserted")[0] = next.to_bits();
    }
    let chained = time(count, || {
        let mut at = order[0];
        for _ in 0..count {
            let record = slab.get(at).expect("the ring is closed");
            at = Handle::from_bits(black_box(record[0])).expect("a handle was stored");
        }
    });
    let batched = time(count, || {
        for burst in order.chunks(BURST) {
            burst.iter().for_each(|handle| slab.prefetch(handle.index()));
            black_box(burst.iter().filter_map(|handle| slab.get(*handle)).fold(0, |sum, record| sum ^ record[0]));
        }
    });
    SlabFigures { chained, batched, huge_percent }
}

/// Nanoseconds a record of the fastest of three rounds: others may have the processor in one.
fn time(count: u32, mut round: impl FnMut()) -> f64 {
    let mut nanos = || {
        let start = Instant::now();
        round();
        start.elapsed().as_nanos() as f64 / f64::from(count)
    };
    (0..3).map(|_| nanos()).fold(f64::INFINITY, f64::min)
}
