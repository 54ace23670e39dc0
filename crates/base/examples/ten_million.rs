//! What ten million values and ten million timers cost, beside what the standard library takes for the same work.
//!
//! `cargo run --release -p crore-base --example ten_million [COUNT]`
//!
//! Figures are nanoseconds an operation, of one run over all in random order; the peer runs right after it in the same
//! order. They wobble from machine to machine, their ratios much less. What is filled first pays for page faults.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::time::Instant as Clock;

use crore_base::hash::HashKey;
use crore_base::random::Rng;
use crore_base::slab::{Handle, Slab};
use crore_base::time::{Duration, Instant};
use crore_base::units::{Count, parse_count};
use crore_base::wheel::Wheel;

/// Two cache lines, as the hot part of a connection has them.
type Record = [u64; 16];
/// How many records are asked for before the first of them is used.
const BATCH: usize = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = parse_count(&std::env::args().nth(1).unwrap_or("10M".into()))?;
    let most = u64::from(u32::MAX);
    if count == 0 || count > most {
        return Err(format!("{count} values do not fit one slab: use 1 to {most}").into());
    }
    let mut rng = Rng::from_seed(1);
    println!("{} values of {} bytes", Count(count), size_of::<Record>());
    records(count as u32, &mut rng);
    println!("{} timers", Count(count));
    timers(count as u32, &mut rng);
    Ok(())
}

fn records(count: u32, rng: &mut Rng) {
    let mut slab = Slab::<Record>::new(count);
    let mut order: Vec<Handle> = Vec::with_capacity(count as usize);
    time("slab: insert", count, || {
        order.extend((0..count).filter_map(|number| slab.insert([number.into(); 16])));
    });
    show_bytes("slab: all in", slab.footprint(), count);
    rng.shuffle(&mut order);
    for (at, handle) in order.iter().enumerate() {
        let next = order[(at + 1) % order.len()];
        slab.get_mut(*handle).expect("it was just inserted")[0] = next.to_bits();
    }
    time("slab: look up, each after the last", count, || {
        let mut at = order[0];
        for _ in 0..count {
            let record = slab.get(at).expect("the ring is closed");
            at = Handle::from_bits(black_box(record[0])).expect("a handle was stored");
        }
    });
    time("slab: look up in prefetched batches", count, || {
        for batch in order.chunks(BATCH) {
            batch.iter().for_each(|handle| slab.prefetch(handle.index()));
            let found = batch.iter().filter_map(|handle| slab.get(*handle));
            black_box(found.fold(0, |sum, record| sum ^ record[0]));
        }
    });
    let mut map: HashMap<u32, Record, HashKey> = HashMap::with_hasher(HashKey::from_seed(1));
    time("HashMap: insert", count, || map.extend((0..count).map(|number| (number, [0; 16]))));
    for handle in &order {
        let next = slab.get(*handle).map_or(0, |record| record[0]) as u32;
        map.insert(handle.index(), [next.into(); 16]);
    }
    time("HashMap: look up, each after the last", count, || {
        let mut at = order[0].index();
        (0..count).for_each(|_| at = black_box(map[&at][0]) as u32);
    });
    let removed = |slab: &mut Slab<Record>| order.iter().filter(|handle| slab.remove(**handle).is_some()).count();
    time("slab: remove", count, || assert_eq!(removed(&mut slab), count as usize));
    slab.trim();
    show_bytes("slab: all in, once empty", slab.footprint(), count);
}

fn timers(count: u32, rng: &mut Rng) {
    let minute = Duration::from_secs(60);
    let deadlines: Vec<Instant> = (0..count).map(|_| Instant::from_nanos(rng.below(minute.as_nanos()))).collect();
    let mut wheel = Wheel::new(Instant::ZERO, Duration::from_millis(1), count);
    let mut armed = Vec::with_capacity(count as usize);
    time("wheel: arm within a minute", count, || {
        armed.extend((0..).zip(&deadlines).filter_map(|(token, deadline)| wheel.arm(*deadline, token)));
    });
    show_bytes("wheel: all in", wheel.footprint(), count);
    rng.shuffle(&mut armed);
    time("wheel: move by a minute", count, || {
        let moved = armed.iter().zip(&deadlines).filter(|(timer, deadline)| wheel.rearm(**timer, **deadline + minute));
        assert_eq!(moved.count(), count as usize);
    });
    let (cancelled, waiting) = armed.split_at(armed.len() / 2);
    time("wheel: cancel half", cancelled.len() as u32, || {
        assert!(cancelled.iter().all(|timer| wheel.cancel(*timer).is_some()));
    });
    let mut fired = Vec::with_capacity(4_096);
    time("wheel: fire the rest, a millisecond a call", waiting.len() as u32, || {
        for millis in 0..=2 * minute.as_millis() {
            while wheel.expire(Instant::ZERO + Duration::from_millis(millis), 4_096, &mut fired) {
                fired.clear();
            }
            fired.clear();
        }
    });
    assert!(wheel.is_empty(), "every timer fires");
    let mut tree = BTreeMap::new();
    time("BTreeMap: arm within a minute", count, || {
        tree.extend((0_u32..).zip(&deadlines).map(|(token, deadline)| ((*deadline, token), token)));
    });
    time("BTreeMap: fire", count, || while tree.pop_first().is_some() {});
}

fn time(what: &str, count: u32, work: impl FnOnce()) {
    let start = Clock::now();
    work();
    let nanos = start.elapsed().as_nanos() as f64 / f64::from(count.max(1));
    println!("  {what:<44} {nanos:>7.1} ns");
}

fn show_bytes(what: &str, bytes: usize, count: u32) {
    println!("  {what:<44} {:>7.1} bytes each", bytes as f64 / f64::from(count));
}
