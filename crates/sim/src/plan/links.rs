//! What a seed decides about the network.

use crore_base::random::Rng;
use crore_base::time::Duration;

use crate::family::{Families, Family};
use crate::plan::{dice, one_up_to};

/// Out of how many frames the rates are counted.
pub(crate) const RATE_BASE: u64 = 10_000;

/// A time in which a direction is silent. Times count from the beginning.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Cut {
    /// The sending host; all if `None`.
    pub(crate) from: Option<usize>,
    /// The receiving host; all if `None`.
    pub(crate) to: Option<usize>,
    pub(crate) start: Duration,
    pub(crate) end: Duration,
}

/// See the module. Rates are frames in [`RATE_BASE`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkPlan {
    pub(crate) delay: Duration,
    /// Up to this is added to the delay of each frame.
    pub(crate) jitter: Duration,
    pub(crate) loss: u64,
    pub(crate) duplicate: u64,
    pub(crate) reorder: u64,
    /// By how much a frame that is overtaken comes later, at most.
    pub(crate) reorder_by: Duration,
    pub(crate) flip: u64,
    pub(crate) truncate: u64,
    pub(crate) pad: u64,
    pub(crate) cuts: Vec<Cut>,
    /// Frames larger than this vanish, from when to when.
    pub(crate) black_hole: Option<(usize, Duration, Duration)>,
}

impl LinkPlan {
    pub(super) fn draw(seed: u64, families: Families, faults_last: Duration, hosts: usize) -> Self {
        let rate = |family: Family, most: u64| {
            let mut rng = dice(seed, family.name());
            if families.has(family) { rng.range(1..most) } else { 0 }
        };
        let mut rng = dice(seed, "link");
        let short = Duration::from_micros(rng.range(1..2_000));
        let mut rng = dice(seed, "delay");
        let long = Duration::from_micros(rng.below(400_000));
        let jitter = Duration::from_micros(one_up_to(&mut rng, &[1_000, 50_000, 2_000_000]));
        let delayed = families.has(Family::Delay);
        let mut rng = dice(seed, "reordering window");
        let reorder_by = Duration::from_micros(10 + one_up_to(&mut rng, &[1_000, 100_000]));
        let mut cuts = partitions(seed, families, faults_last, hosts);
        cuts.extend(flaps(seed, families, faults_last));
        Self {
            delay: if delayed { short + long } else { short },
            jitter: if delayed { jitter } else { Duration::ZERO },
            loss: rate(Family::Loss, RATE_BASE * 30 / 100),
            duplicate: rate(Family::Duplication, RATE_BASE / 2),
            reorder: rate(Family::Reordering, RATE_BASE / 2),
            reorder_by,
            flip: rate(Family::Flips, RATE_BASE / 50),
            truncate: rate(Family::Truncation, RATE_BASE / 50),
            pad: rate(Family::Padding, RATE_BASE),
            cuts,
            black_hole: black_hole(seed, families, faults_last),
        }
    }

    /// The same network, healed: a short delay and nothing else.
    pub(crate) fn healed(&self) -> Self {
        Self { delay: self.delay.min(Duration::from_millis(2)), ..Self::default() }
    }
}

fn within(rng: &mut Rng, whole: Duration) -> Duration {
    whole * rng.below(1_000) / 1_000
}

fn partitions(seed: u64, families: Families, faults_last: Duration, hosts: usize) -> Vec<Cut> {
    let mut rng = dice(seed, "partition");
    let count = if families.has(Family::Partition) { rng.range(1..4) } else { 0 };
    let host = |rng: &mut Rng| rng.chance(1, 2).then(|| rng.below(hosts as u64) as usize);
    (0..count)
        .map(|_| {
            let start = within(&mut rng, faults_last);
            let end = start + within(&mut rng, faults_last / 2);
            Cut { from: host(&mut rng), to: host(&mut rng), start, end }
        })
        .collect()
}

fn flaps(seed: u64, families: Families, faults_last: Duration) -> Vec<Cut> {
    let mut rng = dice(seed, "flap");
    let count = if families.has(Family::Flap) { rng.range(1..20) } else { 0 };
    let period = faults_last / (count + 1);
    let down = within(&mut rng, period);
    let starts = (0..count).map(|n| period * (n + 1));
    starts.map(|start| Cut { from: None, to: None, start, end: start + down }).collect()
}

fn black_hole(seed: u64, families: Families, faults_last: Duration) -> Option<(usize, Duration, Duration)> {
    let mut rng = dice(seed, "black hole");
    let start = within(&mut rng, faults_last);
    let end = start + within(&mut rng, faults_last);
    families.has(Family::BlackHole).then_some((rng.range(100..1_400) as usize, start, end))
}
