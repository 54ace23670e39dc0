//! The client's side of the full load, in a runtime of one core: subscribers, a broadcast, and requests at one rate after the other.

use std::net::SocketAddr;
use std::rc::Rc;

use crore_load::{Delivered, Published, Subscribers, SubscribersPlan};
use crore_rt::spawn;
use crore_rt::time::{Duration, Instant, precise_now, sleep_until};

use super::figures::{Broadcast, Full, Pass, Shares};
use super::machine::{Memory, Processors};
use super::search::Search;
use crate::client::caller::{Caller, Target, UNANSWERED};
use crate::client::loops::{self, UNSENT};
use crate::client::questions::{Kind, Questions};
use crate::client::tally::Tally;
use crate::harness::limits::{FAILURE_KINDS_MAX, FULL_PUBLICATION_BYTES, FULL_PUBLICATION_PERIOD};
use crate::measure::tree::Tree;

/// What is to be done.
pub(super) struct Trial {
    pub(super) plan: SubscribersPlan,
    /// Where requests go.
    pub(super) application: SocketAddr,
    pub(super) server: Tree,
    /// The database, if it is a process of its own.
    pub(super) engine: Option<Tree>,
    /// The rate that is tried first, requests a second, ...
    pub(super) rate: u64,
    /// ... and how many others at most, if it is too much.
    pub(super) steps: u32,
    /// Connections that ask.
    pub(super) requesters: u64,
    /// How long each rate is asked.
    pub(super) time: Duration,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) full: Full,
    /// What failed, in words.
    pub(super) failures: Vec<String>,
    /// What failed beside the requests of the passes, and is not lost or disturbed.
    pub(super) errors: u64,
}

/// Connections that ask. Each one has a number of its own for ever, because the rows and records that it asks for are its own.
struct Requesters {
    target: Target,
    questions: Rc<Questions>,
    callers: Vec<Caller>,
    opened: u64,
}

/// Processor time so far, seconds.
#[derive(Clone, Copy)]
struct Used {
    at: Instant,
    server: f64,
    client: f64,
    database: Option<f64>,
    machine: Processors,
}

impl Findings {
    /// Something that should not have been.
    pub(super) fn fail(&mut self, what: String) {
        self.errors += 1;
        self.failures.push(what);
    }
}

impl Trial {
    /// All of it.
    ///
    /// # Errors
    /// What keeps any figures from being had: nobody is connected, or nothing can be published.
    pub(super) async fn run(self) -> Result<Findings, String> {
        let mut findings = Findings::default();
        let subscribers = Subscribers::new(self.plan.clone()).map_err(|error| error.to_string())?;
        self.hold(&subscribers, &mut findings).await?;
        broadcast(&subscribers, &mut findings).await?;
        let subscribers = Rc::new(subscribers);
        let target = Target { address: self.application, datagrams: false };
        let mut requesters = Requesters { target, questions: Rc::new(Questions::Full), callers: Vec::new(), opened: 0 };
        let mut search = Search::new(self.rate, self.steps);
        while let Some(rate) = search.next() {
            let pass = self.pass(rate, &subscribers, &mut requesters, &mut findings).await?;
            search.decide(rate, pass.too_much.is_none());
            findings.full.passes.push(pass);
        }
        conclude(&subscribers.delivered(), &mut findings);
        Ok(findings)
    }

    /// Connects the subscribers, and says what they take.
    async fn hold(&self, subscribers: &Subscribers, findings: &mut Findings) -> Result<(), String> {
        let (server_before, machine_before) = (self.server.usage().user_bytes, Memory::now().used);
        subscribers.connect().await;
        let Delivered { standing, failures, .. } = subscribers.delivered();
        if standing == 0 {
            let why: Vec<&str> = failures.iter().map(|(reason, _)| reason).collect();
            return Err(format!("nobody could subscribe: {}", why.join("; ")));
        }
        let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / standing as f64;
        findings.full.subscribers = standing;
        findings.full.server_bytes_per_subscriber = each(self.server.usage().user_bytes, server_before);
        findings.full.machine_bytes_per_subscriber = each(Memory::now().used, machine_before);
        Ok(())
    }

    /// Requests at one rate, with a publication to a group each second.
    async fn pass(
        &self,
        rate: u64,
        subscribers: &Rc<Subscribers>,
        requesters: &mut Requesters,
        findings: &mut Findings,
    ) -> Result<Pass, String> {
        if let Some(reason) = requesters.fill(self.requesters).await {
            findings.failures.push(format!("{} connections ask at {rate}/s: {reason}", requesters.callers.len()));
        }
        if requesters.callers.is_empty() {
            return Err("no connection can ask".to_owned());
        }
        let callers = std::mem::take(&mut requesters.callers);
        let before = self.used();
        let publisher = spawn(publish(Rc::clone(subscribers), precise_now() + self.time));
        let (callers, tally) = loops::paced(callers, &requesters.questions, rate, self.time).await;
        let after = self.used();
        requesters.callers = callers;
        let published = publisher.await.unwrap_or_else(|_| Err("the publisher's task panicked".to_owned()));
        match published {
            Ok(published) => subscribers.wait_for(&published).await,
            Err(problem) => findings.fail(problem),
        }
        note_failures(&tally, rate, findings);
        let mut pass = Pass {
            rate,
            requests_per_second: tally.per_second(),
            plain_ms: tally.latencies_of(Kind::Plain),
            database_ms: tally.latencies_of(Kind::Database),
            disk_ms: tally.latencies_of(Kind::Disk),
            all_ms: tally.latencies(),
            cpu_percent: shares(&before, &after),
            memory_percent: Memory::now().percent(),
            server_cpu_seconds: after.of_the_server() - before.of_the_server(),
            answers: tally.answers(),
            errors: tally.failures().map(|(_, times)| times).sum(),
            wrong: tally.failures().filter(|(reason, _)| !is_lateness(reason)).map(|(_, times)| times).sum(),
            too_much: None,
        };
        pass.judge();
        Ok(pass)
    }

    fn used(&self) -> Used {
        Used {
            at: precise_now(),
            server: self.server.cpu_seconds(),
            client: Tree::of_this_process().cpu_seconds(),
            database: self.engine.map(Tree::cpu_seconds),
            machine: Processors::now(),
        }
    }
}

impl Used {
    /// With its database.
    fn of_the_server(&self) -> f64 {
        self.server + self.database.unwrap_or(0.0)
    }
}

/// Of all processors, between two moments.
fn shares(before: &Used, after: &Used) -> Shares {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let seconds = (after.at - before.at).as_secs_f64() * processors;
    let of = |used: f64| used.max(0.0) / seconds * 100.0;
    let machine = after.machine - before.machine;
    Shares {
        server: of(after.server - before.server),
        client: of(after.client - before.client),
        database: after.database.zip(before.database).map(|(after, before)| of(after - before)),
        machine: (machine.busy_seconds / machine.all_seconds.max(f64::MIN_POSITIVE) * 100.0).min(100.0),
    }
}

impl Requesters {
    /// Opens connections until there are `count` again, or one cannot be opened, for the reason that it gives then.
    async fn fill(&mut self, count: u64) -> Option<String> {
        while (self.callers.len() as u64) < count {
            let index = self.opened;
            self.opened += 1;
            match Caller::open(self.target, index, &self.questions).await {
                Ok(caller) => self.callers.push(caller),
                Err(reason) => return Some(reason),
            }
        }
        None
    }
}

/// A publication to everybody, before anything is asked: it is a load of its own.
async fn broadcast(subscribers: &Subscribers, findings: &mut Findings) -> Result<(), String> {
    subscribers.count_from_here().await;
    let published = subscribers.publish(None, FULL_PUBLICATION_BYTES).await.map_err(|error| error.to_string())?;
    subscribers.wait_for(&[published]).await;
    let delivered = subscribers.delivered();
    let Delivered { deliveries, .. } = delivered;
    findings.full.broadcast = Broadcast { deliveries, seconds: delivered.seconds_since(&published) };
    if deliveries != findings.full.subscribers {
        findings.fail(format!("the broadcast reached {deliveries} of {} subscribers", findings.full.subscribers));
    }
    Ok(())
}

/// Publishes to one group after the other until `end`.
async fn publish(subscribers: Rc<Subscribers>, end: Instant) -> Result<Vec<Published>, String> {
    let (mut published, mut due) = (Vec::new(), precise_now());
    while due < end {
        sleep_until(due).await;
        let group = published.len() as u32 % subscribers.groups();
        let one = subscribers.publish(Some(group), FULL_PUBLICATION_BYTES).await;
        published.push(one.map_err(|error| error.to_string())?);
        due = precise_now().max(due + FULL_PUBLICATION_PERIOD);
    }
    Ok(published)
}

/// Whether a request only came too late, or its answer.
fn is_lateness(reason: &str) -> bool {
    reason == UNSENT || reason.starts_with(UNANSWERED)
}

/// What failed most at one rate.
fn note_failures(tally: &Tally, rate: u64, findings: &mut Findings) {
    let mut failures: Vec<_> = tally.failures().collect();
    failures.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let told = failures.iter().take(FAILURE_KINDS_MAX);
    findings.failures.extend(told.map(|(reason, times)| format!("at {rate}/s {times} times: {reason}")));
}

/// What became of the subscribers.
fn conclude(delivered: &Delivered, findings: &mut Findings) {
    for (reason, times) in delivered.failures.iter() {
        findings.errors += times;
        findings.failures.push(format!("{times} subscribers: {reason}"));
    }
    findings.full.subscribers = delivered.standing;
    findings.full.lost = delivered.lost;
    findings.full.disturbed = delivered.disturbed;
}
