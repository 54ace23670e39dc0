//! The open-loop schedule: the moment of each event is fixed beforehand, whatever became of those before it.
//!
//! Waiting for an answer and then for the rest of a period would hide every stall of the server from the latencies
//! ("coordinated omission"). So moments are computed from the number of the event, and what is late stays late.

use crore_base::time::Duration;

use crate::stamp::Stamp;

/// How late the runtime's timer may wake us without anybody's fault: one tick.
const TICK: Duration = crore_rt::limits::TIMER_TICK;

/// A schedule of `rate` events a second over all lanes, of which this one has every `stride`-th.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    start: Stamp,
    rate: u64,
    first: u64,
    stride: u64,
}

impl Pace {
    /// The part of lane `lane` of `lanes`.
    pub(crate) fn new(start: Stamp, rate: u64, lane: u32, lanes: u32) -> Pace {
        assert!(rate > 0, "a schedule without a rate has no moments");
        assert!(lane < lanes, "lane {lane} of {lanes}: lanes are counted from 0");
        Pace { start, rate, first: u64::from(lane), stride: u64::from(lanes) }
    }

    /// When this lane's event number `index`, counted from 0, is due.
    pub(crate) fn moment(self, index: u64) -> Stamp {
        let event = u128::from(self.first) + u128::from(index) * u128::from(self.stride);
        let nanos = event * 1_000_000_000 / u128::from(self.rate);
        Stamp(self.start.0.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// How many of this lane's events are due before `end`.
    pub(crate) fn count_until(self, end: Stamp) -> u64 {
        let span = u128::from(end.since(self.start).as_nanos());
        // Event e is due before the end if floor(e * 10^9 / rate) < span.
        let events = (span * u128::from(self.rate)).div_ceil(1_000_000_000);
        let mine = events.saturating_sub(u128::from(self.first)).div_ceil(u128::from(self.stride));
        u64::try_from(mine).unwrap_or(u64::MAX)
    }
}

/// From when the latency of an event counts that was due at `due` and is begun `now`: from its moment, but for the one
/// tick by which our own timer may have woken us too late.
pub(crate) fn counted_from(due: Stamp, now: Stamp) -> Stamp {
    now.min(due.after(TICK)).max(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_share_one_schedule_without_overlap() {
        let start = Stamp(1_000);
        let whole = Pace::new(start, 3_000, 0, 1);
        for index in 0..1_000 {
            let lane = u32::try_from(index % 3).unwrap();
            assert_eq!(Pace::new(start, 3_000, lane, 3).moment(index / 3), whole.moment(index));
        }
        assert_eq!(whole.moment(3_000), start.after(Duration::from_secs(1)));
    }

    #[test]
    fn the_number_of_events_before_an_end_agrees_with_their_moments() {
        let start = Stamp(12_345);
        for (rate, lanes, millis) in [(1, 1, 0), (1, 1, 1), (3_000, 3, 77), (7, 2, 10_000), (999_999, 4, 13)] {
            let end = start.after(Duration::from_millis(millis));
            for lane in 0..lanes {
                let pace = Pace::new(start, rate, lane, lanes);
                let count = pace.count_until(end);
                assert!(count == 0 || pace.moment(count - 1) < end);
                assert!(pace.moment(count) >= end);
            }
        }
    }

    #[test]
    fn a_late_event_counts_from_its_moment_but_for_one_tick() {
        let due = Stamp(5_000_000);
        assert_eq!(counted_from(due, Stamp(5_300_000)), Stamp(5_300_000));
        assert_eq!(counted_from(due, Stamp(95_000_000)), due.after(TICK));
        assert_eq!(counted_from(due, due), due);
    }
}
