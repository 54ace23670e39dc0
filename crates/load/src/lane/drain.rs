//! The end of a run: until everybody has what was published, and the goodbye.

use crore_base::time::Duration;
use crore_rt::time::sleep;

use super::{Lane, Place, Stage};
use crate::limits::{CLOSE_DEADLINE, DRAIN_MAX, DRAIN_QUIET, DRAIN_STEP};
use crate::target::Kind;
use crate::wire::Last;

impl Place {
    fn target(&self, last: Last) -> Option<u64> {
        if self.by_seq { last.seq } else { last.offset }
    }

    fn has_caught_up(&self, last: Last) -> bool {
        if self.stage != Stage::Open {
            return true;
        }
        match (self.tracker.highest(), self.target(last)) {
            (_, None) => true,
            (highest, Some(target)) => highest.is_some_and(|highest| highest >= target),
        }
    }
}

/// Publications that a connection should have got and has not. Of one that failed only those before its end count: the
/// rest is what its failure means.
pub(super) fn lost(place: &Place, last: Last) -> u64 {
    match (place.stage, place.tracker.highest()) {
        (Stage::Open, Some(_)) => place.tracker.lost(place.target(last)),
        // It has seen nothing and its position was never known, so all of ours are missing.
        (Stage::Open, None) => last.seq.unwrap_or(0),
        _ => place.tracker.lost(None),
    }
}

/// Waits until all open connections have seen the last publication, or nothing comes any more.
pub(super) async fn wait(lane: &Lane, last: Last) {
    let begun = lane.clock.now();
    loop {
        if lane.places.borrow().iter().all(|place| place.has_caught_up(last)) {
            return;
        }
        let now = lane.clock.now();
        let latest = lane.counts.last_delivery.get().map_or(begun, |latest| latest.max(begun));
        if now.since(latest) > DRAIN_QUIET || now.since(begun) > DRAIN_MAX {
            return;
        }
        sleep(DRAIN_STEP).await;
    }
}

/// Ends all connections as each kind does it: a WebSocket says so and waits for the answer, so that the server ends
/// first and the ports of this side are free at once.
pub(super) async fn close(lane: &Lane) {
    lane.closing.set(true);
    let says_goodbye = lane.plan.target.kind == Kind::WebSocket;
    for place in lane.places.borrow().iter() {
        match place.stream {
            // A stream that takes no more bytes is ending anyway.
            Some(stream) if says_goodbye => drop(stream.send(lane.shared.close.clone())),
            Some(stream) => stream.abort(),
            None => {}
        }
    }
    let mut left = CLOSE_DEADLINE;
    while says_goodbye && left > Duration::ZERO && lane.counts.open.get() > 0 {
        sleep(DRAIN_STEP).await;
        left -= DRAIN_STEP;
    }
}
