//! What happens to connections, written down: ready, ended, a publication; and the sums that the coordinator asks for.

use crore_rt::net::StreamId;

use super::{Lane, Stage, bump, drain};
use crate::message::Seen;
use crate::stamp::Stamp;
use crate::target::Kind;
use crate::track::Verdict;
use crate::wire::{LaneReport, Last, Progress};

impl Lane {
    /// A connection is open and subscribed; `top` is where the channel was, if it has a log.
    pub(super) fn on_ready(&self, index: u32, stream: StreamId, top: Option<u64>) {
        let now = self.clock.now();
        {
            let place = &mut self.places.borrow_mut()[index as usize];
            assert_eq!(place.stage, Stage::Opening, "a connection gets ready once");
            place.stage = Stage::Open;
            place.stream = Some(stream);
            match (top, self.plan.target.kind) {
                (Some(top), _) => place.tracker.begin_after(top),
                (None, Kind::WebSocket) => {
                    place.by_seq = true;
                    place.tracker.begin_after(0);
                }
                // An event stream tells its position with the first event.
                (None, Kind::Events | Kind::Requests) => {}
            }
        }
        bump(&self.counts.ready);
        bump(&self.counts.open);
        self.ready_ns.borrow_mut().push(now.since(self.start.get()).as_nanos());
        self.opened();
    }

    /// A connection has ended, or never began. While closing that is as it should be.
    pub(super) fn on_end(&self, index: u32, reason: &str) {
        let before = {
            let place = &mut self.places.borrow_mut()[index as usize];
            place.stream = None;
            std::mem::replace(&mut place.stage, Stage::Failed)
        };
        assert_ne!(before, Stage::Failed, "a connection ends once");
        if !self.closing.get() {
            self.failures.borrow_mut().count(reason);
        }
        match before {
            Stage::Opening => self.opened(),
            _ => self.counts.open.set(self.counts.open.get() - 1),
        }
    }

    /// One connection less is opening.
    fn opened(&self) {
        let opening = self.opening.get().checked_sub(1).expect("each connection is counted once");
        self.opening.set(opening);
        if opening == 0 {
            self.settled.notify();
        }
    }

    /// A publication has reached a connection.
    pub(super) fn on_publication(&self, index: u32, seen: Seen, now: Stamp) {
        let ours = seen.mark.filter(|mark| mark.run == self.plan.run);
        let verdict = {
            let place = &mut self.places.borrow_mut()[index as usize];
            // Without an offset only our own numbers can be checked.
            let number = if place.by_seq { ours.map(|mark| mark.seq) } else { seen.offset };
            number.map_or(Verdict::New, |number| place.tracker.see(number))
        };
        match verdict {
            Verdict::Duplicate => return bump(&self.counts.duplicated),
            Verdict::Late => bump(&self.counts.reordered),
            Verdict::New => {}
        }
        bump(&self.counts.delivered);
        self.counts.first_delivery.set(self.counts.first_delivery.get().or(Some(now)));
        self.counts.last_delivery.set(Some(now));
        if let Some(mark) = ours {
            self.latencies.borrow_mut().record(now.since(mark.at));
        }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            ready: self.counts.ready.get(),
            open: self.counts.open.get(),
            failed: self.failures.borrow().total(),
            delivered: self.counts.delivered.get(),
            requests: self.counts.requests.get(),
        }
    }

    /// The highest offset that anybody has seen.
    pub(super) fn seen(&self) -> Last {
        let places = self.places.borrow();
        let offsets = places.iter().filter(|place| !place.by_seq).filter_map(|place| place.tracker.highest());
        Last { offset: offsets.max(), seq: None }
    }

    pub(super) fn report(&self, last: Last) -> LaneReport {
        LaneReport {
            failures: self.failures.borrow().clone(),
            delivered: self.counts.delivered.get(),
            lost: self.places.borrow().iter().map(|place| drain::lost(place, last)).sum(),
            duplicated: self.counts.duplicated.get(),
            reordered: self.counts.reordered.get(),
            requests: self.counts.requests.get(),
            latencies: self.latencies.borrow().buckets(),
            first_delivery: self.counts.first_delivery.get(),
            last_delivery: self.counts.last_delivery.get(),
            last_answer: self.counts.last_answer.get(),
        }
    }
}
