//! A host: an engine, the device below it, the applications above it, and a clock of its own.

mod accidents;
mod device;
mod frames;
mod opens;
mod start;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};
use crore_tcp::counter::Counter;
use crore_tcp::{CloseReason, ConnId, Engine, Event, ListenerId, Ready};
use crore_wire::ethernet::Mac;

use crate::application::{Actor, Around};
use crate::ledger::SideId;
use crate::limits::OVERDUE_TURNS_MAX;
use crate::plan::{HostPlan, Plan, SessionPlan, dice};
use crate::world::{Phase, Shared};
use crate::{Check, script::Script};

use device::Device;
use start::engine_of;

/// The link-layer address of a host.
pub(crate) fn mac_of(host: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, host as u8 + 1])
}

/// The address of a host.
pub(crate) fn address_of(host: usize, v4: bool) -> IpAddr {
    let last = host as u8 + 1;
    if v4 { IpAddr::from([10, 0, 0, last]) } else { IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(last)]) }
}

/// Whose address this is.
pub(crate) fn host_of(address: IpAddr) -> usize {
    let last = match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    usize::from(last) - 1
}

/// See the module.
pub(crate) struct Host {
    pub(crate) number: usize,
    plan: HostPlan,
    seed: u64,
    rng: Rng,
    pub(crate) engine: Engine,
    /// How often it has started.
    lives: u64,
    start: Instant,
    /// How far its clock is ahead of the world's.
    skew: Duration,
    device: Device,
    listeners: Vec<ListenerId>,
    /// Whether a server runs here.
    serves: bool,
    sessions: Vec<SessionPlan>,
    retries: Vec<(Instant, SessionPlan, bool)>,
    pub(crate) actors: Vec<Actor>,
    by_conn: HashMap<ConnId, usize>,
    given_up: HashSet<ConnId>,
    /// What was told of connections that nobody has accepted yet.
    early: HashMap<ConnId, (Ready, Option<CloseReason>)>,
    accept_at: Option<Instant>,
    overdue_turns: u32,
    /// When it has something to do.
    pub(crate) wake: Instant,
    /// What earlier lives counted.
    pub(crate) counted: Vec<u64>,
    pub(crate) faults_last: Duration,
}

impl Host {
    pub(crate) fn new(plan: &Plan, number: usize, serves: bool) -> Result<Self, String> {
        let host = plan.hosts[number].clone();
        let mut sessions: Vec<_> = plan.sessions.iter().filter(|session| session.from == number).cloned().collect();
        sessions.reverse();
        let seed = dice(plan.seed, &format!("host {number} secrets")).next_u64();
        let mut host = Self {
            engine: engine_of(&host, number, seed, plan.start)?,
            device: Device::new(&host),
            plan: host,
            number,
            seed,
            rng: dice(plan.seed, &format!("host {number} applications")),
            lives: 1,
            start: plan.start,
            skew: Duration::ZERO,
            listeners: Vec::new(),
            serves,
            sessions,
            retries: Vec::new(),
            actors: Vec::new(),
            by_conn: HashMap::new(),
            given_up: HashSet::new(),
            early: HashMap::new(),
            accept_at: None,
            overdue_turns: 0,
            wake: plan.start,
            counted: vec![0; Counter::ALL.len()],
            faults_last: plan.faults_last,
        };
        host.listen()?;
        Ok(host)
    }

    /// A frame has come in at the device.
    pub(crate) fn arrive(&mut self, now: Instant, bytes: Vec<u8>, tampered: bool) {
        self.device.arrive(bytes, tampered);
        self.wake = self.wake.min(now);
    }

    /// One turn of its loop: input, time, events, applications, output.
    pub(crate) fn turn(&mut self, shared: &mut Shared) -> Check {
        self.suffer(shared)?;
        if let Some(until) = self.stalled_until(shared.now) {
            self.wake = until;
            return Ok(());
        }
        let now = self.local(shared.now);
        self.device.reclaim(shared.now, self.engine.frames_mut());
        self.take_input(now, shared)?;
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.on_timeout(now);
        }
        self.take_events(shared)?;
        self.open_sessions(shared)?;
        self.accept(shared)?;
        self.act(shared)?;
        self.give_output(now, shared)?;
        self.check(shared)?;
        self.plan_wake(shared)
    }

    /// The time on this host's clock.
    fn local(&self, now: Instant) -> Instant {
        now + self.skew
    }

    fn take_events(&mut self, shared: &mut Shared) -> Check {
        while let Some(event) = self.engine.poll_event() {
            shared.seen.events += 1;
            match event {
                Event::Acceptable(listener) => {
                    if !self.listeners.contains(&listener) {
                        return Err(format!("host {}: {listener:?} does not listen", self.number));
                    }
                    // Once all is well, nobody is late: else those who try again together would be let in one by one.
                    let hasty = shared.phase != Phase::Faults;
                    let pause = if hasty { Duration::ZERO } else { self.plan.accept_pause };
                    self.accept_at.get_or_insert(shared.now + pause);
                }
                Event::Connection { conn, token, ready, reason } => {
                    self.on_event(shared, conn, token, ready, reason)?
                }
            }
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        shared: &mut Shared,
        conn: ConnId,
        token: u32,
        ready: Ready,
        reason: Option<CloseReason>,
    ) -> Check {
        if ready.is_empty() {
            return Err(format!("host {}: an event of {conn:?} says nothing", self.number));
        }
        if self.given_up.contains(&conn) {
            return Err(format!("host {}: {ready:?} of {conn:?}, which was given up", self.number));
        }
        let Some(&index) = self.by_conn.get(&conn) else {
            let early = self.early.entry(conn).or_default();
            early.0 |= ready;
            early.1 = early.1.or(reason);
            return Ok(());
        };
        if token != index as u32 {
            return Err(format!("host {}: an event of {conn:?} calls it {token}, not {index}", self.number));
        }
        self.with_actor(shared, index, |actor, _, around| actor.on_event(ready, reason, around))
    }

    fn act(&mut self, shared: &mut Shared) -> Check {
        for index in 0..self.actors.len() {
            if !self.actors[index].done {
                self.with_actor(shared, index, Actor::act)?;
            }
        }
        Ok(())
    }

    fn with_actor<R>(
        &mut self,
        shared: &mut Shared,
        index: usize,
        work: impl FnOnce(&mut Actor, &mut Engine, &mut Around<'_>) -> R,
    ) -> R {
        let mut given_up = Vec::new();
        let mut read = Vec::new();
        let actor = &mut self.actors[index];
        let mut around = Around {
            now: shared.now,
            phase: shared.phase,
            since_phase: shared.now - shared.phase_began,
            ledger: &mut shared.ledger,
            given_up: &mut given_up,
            read: &mut read,
        };
        let result = work(actor, &mut self.engine, &mut around);
        let conn = actor.conn;
        for side in read {
            shared.tap.read(self.number, &shared.ledger.sides[side as usize]);
        }
        for side in given_up {
            self.by_conn.remove(&conn);
            self.given_up.insert(conn);
            shared.tap.given_up(self.number, &shared.ledger.sides[side as usize]);
        }
        result
    }

    fn check(&mut self, shared: &Shared) -> Check {
        let unaccounted = self.engine.counters().unaccounted();
        if unaccounted != 0 {
            return Err(format!("host {}: {unaccounted} frames came in and went nowhere", self.number));
        }
        let overdue = self.engine.poll_timeout().is_some_and(|at| at <= self.local(shared.now));
        self.overdue_turns = if overdue { self.overdue_turns + 1 } else { 0 };
        if self.overdue_turns > OVERDUE_TURNS_MAX {
            let at = self.engine.poll_timeout();
            return Err(format!("host {}: its deadline {at:?} has passed and stays", self.number));
        }
        Ok(())
    }

    fn plan_wake(&mut self, shared: &mut Shared) -> Check {
        let soon = shared.now + Duration::from_micros(1);
        let timeout = self.engine.poll_timeout().map(|at| Instant::ZERO + (at - (Instant::ZERO + self.skew)));
        let output =
            self.engine.has_output().then(|| self.device.next_free().unwrap_or(shared.now + Duration::from_micros(20)));
        let mut wake =
            [timeout, output, self.device.next(), self.next_accident(shared.now), self.next_open(), self.accept_at]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(Instant::FAR_FUTURE);
        for index in 0..self.actors.len() {
            if !self.actors[index].done {
                let next = self.with_actor(shared, index, |actor, _, around| actor.next(around));
                wake = wake.min(next.unwrap_or(Instant::FAR_FUTURE));
            }
        }
        self.wake = wake.max(soon);
        Ok(())
    }

    /// A host in words, for a world that does not end.
    pub(crate) fn tell(&self) -> String {
        format!(
            "host {} wakes at {:?}, engine {:?}, output {}, device {:?}, accident {:?}, open {:?}, accept {:?}, skew {}",
            self.number,
            self.wake,
            self.engine.poll_timeout(),
            self.engine.has_output(),
            self.device.next(),
            self.next_accident(self.wake),
            self.next_open(),
            self.accept_at,
            self.skew
        )
    }

    /// Whether nothing is left of any connection, and why not.
    pub(crate) fn at_rest(&self) -> Check {
        let engine = &self.engine;
        let what = [
            (engine.connection_count() > 0, format!("{} connections", engine.connection_count())),
            (engine.frames().in_use() > 0, format!("{} frames in use", engine.frames().in_use())),
            (engine.poll_timeout().is_some(), format!("a deadline {:?}", engine.poll_timeout())),
            (engine.has_output(), "something to say".to_owned()),
        ];
        let left: Vec<_> = what.into_iter().filter_map(|(is_left, text)| is_left.then_some(text)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("host {} still has {}", self.number, left.join(", "))) }
    }

    /// Adds what its engines counted, of all its lives.
    pub(crate) fn add_counters(&self, sums: &mut [u64]) {
        let now = self.engine.counters().all().map(|(_, value)| value);
        for ((sum, before), now) in sums.iter_mut().zip(&self.counted).zip(now) {
            *sum += before + now;
        }
    }

    fn adopt(
        &mut self,
        shared: &mut Shared,
        conn: ConnId,
        active: bool,
        script: Script,
        options: usize,
    ) -> Result<SideId, String> {
        let Some(statistics) = self.engine.statistics(conn) else {
            return Err(format!("host {}: {conn:?} was given and does not exist", self.number));
        };
        let mut ends = (statistics.local, statistics.remote);
        if ends.0.ip().is_unspecified() {
            // It has ended before it was accepted.
            ends.0.set_ip(address_of(self.number, ends.1.is_ipv4()));
        }
        let side = shared.ledger.open(shared.now, self.number, ends, active);
        let index = self.actors.len();
        let options = self.plan.options[options];
        self.actors.push(Actor::new(shared.now, conn, side, script, options, !active));
        if self.by_conn.insert(conn, index).is_some() || self.given_up.contains(&conn) {
            return Err(format!("host {}: {conn:?} was given twice", self.number));
        }
        if !self.engine.set_token(conn, index as u32) || self.engine.token(conn) != Some(index as u32) {
            return Err(format!("host {}: {conn:?} could not be called {index}", self.number));
        }
        Ok(side)
    }
}
