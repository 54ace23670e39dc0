//! The phases of a run, in their order, and what each must have come to.

use std::time::Instant;

use crore_base::time::Duration;

use super::gateway::{Gateway, drain_window};
use super::meter::{Both, Meter};
use super::options::C10mOptions;
use super::outcome::C10mOutcome;
use super::pilot::{Interrupts, Pilot, report};
use super::publisher::{Beat, Publisher};
use crate::error::LoadError;
use crate::limits::{
    BROADCAST_BYTES, GROUP_MEMBERS, LEAVING_ONE_OF, MISSED_GROUPS_MAX, MISSED_PUBLICATIONS, PHASE_LEAD, STEADY_BYTES,
    STOP_DEADLINE, SWARM_QUIET, VERIFIED_ONE_OF,
};
use crate::outcome::grouped;
use crate::progress::Display;
use crate::series::{Sample, Series};
use crate::stamp::Stamp;
use crate::swarm::message::{Event, Order, PhaseReport, Reach};
use crate::wire::{Progress, seconds};

/// A run under way.
pub(super) struct Run<'a> {
    pub(super) options: &'a C10mOptions,
    pub(super) interrupts: &'a Interrupts,
    pub(super) publisher: Publisher,
    pub(super) display: Display,
    pub(super) series: Series,
    pub(super) begun: Instant,
    pub(super) latest: Progress,
    /// What was known to be wrong at the end of the last phase.
    pub(super) judged: PhaseReport,
    pub(super) outcome: C10mOutcome,
    pub(super) pilot: Pilot,
    pub(super) gateway: Gateway,
    pub(super) meter: Meter,
}

/// What a phase does.
type Body<'a> = fn(&mut Run<'a>) -> Result<PhaseReport, LoadError>;

impl Run<'_> {
    /// All phases.
    pub(super) fn all(&mut self) -> Result<(), LoadError> {
        let bodies: [Body<'_>; 7] =
            [Run::connect, Run::hold, Run::verify, Run::broadcast, Run::steady, Run::reconnect, Run::drain];
        for (name, body) in super::PHASES.into_iter().zip(bodies) {
            self.display.phase(name, None);
            let (before, begun) = (self.meter.cpu_seconds(), Instant::now());
            let report = body(self)?;
            let after = self.meter.cpu_seconds();
            let spent = Both { server: after.server - before.server, client: after.client - before.client };
            self.outcome.cpu_seconds.insert(name, spent);
            self.outcome.phase_seconds.insert(name, begun.elapsed().as_secs_f64());
            self.judge(name, report);
        }
        Ok(())
    }

    /// What is wrong that was not at the end of the last phase.
    fn judge(&mut self, phase: &str, report: PhaseReport) {
        for (reason, count) in report.failures.iter() {
            let known = self.judged.failures.iter().find(|(known, _)| *known == reason).map_or(0, |(_, known)| known);
            if count > known {
                self.outcome.object(format!("{phase}: {} failed: {reason}", grouped(count - known)));
            }
        }
        for (now, known, what) in [
            (report.skipped, self.judged.skipped, "were skipped"),
            (report.missing, self.judged.missing, "did not arrive"),
            (report.duplicated, self.judged.duplicated, "arrived again"),
            (report.reordered, self.judged.reordered, "arrived after later ones"),
        ] {
            if now > known {
                self.outcome.object(format!("{phase}: {} publications {what}", grouped(now - known)));
            }
        }
        // With those who are gone what they missed is gone, too.
        let missing = if phase == "drain" { self.judged.missing } else { report.missing };
        self.judged = PhaseReport { missing, ..report };
    }

    /// Waits for an event that is wanted.
    pub(super) fn event<T>(&mut self, pick: impl Fn(Event) -> Option<T>) -> Result<T, LoadError> {
        loop {
            if let Some(picked) = self.look()?.and_then(&pick) {
                return Ok(picked);
            }
        }
    }

    /// Takes an event if there is one soon, and sees that all is well.
    fn look(&mut self) -> Result<Option<Event>, LoadError> {
        self.interrupts.check()?;
        let latest = &mut self.latest;
        let event = self.pilot.next(|progress| *latest = progress)?;
        if event.is_none() && self.gateway.process.has_ended() && !self.outcome.phase_seconds.contains_key("reconnect")
        {
            return Err(self.gateway.process.obituary("has ended before its time"));
        }
        let at = Duration::from(self.begun.elapsed());
        if self.series.wants(at) {
            self.series.push(Sample { at_s: at.as_secs_f64(), progress: self.latest });
        }
        self.display.show(&self.latest);
        Ok(event)
    }

    /// Gives an order and waits until it has been carried out.
    fn carry_out(&mut self, order: &Order) -> Result<PhaseReport, LoadError> {
        self.pilot.order(order)?;
        self.event(report)
    }

    fn connect(&mut self) -> Result<PhaseReport, LoadError> {
        let report = self.carry_out(&Order::Connect)?;
        self.outcome.set_connects(report.standing, &report.thousands_ns);
        if report.standing == 0 {
            let why = report.failures.iter().map(|(reason, _)| reason).collect::<Vec<_>>().join("; ");
            return Err(LoadError::Broken(format!("no client could be connected: {why}")));
        }
        if report.standing < self.options.connections {
            let missing = self.options.connections - report.standing;
            self.outcome.object(format!("connect: {} clients are not connected and subscribed", grouped(missing)));
        }
        Ok(report)
    }

    fn hold(&mut self) -> Result<PhaseReport, LoadError> {
        let begun = Instant::now();
        while Duration::from(begun.elapsed()) < self.options.hold {
            self.look()?;
        }
        self.carry_out(&Order::Listen)
    }

    fn verify(&mut self) -> Result<PhaseReport, LoadError> {
        let report = self.carry_out(&Order::Verify)?;
        self.outcome.verified = report.verified;
        let expected = self.options.connections.div_ceil(u64::from(VERIFIED_ONE_OF));
        if report.verified != expected {
            let text = format!("verify: {} of {} round trips came to what they should", report.verified, expected);
            self.outcome.object(text);
        }
        Ok(report)
    }

    fn broadcast(&mut self) -> Result<PhaseReport, LoadError> {
        let standing = self.carry_out(&Order::Listen)?.standing;
        let (reach, at) = self.publisher.publish(0, BROADCAST_BYTES, self.interrupts)?;
        let report = self.carry_out(&Order::Await { reach: vec![reach] })?;
        self.outcome.broadcast_deliveries = report.deliveries;
        self.outcome.broadcast_seconds = report.last_delivery.map_or(0.0, |last| seconds(last.since(at)));
        self.outcome.broadcast_latency_ms = self.outcome.distribution(0, &report.latencies);
        if report.deliveries < standing {
            let text = format!("broadcast: {} of {} copies arrived", grouped(report.deliveries), grouped(standing));
            self.outcome.object(text);
        }
        Ok(report)
    }

    fn steady(&mut self) -> Result<PhaseReport, LoadError> {
        self.carry_out(&Order::Enlist)?;
        self.carry_out(&Order::Listen)?;
        let groups = self.options.groups();
        let members = self.options.connections.div_ceil(u64::from(groups));
        let start = Stamp::of_machine().after(PHASE_LEAD);
        let pushes = self.options.pushes_per_second();
        let beat = Beat::new(start, self.options.steady_for, pushes, members, groups, STEADY_BYTES);
        let rate = self.options.requests_per_second();
        self.pilot.order(&Order::Request { start, end: beat.end, rate })?;
        let (publisher, interrupts) = (&mut self.publisher, self.interrupts);
        let reach = publisher.steady(&beat, interrupts)?;
        self.event(report)?;
        let report = self.carry_out(&Order::Await { reach })?;
        let span = |last: Option<Stamp>| seconds(last.unwrap_or(beat.end).max(beat.end).since(start));
        self.outcome.steady_pushes_per_second = report.deliveries as f64 / span(report.last_delivery);
        self.outcome.requests_per_second = report.requests as f64 / span(report.last_answer);
        self.outcome.steady_latency_ms = self.outcome.distribution(1, &report.latencies);
        self.outcome.request_latency_ms = self.outcome.distribution(2, &report.request_latencies);
        Ok(report)
    }

    fn reconnect(&mut self) -> Result<PhaseReport, LoadError> {
        let before = self.carry_out(&Order::Listen)?;
        let gone = self.carry_out(&Order::Vanish)?;
        let expected = before.standing.min(self.options.connections.div_ceil(u64::from(LEAVING_ONE_OF)));
        if gone.away < expected {
            self.outcome.object(format!("reconnect: {} of {expected} clients went away", gone.away));
        }
        let groups = self.options.groups().min(MISSED_GROUPS_MAX);
        let mut reach: Vec<Reach> = Vec::new();
        for channel in std::iter::repeat_n(0, MISSED_PUBLICATIONS as usize).chain(1..=groups) {
            reach.push(self.publisher.publish(channel, BROADCAST_BYTES, self.interrupts)?.0);
        }
        self.carry_out(&Order::Await { reach: reach.clone() })?;
        let back = self.carry_out(&Order::Return)?;
        let report = self.carry_out(&Order::Await { reach })?;
        self.outcome.reconnected = back.standing.saturating_sub(gone.standing);
        self.outcome.reconnect_seconds = back.thousands_ns.last().map_or(0.0, |last| *last as f64 / 1e9);
        self.outcome.recovered = report.recovered;
        if self.outcome.reconnected < gone.away {
            let text = format!("reconnect: {} of {} clients came back", self.outcome.reconnected, gone.away);
            self.outcome.object(text);
        }
        let missed = self.missed(groups);
        if before.standing == self.options.connections && report.recovered < missed {
            let text = format!("reconnect: {} of {} missed publications were recovered", report.recovered, missed);
            self.outcome.object(text);
        }
        Ok(report)
    }

    /// How many publications those who are away have missed together: one of each ten is away, and groups are whole tens.
    fn missed(&self, groups: u32) -> u64 {
        let of_ten = |members: u64| members.div_ceil(u64::from(LEAVING_ONE_OF));
        let of_all = of_ten(self.options.connections) * u64::from(MISSED_PUBLICATIONS);
        of_all + of_ten(self.options.connections.min(u64::from(groups) * u64::from(GROUP_MEMBERS)))
    }

    fn drain(&mut self) -> Result<PhaseReport, LoadError> {
        let standing = self.judged.standing;
        // A client may be the last one that is told, and nothing moves for it until then.
        let within = drain_window(self.options.connections) + SWARM_QUIET;
        self.carry_out(&Order::Part)?;
        self.gateway.process.terminate();
        let report = self.carry_out(&Order::Drain { within_ms: within.as_millis() })?;
        if report.goodbyes != standing {
            let text = format!("drain: {} of {} clients were told", grouped(report.goodbyes), grouped(standing));
            self.outcome.object(text);
        }
        if !self.gateway.process.wait_for(STOP_DEADLINE) {
            self.outcome.object(format!("drain: the gateway did not end within {STOP_DEADLINE}"));
        }
        Ok(report)
    }

    /// The outcome, when all phases are over.
    pub(super) fn finish(mut self) -> C10mOutcome {
        let status = self.gateway.process.collect();
        if status.is_none_or(|status| !status.success()) {
            let how = status.map_or("without a status".to_owned(), |status| status.to_string());
            self.outcome.object(self.gateway.process.obituary(&format!("ended with {how}")).to_string());
        }
        let mut outcome = self.outcome;
        outcome.failed = self.judged.failures.total();
        outcome.failures = self.judged.failures;
        outcome.lost = self.judged.skipped + self.judged.missing;
        outcome.duplicated = self.judged.duplicated;
        outcome.reordered = self.judged.reordered;
        outcome.set_memory(self.meter.memory(), self.options.connections);
        outcome.series = self.series;
        outcome
    }
}
