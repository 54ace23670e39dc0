//! A world from its beginning to its end: which event comes next, and what must be true when.

mod phases;
mod seen;

use crore_base::time::{Duration, Instant};

use crate::Check;
use crate::capture::Capture;
use crate::family::{Families, Family};
use crate::host::Host;
use crate::ledger::{Allowed, Ledger};
use crate::limits::{ISN_TICK, TURNS_MAX, WRAP_MARGIN_BYTES};
use crate::network::Network;
use crate::plan::{Plan, dice};
use crate::tap::Tap;

pub use seen::Seen;

/// A part in the life of a world.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Everything happens that the plan has.
    Faults,
    /// Nothing goes wrong any more: what was begun comes through, and then there is silence.
    Settle,
    /// Everybody finishes.
    Finish,
    /// Nobody holds a connection; what is remembered of them must fade.
    Drain,
}

/// What hosts share with their world.
pub(crate) struct Shared {
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    pub(crate) phase_began: Instant,
    pub(crate) families: Families,
    pub(crate) ledger: Ledger,
    pub(crate) tap: Tap,
    /// Frames that a host has sent in its turn: when they are on the wire, from whom, and their bytes.
    pub(crate) outbox: Vec<(Instant, usize, Vec<u8>)>,
    pub(crate) capture: Option<Capture>,
    pub(crate) seen: Seen,
}

/// Something that must hold and did not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// How long the world had lasted.
    pub age: Duration,
    /// In which part of its life it was.
    pub phase: &'static str,
    /// What did not hold.
    pub what: String,
}

/// See the module.
pub struct World {
    plan: Plan,
    shared: Shared,
    network: Network,
    hosts: Vec<Host>,
}

impl World {
    /// The world of a plan, at its beginning.
    ///
    /// # Errors
    /// A plan that cannot be.
    pub fn new(mut plan: Plan, capture: bool) -> Result<Self, String> {
        if plan.has(Family::Wrap) {
            plan.start += Self::build(plan.clone(), false)?.time_to_wrap();
        }
        Self::build(plan, capture)
    }

    fn build(plan: Plan, capture: bool) -> Result<Self, String> {
        let hosts = (0..plan.hosts.len()).map(|host| Host::new(&plan, host, host == 0));
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        let shared = Shared {
            now: plan.start,
            phase: Phase::Faults,
            phase_began: plan.start,
            families: plan.families,
            ledger: Ledger::new(allowed(&plan)),
            tap: Tap::new(&plan),
            outbox: Vec::new(),
            capture: capture.then(Capture::default),
            seen: Seen::default(),
        };
        Ok(Self { network: Network::new(&plan), hosts, shared, plan })
    }

    /// How much later the world would have to begin for the first sequence number in it to be just before zero: initial
    /// numbers follow the clock (RFC 9293 section 3.4.1), and nothing else that comes before depends on when it begins.
    fn time_to_wrap(mut self) -> Duration {
        let end = self.shared.now + self.plan.faults_last;
        while self.shared.tap.first_number.is_none() && self.shared.now < end {
            if self.step(end).is_err() {
                break;
            }
        }
        let Some(first) = self.shared.tap.first_number else { return Duration::ZERO };
        let margin = dice(self.plan.seed, "wrap").below(WRAP_MARGIN_BYTES) as u32;
        let missing = 0_u32.wrapping_sub(first.0).wrapping_sub(margin);
        ISN_TICK * u64::from(missing)
    }

    /// Lives to the end. Returns what happened on the way.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn run(&mut self) -> Result<Seen, Failure> {
        let outcome = self.live();
        let age = self.age();
        let phase = self.phase();
        outcome.map_err(|what| Failure { age, phase, what })?;
        Ok(self.seen())
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        self.shared.now - self.plan.start
    }

    /// The name of the part of its life in which it is.
    pub fn phase(&self) -> &'static str {
        match self.shared.phase {
            Phase::Faults => "faults",
            Phase::Settle => "settle",
            Phase::Finish => "finish",
            Phase::Drain => "drain",
        }
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The frames so far, if they were captured.
    pub fn capture(&self) -> Option<&Capture> {
        self.shared.capture.as_ref()
    }

    fn seen(&self) -> Seen {
        let deeds = &self.network.deeds;
        let mut seen = Seen {
            delivered: self.shared.ledger.delivered,
            mixed: self.shared.ledger.mixed,
            wraps: self.shared.tap.wraps,
            ends: self.shared.ledger.ends,
            frames: [
                self.shared.tap.frames,
                deeds.lost + deeds.cut,
                deeds.swallowed,
                deeds.doubled,
                deeds.overtaken,
                deeds.flipped,
                deeds.truncated,
                deeds.padded,
            ],
            ..self.shared.seen.clone()
        };
        for host in &self.hosts {
            host.add_counters(&mut seen.counters);
        }
        seen
    }

    /// Moves to the next moment at which something happens, at most `until`, and lets it happen.
    fn step(&mut self, until: Instant) -> Check {
        let wakes = self.hosts.iter().map(|host| host.wake);
        let next = wakes.chain(self.network.next()).min().unwrap_or(until);
        self.shared.now = self.shared.now.max(next.min(until));
        let now = self.shared.now;
        while let Some(arrival) = self.network.arrive(now) {
            self.hosts[arrival.to].arrive(now, arrival.bytes, arrival.tampered);
        }
        for host in &mut self.hosts {
            if host.wake > now {
                continue;
            }
            self.shared.seen.turns += 1;
            host.turn(&mut self.shared)?;
            for (at, from, bytes) in self.shared.outbox.drain(..) {
                self.network.send(at, from, &bytes);
            }
        }
        if self.shared.seen.turns > TURNS_MAX {
            return Err({
                let hosts: Vec<_> = self.hosts.iter().map(Host::tell).collect();
                format!("there is no end to it: {TURNS_MAX} turns; {hosts:?}")
            });
        }
        Ok(())
    }
}

/// What may end connections in this world.
fn allowed(plan: &Plan) -> Allowed {
    let has = |families: &[Family]| families.iter().any(|&family| plan.has(family));
    let lossy = has(&[
        Family::Loss,
        Family::Flips,
        Family::Truncation,
        Family::Partition,
        Family::Flap,
        Family::BlackHole,
        Family::SmallFrames,
        Family::SlowDevice,
        Family::Restart,
        Family::Stalls,
        Family::ClockSteps,
        Family::Delay,
    ]);
    Allowed {
        time_out: has(&[Family::Impatience, Family::ClockSteps]),
        orphans_end: has(&[Family::Impatience, Family::ClockSteps, Family::KeepAlive]),
        unreachable: lossy,
        cookies: has(&[Family::SmallSynCache]),
        half_dead: has(&[Family::SmallSynCache, Family::SmallBacklog, Family::SmallParts, Family::ClockSteps]),
        short_memory: has(&[Family::SmallTimeWait, Family::ClockSteps]),
    }
}
