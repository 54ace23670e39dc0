//! The smoothed round-trip time of a connection, and the retransmission timeout that follows from it (RFC 6298).
//!
//! It does not know which acknowledgments may be timed: by Karn's rule a retransmitted segment gives a sample only with
//! timestamps, and that is the caller's to see. It does not keep the timer or its back-off either; [`backed_off`] computes
//! it from the number of timeouts in a row.
//!
//! Invariant: `srtt` is zero exactly while there is no sample; `rttvar` is then zero, or [`SYN_WAS_LOST`].

use crore_base::time::Duration;
use zerocopy::FromZeros;

/// The granularity of the retransmission timers, G in RFC 6298.
const CLOCK_TICK: Duration = Duration::from_millis(1);

/// The timeout of a connection without a sample: one second (RFC 6298 section 2.1).
const RTO_INITIAL: Duration = Duration::from_secs(1);

/// The timeout with which data starts if the timeout of a SYN was too short and nothing was measured since (RFC 6298
/// section 5.7).
const RTO_AFTER_LOST_SYN: Duration = Duration::from_secs(3);

/// Nanoseconds of the unit in which estimates are kept. An eighth of a microsecond is fine enough for the weights of RFC
/// 6298, and 32 bits of it reach to 536 s, beyond any timeout.
const UNIT_NANOS: u64 = 125;

/// Acknowledgments of one window that share the weight of a sample at most. More would take forever to learn anything.
const SAMPLES_PER_WINDOW_MAX: u32 = 1 << 10;

/// `rttvar` of a connection that has no sample and whose SYN was lost.
const SYN_WAS_LOST: u32 = 1;

/// The bounds of a retransmission timeout.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct RtoBounds {
    /// Without a sample.
    pub(crate) initial: Duration,
    /// Never less, however short the round trips are. RFC 6298 section 2.4 asks for 1 s; like Linux we take 200 ms, which
    /// still leaves room for a peer that delays its acknowledgments.
    pub(crate) min: Duration,
    /// Never more, however often it backed off; at least 60 s (RFC 6298 section 2.5).
    pub(crate) max: Duration,
}

impl Default for RtoBounds {
    fn default() -> Self {
        Self { initial: RTO_INITIAL, min: Duration::from_millis(200), max: Duration::from_secs(60) }
    }
}

/// What is known about the round-trip time of one connection. All zero bytes: nothing.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, FromZeros)]
#[repr(C)]
pub(crate) struct RttEstimate {
    /// The smoothed round-trip time in units of [`UNIT_NANOS`]; zero without a sample.
    srtt: u32,
    /// Its mean deviation, in the same units.
    rttvar: u32,
}

const _: () = assert!(size_of::<RttEstimate>() == 8, "the estimate is a part of every control block");

impl RttEstimate {
    /// Takes a measured round trip into account. More than 536 s counts as that.
    #[inline]
    pub(crate) fn sample(&mut self, rtt: Duration) {
        self.sample_of(rtt, 1);
    }

    /// As [`sample`](Self::sample), for a sender that times every acknowledgment: `samples` of them are expected in one
    /// round trip, so each counts for so much less (RFC 7323 appendix G). It is about the flight divided by two segments.
    #[inline]
    pub(crate) fn sample_of(&mut self, rtt: Duration, samples: u32) {
        let rtt = (rtt.as_nanos() / UNIT_NANOS).clamp(1, u64::from(u32::MAX)) as u32;
        let samples = samples.clamp(1, SAMPLES_PER_WINDOW_MAX);
        // RFC 6298 ESTIMATOR: a first sample stands for itself, later ones move the variation by a quarter and then the
        // mean by an eighth.
        if self.srtt == 0 {
            *self = Self { srtt: rtt, rttvar: rtt / 2 };
        } else {
            self.rttvar = approach(self.rttvar, self.srtt.abs_diff(rtt), 4 * samples);
            self.srtt = approach(self.srtt, rtt, 8 * samples);
        }
        assert!(self.srtt > 0, "whoever has a sample remembers it");
    }

    /// The timer of a SYN or SYN-ACK expired: without a sample, data starts with a timeout of three seconds.
    pub(crate) fn syn_was_lost(&mut self) {
        if self.srtt == 0 {
            self.rttvar = SYN_WAS_LOST;
        }
    }

    /// The smoothed round-trip time, `None` without a sample.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        (self.srtt > 0).then(|| nanos(u64::from(self.srtt)))
    }

    /// The mean deviation of the round-trip time, `None` without a sample.
    pub(crate) fn variation(&self) -> Option<Duration> {
        (self.srtt > 0).then(|| nanos(u64::from(self.rttvar)))
    }

    /// The retransmission timeout, not backed off.
    #[inline]
    pub(crate) fn rto(&self, bounds: &RtoBounds) -> Duration {
        assert!(bounds.min <= bounds.max, "{} to {} is no range of timeouts", bounds.min, bounds.max);
        // RFC 6298 INITIAL: one second as long as nothing was measured, three if that was too short for the SYN.
        let rto = match (self.srtt, self.rttvar) {
            (0, SYN_WAS_LOST) => bounds.initial.max(RTO_AFTER_LOST_SYN),
            (0, _) => bounds.initial,
            // RFC 6298 ESTIMATOR: the mean, and four deviations or a tick of the clock.
            (srtt, rttvar) => nanos(u64::from(srtt)) + nanos(4 * u64::from(rttvar)).max(CLOCK_TICK),
        };
        // RFC 6298 BOUNDS: a floor, and a ceiling.
        rto.clamp(bounds.min, bounds.max)
    }
}

/// The timeout after `times` timeouts in a row: doubled by each, at most `max`.
#[inline]
pub(crate) fn backed_off(rto: Duration, times: u8, max: Duration) -> Duration {
    // RFC 6298 BACKOFF: exponential, which is also RFC 9293 MUST-19. Beyond 63 doublings everything is too long.
    (rto * (1 << times.min(63))).min(max)
}

/// `from`, moved by one part in `parts` of the way towards `to`, rounded to the nearest.
#[inline]
fn approach(from: u32, to: u32, parts: u32) -> u32 {
    let (from, to, parts) = (u64::from(from), u64::from(to), u64::from(parts));
    debug_assert!(parts > 1, "one sample is never everything");
    let sum = from * (parts - 1) + to + parts / 2;
    // One sample a round trip, as at rest and for requests and responses, moves by a power of two: no division.
    if parts.is_power_of_two() { (sum >> parts.trailing_zeros()) as u32 } else { (sum / parts) as u32 }
}

#[inline]
fn nanos(units: u64) -> Duration {
    Duration::from_nanos(units * UNIT_NANOS)
}

#[cfg(test)]
mod tests;
