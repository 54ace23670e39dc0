//! One direction of a bad network: what happens to a frame between being offered and being delivered.
//!
//! Invariants: frames wait in the order in which they will be due; every frame offered, and every copy made, is
//! delivered, counted as gone, or still here.

use std::collections::VecDeque;

use crore_base::frame::{Frame, FramePool};
use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};

use crate::limits::{FAULTY_FLIPPED_BITS_MAX, FAULTY_HELD_FRAMES_MAX, FAULTY_OVERTAKEN_MAX};

use super::Faults;
use super::dice::AllDice;

const BITS: u128 = 8;
const NANOS_PER_SEC: u128 = 1_000_000_000;

/// What has happened to the frames of one direction.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct FaultCounts {
    /// Frames that came in.
    pub offered: u64,
    /// Frames that went out, copies included.
    pub delivered: u64,
    /// Frames that disappeared.
    pub lost: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Frames that others should overtake.
    pub reordered: u64,
    /// Frames with bits turned over.
    pub corrupted: u64,
    /// Frames cut.
    pub truncated: u64,
    /// Frames dropped because too many bytes waited for the rate limit, or too many frames were held.
    pub queue_full: u64,
    /// Frames on their way now.
    pub held: u64,
}

/// A frame on its way.
struct Travelling {
    due: Instant,
    overtaken_by: u32,
    frame: Frame,
}

/// A frame that waits for others to overtake it.
struct Overtaken {
    /// It goes when this many frames have been delivered since the beginning,
    after: u64,
    /// or at this time.
    until: Instant,
    frame: Frame,
}

/// One direction, see the opening comment of the file.
pub(super) struct Line {
    faults: Faults,
    dice: AllDice,
    travelling: VecDeque<Travelling>,
    overtaken: Vec<Overtaken>,
    ready: VecDeque<Frame>,
    /// When the rate limit lets the next frame leave.
    free_at: Instant,
    /// When the last frame is due; none is due before one that came earlier.
    last_due: Instant,
    /// Frames that have become ready in their order since the beginning.
    passed: u64,
    counts: FaultCounts,
}

impl Line {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            dice: AllDice::new(seed),
            travelling: VecDeque::new(),
            overtaken: Vec::new(),
            ready: VecDeque::new(),
            free_at: Instant::ZERO,
            last_due: Instant::ZERO,
            passed: 0,
            counts: FaultCounts::default(),
        }
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) fn counts(&self) -> FaultCounts {
        let counts = FaultCounts { held: self.held() as u64, ..self.counts };
        let gone = counts.delivered + counts.lost + counts.queue_full;
        assert_eq!(
            counts.offered + counts.duplicated,
            gone + counts.held,
            "frames do not vanish uncounted: {counts:?}"
        );
        counts
    }

    /// A frame comes; its fate is decided here.
    pub(super) fn offer(&mut self, mut frame: Frame, frames: &mut FramePool, now: Instant) {
        let fate = self.dice.roll(&self.faults);
        self.counts.offered += 1;
        if fate.lost {
            self.counts.lost += 1;
            frames.free(frame);
            return;
        }
        // A pool that has nothing left to give gives no copies.
        let copy = if fate.duplicated { frames.duplicate(&frame) } else { None };
        if let Some(mut throw) = fate.corruption {
            self.counts.corrupted += 1;
            corrupt(frames.bytes_mut(&mut frame), &mut throw, self.faults.flipped_bits_max);
        }
        if let Some(mut throw) = fate.truncation.filter(|_| frame.len() > 1) {
            self.counts.truncated += 1;
            frame.truncate(throw.range(1..frame.len() as u64) as usize);
        }
        self.counts.reordered += u64::from(fate.overtaken_by > 0);
        self.send_off(frame, fate.delay, fate.overtaken_by, frames, now);
        if let Some(copy) = copy {
            self.counts.duplicated += 1;
            self.send_off(copy, fate.delay, 0, frames, now);
        }
    }

    /// Appends at most `max` frames that have arrived by `now` to `into`; how many.
    pub(super) fn deliver(&mut self, now: Instant, into: &mut Vec<Frame>, max: usize) -> usize {
        while self.travelling.front().is_some_and(|next| next.due <= now) {
            let Some(Travelling { due, overtaken_by, frame }) = self.travelling.pop_front() else {
                break;
            };
            if overtaken_by > 0 {
                let after = self.passed + u64::from(overtaken_by);
                self.overtaken.push(Overtaken { after, until: due + FAULTY_OVERTAKEN_MAX, frame });
            } else {
                self.passed += 1;
                self.ready.push_back(frame);
                self.release_overtaken(now);
            }
        }
        self.release_overtaken(now);
        let count = max.min(self.ready.len());
        into.extend(self.ready.drain(..count));
        self.counts.delivered += count as u64;
        count
    }

    /// Whether frames have arrived that were not asked for.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When the next frame arrives.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let overtaken = self.overtaken.iter().map(|overtaken| overtaken.until).min();
        let travelling = self.travelling.front().map(|next| next.due);
        overtaken.into_iter().chain(travelling).min()
    }

    /// Throws away what is on its way.
    pub(super) fn clear(&mut self, frames: &mut FramePool) {
        self.counts.lost += self.held() as u64;
        self.travelling.drain(..).for_each(|travelling| frames.free(travelling.frame));
        self.overtaken.drain(..).for_each(|overtaken| frames.free(overtaken.frame));
        self.ready.drain(..).for_each(|frame| frames.free(frame));
        assert_eq!(self.held(), 0);
    }

    fn held(&self) -> usize {
        self.travelling.len() + self.overtaken.len() + self.ready.len()
    }

    /// Through the rate limit and on the way, or dropped.
    fn send_off(&mut self, frame: Frame, delay: Duration, overtaken_by: u32, frames: &mut FramePool, now: Instant) {
        let leaves = match self.faults.bits_per_second {
            0 => Some(now),
            rate => self.pass_rate_limit(frame.len(), rate, now),
        };
        let Some(leaves) = leaves.filter(|_| self.held() < FAULTY_HELD_FRAMES_MAX) else {
            self.counts.queue_full += 1;
            frames.free(frame);
            return;
        };
        let due = (leaves + delay).max(self.last_due);
        assert!(due >= now, "nothing arrives before it was sent");
        self.last_due = due;
        self.travelling.push_back(Travelling { due, overtaken_by, frame });
    }

    /// When a frame of `len` bytes has left at this rate, or `None` if too many wait before it.
    fn pass_rate_limit(&mut self, len: usize, rate: u64, now: Instant) -> Option<Instant> {
        let waiting = u128::from((self.free_at - now).as_nanos()) * u128::from(rate) / NANOS_PER_SEC / BITS;
        if waiting > u128::from(self.faults.queue_bytes_max) {
            return None;
        }
        let nanos = len as u128 * BITS * NANOS_PER_SEC / u128::from(rate);
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free_at = self.free_at.max(now) + takes;
        Some(self.free_at)
    }

    /// Makes those ready that enough frames have overtaken, or that have waited long enough.
    fn release_overtaken(&mut self, now: Instant) {
        let passed = self.passed;
        let done = |overtaken: &mut Overtaken| overtaken.after <= passed || overtaken.until <= now;
        self.ready.extend(self.overtaken.extract_if(.., done).map(|overtaken| overtaken.frame));
    }
}

/// Turns over one to [`FAULTY_FLIPPED_BITS_MAX`] different bits.
fn corrupt(bytes: &mut [u8], throw: &mut Rng, bits_max: u32) {
    let bits = bytes.len() as u64 * 8;
    let most = u64::from(bits_max.clamp(1, FAULTY_FLIPPED_BITS_MAX));
    let wanted = throw.range(1..most + 1).min(bits);
    let mut flipped: Vec<u64> = Vec::with_capacity(wanted as usize);
    while (flipped.len() as u64) < wanted {
        let bit = throw.below(bits);
        if !flipped.contains(&bit) {
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            flipped.push(bit);
        }
    }
}
