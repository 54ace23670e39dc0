//! How long single operations take at worst, and how often that is long, by two clocks.
//!
//! Processor time is what the operation itself did, with the kernel's work for it; what a hypervisor does for the kernel
//! looks the same from inside. Wall time is that and the time in which somebody else had the processor.
//!
//! On a machine that does other things as well, the longest of ten million operations shows the machine. The same keys in the
//! same order make a structure do the same work in the same operation each time, and the machine strikes elsewhere: so
//! growth is repeated in fresh processes, and what an operation took in the *fastest* of the runs is its own.
//!
//! What the background does to an operation (a page that is being moved is waited for) strikes elsewhere each time as well,
//! so that the quietest of the runs is reported too: its longest pause is the machine's or the background's.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds from which a pause is counted.
const LONG_NANOS: u64 = 1_000_000;

/// Nanoseconds of processor time from which an operation is remembered by its number.
const REMEMBERED_NANOS: u64 = 50_000;
/// Rest before each of them: a hypervisor that takes free memory back has done so by then, and hands it out anew. Without
/// it, a run is fast on the memory of the last.
pub const REST: Duration = Duration::from_secs(3);
/// Fresh processes in which growth is repeated.
pub const RUNS: usize = 3;

/// The pauses of a series of operations.
#[derive(Copy, Clone, Default)]
pub struct Pauses {
    /// The longest, in microseconds of processor time.
    pub processor_us: f64,
    /// The longest, in microseconds of the wall clock.
    pub wall_us: f64,
    /// Operations of over a millisecond of processor time.
    pub processor_over_1ms: f64,
    /// Operations of over a millisecond by the wall clock.
    pub wall_over_1ms: f64,
}

impl Pauses {
    /// Performs an operation and notes how long it took. Returns nanoseconds of processor time.
    pub fn time(&mut self, operation: impl FnOnce()) -> u64 {
        let start = Instant::now();
        let before = processor_time();
        operation();
        let processor = processor_time() - before;
        let wall = start.elapsed().as_nanos() as u64;
        self.processor_us = self.processor_us.max(processor as f64 / 1e3);
        self.wall_us = self.wall_us.max(wall as f64 / 1e3);
        self.processor_over_1ms += f64::from(u8::from(processor > LONG_NANOS));
        self.wall_over_1ms += f64::from(u8::from(wall > LONG_NANOS));
        processor
    }

    /// As a list, in the order above.
    pub fn to_array(self) -> [f64; 4] {
        [self.processor_us, self.wall_us, self.processor_over_1ms, self.wall_over_1ms]
    }

    /// From such a list.
    pub fn from_array([processor_us, wall_us, processor_over_1ms, wall_over_1ms]: [f64; 4]) -> Self {
        Self { processor_us, wall_us, processor_over_1ms, wall_over_1ms }
    }
}

/// What is reported of growth in several runs.
#[derive(Copy, Clone, Default)]
pub struct Growth {
    /// The longest insertion by its fastest run, in microseconds of processor time; 0 means less than is remembered.
    pub own_us: f64,
    /// Insertions that took over a millisecond of processor time in all runs.
    pub own_over_1ms: f64,
    /// The pauses of the run whose longest was the shortest, by each clock for itself.
    pub quietest: Pauses,
}

/// The pauses of one run, and those of its operations that took [`REMEMBERED_NANOS`] or more: their numbers, from 0, and
/// microseconds.
#[derive(Default)]
pub struct Remembered {
    pauses: Pauses,
    long: HashMap<u64, f64>,
}

impl Remembered {
    /// Performs `count` operations and remembers the long ones.
    pub fn of(count: u32, mut operation: impl FnMut(u64)) -> Self {
        let mut run = Self::default();
        for number in 0..u64::from(count) {
            let took = run.pauses.time(|| operation(number));
            if took >= REMEMBERED_NANOS {
                run.long.insert(number, took as f64 / 1e3);
            }
        }
        run
    }

    /// As a list: the pauses, then numbers and microseconds in turn.
    pub fn to_list(&self) -> Vec<f64> {
        let long = self.long.iter().flat_map(|(number, micros)| [*number as f64, *micros]);
        self.pauses.to_array().into_iter().chain(long).collect()
    }

    /// From such a list.
    ///
    /// # Errors
    /// It is too short for the pauses.
    pub fn from_list(list: &[f64]) -> Result<Self, String> {
        let (pauses, long) = list.split_first_chunk().ok_or_else(|| format!("{} figures came", list.len()))?;
        let long = long.as_chunks::<2>().0.iter().map(|[number, micros]| (*number as u64, *micros)).collect();
        Ok(Self { pauses: Pauses::from_array(*pauses), long })
    }

    /// What several runs of the same operations had in common.
    pub fn in_all(runs: &[Self]) -> Growth {
        let Some((first, others)) = runs.split_first() else {
            return Growth::default();
        };
        let fastest = |(number, micros): (&u64, &f64)| {
            let other = |run: &Self| run.long.get(number).copied().unwrap_or(0.0);
            others.iter().map(other).fold(*micros, f64::min)
        };
        let own: Vec<f64> = first.long.iter().map(fastest).collect();
        let over = own.iter().filter(|micros| **micros * 1e3 > LONG_NANOS as f64).count();
        let least = |at: usize| runs.iter().map(|run| run.pauses.to_array()[at]).fold(f64::INFINITY, f64::min);
        let quietest = Pauses::from_array(std::array::from_fn(least));
        Growth { own_us: own.into_iter().fold(0.0, f64::max), own_over_1ms: over as f64, quietest }
    }
}

/// Nanoseconds that this thread has run for: time in which somebody else had the processor does not count.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_counts_if_the_same_operation_had_it_in_every_run() {
        let long = [[7.0, 9_000.0, 8.0, 400.0], [7.0, 6_000.0, 9.0, 20_000.0], [9.0, 90.0, 7.0, 7_000.0]];
        let wall = [30_000.0, 10_000.0, 20_000.0];
        let runs: Vec<Remembered> = long
            .iter()
            .zip(wall)
            .map(|(long, wall)| Remembered::from_list(&[&[9_000.0, wall, 1.0, 1.0], &long[..]].concat()).unwrap())
            .collect();
        let growth = Remembered::in_all(&runs);
        assert_eq!((growth.own_us, growth.own_over_1ms, growth.quietest.wall_us), (6_000.0, 1.0, 10_000.0));
        assert_eq!(Remembered::in_all(&runs[..0]).own_us, 0.0);
        assert_eq!(Remembered::from_list(&runs[0].to_list()).unwrap().long, runs[0].long);
        assert!(Remembered::from_list(&[1.0]).is_err());
    }
}
