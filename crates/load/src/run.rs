//! A run: the phases in their order, all lanes together in each.
//!
//! Memory before → ramp → settle → memory → hold, publish or request → drain → processor time → the outcome.

use std::time::Instant;

use crore_base::time::Duration;

use crate::crew::{ChildCommand, Crew};
use crate::error::LoadError;
use crate::latency::Latencies;
use crate::limits::{PHASE_LEAD, PROGRESS_STEP};
use crate::options::Options;
use crate::outcome::Outcome;
use crate::progress::Display;
use crate::report;
use crate::series::{Sample, Series};
use crate::server::{Server, Usage};
use crate::stamp::Stamp;
use crate::target::Kind;
use crate::wire::{Event, Failures, LaneReport, Last, Order, Progress, Ramped};

/// Runs a load to its end: blocks for as long as it takes. `command` starts further load processes where one is not enough.
///
/// # Errors
/// [`LoadError::Usage`] before anything was begun, [`LoadError::Broken`] when the run or its report broke off. What the
/// server does wrong is no error here; it stands in the [`Outcome`].
pub fn run(options: &Options, command: &ChildCommand) -> Result<Outcome, LoadError> {
    let prepared = options.prepare()?;
    let before = prepared.server.and_then(Server::usage);
    let kind = prepared.kind;
    let crew = Crew::start(prepared.plans, command)?;
    let mut run = Run {
        latest: vec![Progress::default(); crew.size()],
        crew,
        series: Series::default(),
        begun: Instant::now(),
        display: Display::new(kind, options.connections),
    };
    run.gather(|event| matches!(event, Event::Ready).then_some(()))?;
    let ramp = run.ramp()?;
    let standing = run.progress().open;
    run.display.phase("settling", None);
    let settled = prepared.server.and_then(Server::settled);
    let (hold, reports) = run.hold(options.hold, ramp.top)?;
    let after = prepared.server.and_then(Server::usage);
    let mut outcome = Measured { ramp, hold, reports, kind, standing, before, settled, after }.outcome();
    outcome.target.clone_from(&options.url);
    outcome.series = run.finish()?;
    if let Some(path) = &options.report {
        let page = report::page(&outcome, options);
        std::fs::write(path, page).map_err(|error| {
            LoadError::Broken(format!("the report could not be written to {}: {error}", path.display()))
        })?;
    }
    Ok(outcome)
}

/// A run under way.
struct Run {
    crew: Crew,
    latest: Vec<Progress>,
    series: Series,
    begun: Instant,
    display: Display,
}

/// How all lanes together got connected.
#[derive(Default)]
struct Ramp {
    /// When each connection was ready, ns after the start, ascending.
    ready_ns: Vec<u64>,
    top: Option<u64>,
}

impl Run {
    /// One answer of each lane; progress that comes meanwhile is shown and kept.
    fn gather<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> Result<Vec<T>, LoadError> {
        let mut picked: Vec<Option<T>> = (0..self.crew.size()).map(|_| None).collect();
        let mut missing = picked.len();
        while missing > 0 {
            match self.crew.next(PROGRESS_STEP)? {
                Some((lane, Event::Progress(progress))) => self.latest[lane] = progress,
                Some((lane, event)) => {
                    if let Some(answer) = pick(event) {
                        missing -= usize::from(picked[lane].is_none());
                        picked[lane] = Some(answer);
                    }
                }
                None => {}
            }
            self.sample();
        }
        Ok(picked.into_iter().flatten().collect())
    }

    fn progress(&self) -> Progress {
        self.latest.iter().fold(Progress::default(), |sum, one| Progress {
            ready: sum.ready + one.ready,
            open: sum.open + one.open,
            failed: sum.failed + one.failed,
            delivered: sum.delivered + one.delivered,
            requests: sum.requests + one.requests,
        })
    }

    fn sample(&mut self) {
        let progress = self.progress();
        let at = Duration::from(self.begun.elapsed());
        if self.series.wants(at) {
            self.series.push(Sample { at_s: at.as_secs_f64(), progress });
        }
        self.display.show(&progress);
    }

    fn ramp(&mut self) -> Result<Ramp, LoadError> {
        self.display.phase("connecting", None);
        self.crew.order(&Order::Ramp { start: Stamp::of_machine().after(PHASE_LEAD) })?;
        let ramped: Vec<Ramped> = self.gather(|event| match event {
            Event::Ramped(ramped) => Some(ramped),
            _ => None,
        })?;
        let top = ramped.iter().filter_map(|ramped| ramped.top).max();
        let mut ready_ns: Vec<u64> = ramped.into_iter().flat_map(|ramped| ramped.ready_ns).collect();
        ready_ns.sort_unstable();
        Ok(Ramp { ready_ns, top })
    }

    fn hold(&mut self, hold: Duration, top: Option<u64>) -> Result<(Stamp, Vec<LaneReport>), LoadError> {
        let start = Stamp::of_machine().after(PHASE_LEAD);
        self.display.phase("holding", Some(hold));
        self.crew.order(&Order::Hold { start, end: start.after(hold), top })?;
        let lasts = self.gather(|event| match event {
            Event::Held(held) => Some(held.last),
            _ => None,
        })?;
        let last = lasts.into_iter().fold(Last::default(), Last::max);
        self.display.phase("draining", None);
        self.crew.order(&Order::Drain { last })?;
        let reports = self.gather(|event| match event {
            Event::Done(report) => Some(*report),
            _ => None,
        })?;
        Ok((start, reports))
    }

    fn finish(mut self) -> Result<Series, LoadError> {
        self.display.phase("closing", None);
        self.crew.order(&Order::Close)?;
        self.crew.join();
        self.display.finish();
        Ok(self.series)
    }
}

/// All that was measured.
struct Measured {
    ramp: Ramp,
    /// When holding began.
    hold: Stamp,
    reports: Vec<LaneReport>,
    kind: Kind,
    /// Connections open when memory was measured.
    standing: u64,
    before: Option<Usage>,
    settled: Option<Usage>,
    after: Option<Usage>,
}

impl Measured {
    fn outcome(self) -> Outcome {
        let mut outcome = Outcome::of_ramp(&self.ramp.ready_ns);
        let (mut failures, mut latencies) = (Failures::default(), Latencies::default());
        for report in &self.reports {
            failures.merge(&report.failures);
            latencies.merge(&report.latencies);
        }
        let sum = |count: fn(&LaneReport) -> u64| self.reports.iter().map(count).sum::<u64>();
        outcome.delivered = sum(|report| report.delivered);
        outcome.lost = sum(|report| report.lost);
        outcome.duplicated = sum(|report| report.duplicated);
        outcome.reordered = sum(|report| report.reordered);
        outcome.requests = sum(|report| report.requests);
        // Somebody else may have published before we began to hold.
        let first = self.reports.iter().filter_map(|report| report.first_delivery).min();
        let begun = first.map_or(self.hold, |first| first.min(self.hold));
        let last = self.reports.iter().filter_map(|report| report.last_delivery).max();
        outcome.deliveries_per_second = per_second(outcome.delivered, begun, last);
        let answered = self.reports.iter().filter_map(|report| report.last_answer).max();
        outcome.requests_per_second = per_second(outcome.requests, self.hold, answered);
        outcome.failed = failures;
        outcome.set_latencies(&latencies);
        outcome.is_request_load = self.kind == Kind::Requests;
        if let (Some(before), Some(settled), 1..) = (self.before, self.settled, self.standing) {
            let growth = settled.bytes as f64 - before.bytes as f64;
            outcome.server_bytes_per_connection = Some(growth / self.standing as f64);
        }
        if let (Some(before), Some(after)) = (self.before, self.after) {
            outcome.server_cpu_seconds = Some(after.cpu_seconds - before.cpu_seconds);
        }
        outcome
    }
}

fn per_second(count: u64, begun: Stamp, last: Option<Stamp>) -> f64 {
    match last {
        Some(last) if count > 0 => count as f64 / crate::wire::seconds(last.since(begun)),
        _ => 0.0,
    }
}
