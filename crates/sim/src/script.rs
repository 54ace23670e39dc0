//! What an application does with one connection. Drawn when the connection is made, and followed to the letter.

use crore_base::random::Rng;
use crore_base::time::Duration;

use crate::family::{Families, Family};

/// How an application ends its side.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// It shuts down when all is queued, reads to the peer's end, and closes.
    Finish,
    /// It reads to the peer's end first, then writes what it has, shuts down and closes.
    Answer,
    /// It closes as soon as all is queued.
    Close,
    /// It stops reading and closes when something is unread.
    CloseUnread,
    /// It aborts after a while.
    Abort(Duration),
    /// It stays, until it is told to finish or the peer has.
    Linger,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Bytes to be written.
    pub(crate) bytes: u64,
    /// Bytes of one write at most.
    pub(crate) write_max: u64,
    /// The pause after a write; none means: as much as is taken.
    pub(crate) write_pause: Duration,
    /// Bytes read before a pause.
    pub(crate) read_max: u64,
    pub(crate) read_pause: Duration,
    /// When reading stops for a while, from the beginning on, and for how long.
    pub(crate) freeze: Option<(Duration, Duration)>,
    /// Pieces of received bytes kept instead of given back.
    pub(crate) leases: usize,
    pub(crate) ending: Ending,
}

impl Script {
    /// Draws one. `phase` is how long faults last.
    pub(crate) fn draw(rng: &mut Rng, families: Families, phase: Duration) -> Self {
        let some = |rng: &mut Rng, family| families.has(family) && rng.chance(1, 2);
        let bytes = match rng.below(8) {
            0 => 0,
            1 | 2 => rng.range(1..200),
            3..=5 => rng.range(1..20_000),
            _ => rng.range(1..120_000),
        };
        let write_max = match rng.below(5) {
            0 => rng.range(1..40),
            1 | 2 => rng.range(1..1_500),
            3 => rng.range(1..9_000),
            _ => rng.range(1..40_000),
        };
        // Many tiny writes cost time and show little.
        let bytes = bytes.min(write_max * 400);
        let slow = some(rng, Family::SlowReader);
        let micros = |rng: &mut Rng, most: u64| Duration::from_micros(rng.below(most));
        let phase_micros = phase.as_micros().max(1);
        Self {
            bytes,
            write_max,
            write_pause: if rng.chance(1, 2) { Duration::ZERO } else { micros(rng, 50_000) },
            read_max: if slow { rng.range(1..4_000) } else { u64::MAX },
            read_pause: if slow { micros(rng, 200_000) } else { Duration::ZERO },
            freeze: some(rng, Family::Freeze).then(|| (micros(rng, phase_micros / 4 + 1), micros(rng, phase_micros))),
            leases: if some(rng, Family::Leases) { rng.range(1..8) as usize } else { 0 },
            ending: Self::draw_ending(rng, families, phase_micros),
        }
    }

    fn draw_ending(rng: &mut Rng, families: Families, phase_micros: u64) -> Ending {
        if families.has(Family::Aborts) && rng.chance(1, 4) {
            return Ending::Abort(Duration::from_micros(rng.below(phase_micros / 2 + 1)));
        }
        if families.has(Family::UnreadCloses) && rng.chance(1, 4) {
            return Ending::CloseUnread;
        }
        match rng.below(10) {
            0..=3 => Ending::Finish,
            4 | 5 => Ending::Answer,
            6 => Ending::Close,
            _ => Ending::Linger,
        }
    }

    /// One that opens, carries some bytes both ways and ends in order: how a world shows that it is well again.
    pub(crate) fn fresh(rng: &mut Rng) -> Self {
        Self {
            bytes: rng.range(1..10_000),
            write_max: 5_000,
            write_pause: Duration::ZERO,
            read_max: u64::MAX,
            read_pause: Duration::ZERO,
            freeze: None,
            leases: 0,
            ending: Ending::Finish,
        }
    }
}
