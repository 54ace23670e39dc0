//! What happens to one frame, decided when it comes.

use crore_base::random::Rng;
use crore_base::time::Duration;

use super::{Chance, Faults};

/// One fault's dice: each frame takes exactly one number from them, so that a fault's decisions depend on its seed and
/// on the number of the frame only, not on what else happens to it.
struct Dice(Rng);

impl Dice {
    /// The throw for the next frame, or `None` if the fault does not happen to it.
    fn roll(&mut self, chance: Chance) -> Option<Rng> {
        let mut throw = Rng::from_seed(self.0.next_u64());
        if throw.chance(u64::from(chance.parts_per_million()), 1_000_000) { Some(throw) } else { None }
    }
}

/// The dice of one direction.
pub(super) struct AllDice {
    loss: Dice,
    duplication: Dice,
    reordering: Dice,
    corruption: Dice,
    truncation: Dice,
    jitter: Dice,
}

/// What happens to one frame.
pub(super) struct Fate {
    pub(super) lost: bool,
    pub(super) duplicated: bool,
    /// How many frames overtake it.
    pub(super) overtaken_by: u32,
    /// Where to turn bits over.
    pub(super) corruption: Option<Rng>,
    /// Where to cut.
    pub(super) truncation: Option<Rng>,
    /// Delay and jitter.
    pub(super) delay: Duration,
}

impl AllDice {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let mut dice = || Dice(rng.fork());
        Self {
            loss: dice(),
            duplication: dice(),
            reordering: dice(),
            corruption: dice(),
            truncation: dice(),
            jitter: dice(),
        }
    }

    /// Decides about the next frame.
    pub(super) fn roll(&mut self, faults: &Faults) -> Fate {
        let overtaken_by = |mut throw: Rng| match faults.overtaken_by_max {
            0 => 0,
            max => throw.range(1..u64::from(max) + 1) as u32,
        };
        let jitter = |mut throw: Rng| Duration::from_nanos(throw.below(faults.jitter.as_nanos().saturating_add(1)));
        let fate = Fate {
            lost: self.loss.roll(faults.loss).is_some(),
            duplicated: self.duplication.roll(faults.duplication).is_some(),
            overtaken_by: self.reordering.roll(faults.reordering).map_or(0, overtaken_by),
            corruption: self.corruption.roll(faults.corruption),
            truncation: self.truncation.roll(faults.truncation),
            delay: faults.delay + self.jitter.roll(Chance::ALWAYS).map_or(Duration::ZERO, jitter),
        };
        assert!(fate.overtaken_by <= faults.overtaken_by_max);
        fate
    }
}
