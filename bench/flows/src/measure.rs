//! What one structure costs at one size: it grows to that size, is looked up in, and then lives on while connections come
//! and go.

use std::hint::black_box;
use std::time::Instant;

use crore_base::random::Rng;

use crate::keys::{Key, Record};
use crate::memory;
use crate::pauses::Pauses;
use crate::subjects::{BURST, Subject};

/// Operations that are timed together: many more than reading the clock costs, few enough for a median.
const BATCH: u64 = 512;
/// Times that memory is looked at while the structure grows.
const LOOKS: u64 = 200;
/// Keys from here on are nobody's.
const STRANGERS: u64 = 1 << 40;

/// What is reported: nanoseconds an operation (medians over batches), microseconds, bytes a key,
/// and pauses.
#[derive(Copy, Clone, Default)]
pub struct Figures {
    /// A key computed and not looked up: what every lookup below includes.
    pub key: f64,
    /// A key that is there, each lookup after the last, with its record read.
    pub hit: f64,
    /// A key that is not there.
    pub miss: f64,
    /// A hit in a burst walked in stages; 0 if the structure knows none.
    pub burst_hit: f64,
    /// A miss in such a burst.
    pub burst_miss: f64,
    /// One removal of the oldest and one insertion.
    pub churn: f64,
    /// A hit after the churn.
    pub late_hit: f64,
    /// Resident bytes a key, at full size.
    pub bytes: f64,
    /// The most resident bytes a key at any moment from a tenth of the size on, that of growing included.
    pub worst_bytes: f64,
    /// Per cent of its memory that is on huge pages when it is looked up in.
    pub huge_percent: f64,
    /// Single insertions while growing.
    pub grow: Pauses,
    /// Single removals and insertions under churn.
    pub replace: Pauses,
}

impl Figures {
    /// As a list, in the order above.
    pub fn to_array(self) -> [f64; 18] {
        let Self { key, hit, miss, burst_hit, burst_miss, churn, late_hit, bytes, worst_bytes, .. } = self;
        let Self { huge_percent: huge, grow, replace, .. } = self;
        let costs = [key, hit, miss, burst_hit, burst_miss, churn, late_hit, bytes, worst_bytes, huge];
        let mut list = [0.0; 18];
        let pauses = [grow, replace].into_iter().flat_map(Pauses::to_array);
        list.iter_mut().zip(costs.into_iter().chain(pauses)).for_each(|(place, number)| *place = number);
        list
    }

    /// From such a list.
    ///
    /// # Errors
    /// It has another length.
    pub fn from_list(list: &[f64]) -> Result<Self, String> {
        let list: [f64; 18] = list.try_into().map_err(|_| format!("{} figures came instead of 18", list.len()))?;
        let [key, hit, miss, burst_hit, burst_miss, churn, late_hit, bytes, worst_bytes, huge_percent, pauses @ ..] =
            list;
        let [g0, g1, g2, g3, replace @ ..] = pauses;
        let (grow, replace) = (Pauses::from_array([g0, g1, g2, g3]), Pauses::from_array(replace));
        let memory = Self { bytes, worst_bytes, huge_percent, grow, replace, ..Self::default() };
        Ok(Self { key, hit, miss, burst_hit, burst_miss, churn, late_hit, ..memory })
    }

    /// Their names in reports.
    pub const NAMES: [&str; 18] = [
        "key_ns",
        "hit_ns",
        "miss_ns",
        "burst_hit_ns",
        "burst_miss_ns",
        "churn_ns",
        "late_hit_ns",
        "bytes",
        "worst_bytes",
        "huge_percent",
        "grow_pause_us",
        "grow_wall_us",
        "grow_over_1ms",
        "grow_wall_over_1ms",
        "churn_pause_us",
        "churn_wall_us",
        "churn_over_1ms",
        "churn_wall_over_1ms",
    ];
}

/// A structure with the records of its keys. Alive are the clients `oldest..oldest + count`; client `c` has record
/// `c % count`.
struct Run<'a, S> {
    subject: &'a mut S,
    records: &'a mut [Record],
    count: u64,
    oldest: u64,
    rng: Rng,
}

/// Measures one structure, empty as it comes. `records` must be written already, so that growing is the structure's alone.
pub fn run(subject: &mut impl Subject, records: &mut [Record]) -> Figures {
    let count = records.len() as u64;
    let mut run = Run { subject, records, count, oldest: 0, rng: Rng::from_seed(1) };
    let mut figures = Figures::default();
    run.grow(&mut figures);
    let operations = (count * 4).clamp(400_000, 2_000_000);
    run.hits(operations);
    figures.key = run.keys(operations);
    figures.hit = run.hits(operations);
    figures.miss = run.misses(operations);
    figures.burst_hit = run.bursts(operations, 0);
    figures.burst_miss = run.bursts(operations, STRANGERS);
    figures.churn = run.churn(operations);
    figures.replace = run.churn_pauses(operations);
    figures.late_hit = run.hits(operations);
    figures
}

impl<S: Subject> Run<'_, S> {
    fn grow(&mut self, figures: &mut Figures) {
        let (before, before_huge) = (memory::resident(), memory::huge());
        let step = (self.count / LOOKS).max(1);
        for number in 0..self.count {
            if number.is_multiple_of(step) {
                memory::forget_peak();
            }
            let key = Key::of(number);
            figures.grow.time(|| self.subject.insert(&key, number as u32));
            if (number + 1).is_multiple_of(step) && number >= self.count / 10 {
                let peak = memory::peak().saturating_sub(before) as f64;
                figures.worst_bytes = figures.worst_bytes.max(peak / (number + 1) as f64);
            }
        }
        figures.bytes = memory::resident().saturating_sub(before) as f64 / self.count as f64;
        figures.huge_percent = memory::huge_percent((before, before_huge));
    }

    fn keys(&mut self, operations: u64) -> f64 {
        let (oldest, count) = (self.oldest, self.count);
        let mut rng = self.rng.fork();
        median(operations, || {
            black_box(Key::of(oldest + rng.below(count)));
        })
    }

    fn hits(&mut self, operations: u64) -> f64 {
        let mut rng = self.rng.fork();
        let mut zero = 0;
        median(operations, || {
            let key = Key::of(self.oldest + rng.below(self.count) + u64::from(zero));
            let (_, next) = self.subject.find(&key, self.records).expect("a living client is found");
            zero = black_box(next);
        })
    }

    fn misses(&mut self, operations: u64) -> f64 {
        let mut rng = self.rng.fork();
        median(operations, || {
            let key = Key::of(STRANGERS + rng.below(self.count));
            assert!(self.subject.find(&key, self.records).is_none(), "a stranger is not found");
        })
    }

    fn bursts(&mut self, operations: u64, offset: u64) -> f64 {
        let mut rng = self.rng.fork();
        let expected = if offset == 0 { BURST as u32 } else { 0 };
        let mut knows_stages = true;
        let nanos = median(operations / BURST as u64, || {
            let keys = std::array::from_fn(|_| Key::of(offset + self.oldest + rng.below(self.count)));
            match self.subject.find_burst(&keys, self.records) {
                Some(found) => assert_eq!(found, expected),
                None => knows_stages = false,
            }
        });
        if knows_stages { nanos / BURST as f64 } else { 0.0 }
    }

    fn churn(&mut self, operations: u64) -> f64 {
        median(operations, || {
            self.leave();
            self.join();
        })
    }

    fn churn_pauses(&mut self, operations: u64) -> Pauses {
        let mut pauses = Pauses::default();
        for _ in 0..operations {
            pauses.time(|| self.leave());
            pauses.time(|| self.join());
        }
        pauses
    }

    /// The oldest client goes.
    fn leave(&mut self) {
        let index = (self.oldest % self.count) as u32;
        assert!(self.subject.remove(&Key::of(self.oldest), index), "the oldest client was there");
    }

    /// A new one comes and takes over the record of the one that has gone.
    fn join(&mut self) {
        let (key, index) = (Key::of(self.oldest + self.count), self.oldest % self.count);
        self.records[index as usize] = Record::of(key);
        self.subject.insert(&key, index as u32);
        self.oldest += 1;
    }
}

/// The median over batches of the mean nanoseconds of an operation.
fn median(operations: u64, mut operation: impl FnMut()) -> f64 {
    let batches = operations.div_ceil(BATCH).max(1);
    let mut means: Vec<f64> = Vec::with_capacity(batches as usize);
    for _ in 0..batches {
        let start = Instant::now();
        (0..BATCH).for_each(|_| operation());
        means.push(start.elapsed().as_nanos() as f64 / BATCH as f64);
    }
    means.sort_by(f64::total_cmp);
    means[means.len() / 2]
}
