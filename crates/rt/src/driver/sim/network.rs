//! The network of a simulated world: listeners, links, and everything under way between them.

use std::cell::Cell;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};

use super::link::{Arrival, End, Flight, Stage};
use crate::driver::{Close, ConnectionId, ListenerId};
use crate::limits::SIM_WINDOW_BYTES;
use crate::sim::{Disturbance, Faults};

/// What a core is told at the beginning of its turn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Notice {
    Acceptable(ListenerId),
    Changed(ConnectionId),
}

/// What an end has for its owner.
pub(super) enum Received {
    Nothing,
    Bytes(usize),
    End,
    Reset,
}

struct Listening {
    core: usize,
    listener: ListenerId,
    backlog: VecDeque<u32>,
}

pub(crate) struct Network {
    now: Rc<Cell<Instant>>,
    rng: Rng,
    faults: Faults,
    flights: BinaryHeap<Flight>,
    flights_begun: u64,
    ends: Vec<End>,
    listening: HashMap<SocketAddr, Vec<Listening>>,
    notices: Vec<Vec<Notice>>,
    next_port: u16,
}

impl Network {
    pub(crate) fn new(now: Rc<Cell<Instant>>, rng: Rng, cores: usize) -> Network {
        Network {
            now,
            rng,
            faults: Faults::default(),
            flights: BinaryHeap::new(),
            flights_begun: 0,
            ends: Vec::new(),
            listening: HashMap::new(),
            notices: (0..cores).map(|_| Vec::new()).collect(),
            next_port: 49_152,
        }
    }

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        assert!(faults.delay_min <= faults.delay_max, "the shortest delay is longer than the longest");
        self.faults = faults;
    }

    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.flights.peek().map(|flight| flight.at)
    }

    /// Delivers what is due by now.
    pub(crate) fn deliver(&mut self) {
        while self.next_event().is_some_and(|at| at <= self.now.get()) {
            let flight = self.flights.pop().expect("it was just peeked at");
            self.arrive(flight.to, flight.arrival);
        }
    }

    pub(crate) fn disturb(&mut self, core: usize, connection: ConnectionId, what: Disturbance) {
        let Some(end) = self.ends.iter().position(|end| end.owner == Some((core, connection))) else {
            return;
        };
        let peer = self.ends[end].peer;
        for end in [end as u32, peer] {
            match what {
                Disturbance::Vanish => self.vanish(end),
                Disturbance::Cut => self.arrive(end, Arrival::Reset),
            }
        }
    }

    fn vanish(&mut self, end: u32) {
        let already = std::mem::replace(&mut self.end(end).vanished, true);
        if let (false, Some(patience)) = (already, self.end(end).patience) {
            self.give_up_after(end, patience);
        }
    }

    fn end(&mut self, end: u32) -> &mut End {
        &mut self.ends[end as usize]
    }

    fn fly(&mut self, to: u32, arrival: Arrival) {
        let delay = self.delay();
        let now = self.now.get();
        let end = self.end(to);
        end.not_before = end.not_before.max(now + delay);
        let at = end.not_before;
        self.flights_begun += 1;
        self.flights.push(Flight { at, number: self.flights_begun, to, arrival });
    }

    fn delay(&mut self) -> Duration {
        let spread = self.faults.delay_max.as_nanos() - self.faults.delay_min.as_nanos();
        let stalls = one_in(&mut self.rng, self.faults.stall_one_in);
        let stall = if stalls { self.rng.below(self.faults.stall_max.as_nanos() + 1) } else { 0 };
        self.faults.delay_min + Duration::from_nanos(self.rng.below(spread + 1) + stall)
    }

    /// From now on keep-alive finds out when the peer has vanished, after this long; none: it does not look.
    pub(super) fn keep_alive(&mut self, end: u32, patience: Option<Duration>) {
        self.end(end).patience = patience;
        if let (true, Some(patience)) = (self.end(end).vanished, patience) {
            self.give_up_after(end, patience);
        }
    }

    /// Resets an end after this long, unless it is gone by then.
    pub(super) fn give_up_after(&mut self, end: u32, span: Duration) {
        let at = self.now.get() + span;
        self.flights_begun += 1;
        self.flights.push(Flight { at, number: self.flights_begun, to: end, arrival: Arrival::GivenUp });
    }

    fn arrive(&mut self, to: u32, arrival: Arrival) {
        let end = self.end(to);
        let peer = end.peer;
        let given_up = matches!(arrival, Arrival::GivenUp);
        if end.reset || (end.vanished && !given_up) {
            return;
        }
        if end.stage == Stage::Closed {
            // Bytes for a connection that nobody has any more are answered with a reset (RFC 9293, section 3.10.7.1).
            if matches!(arrival, Arrival::Bytes(_)) {
                self.fly(peer, Arrival::Reset);
            }
            return;
        }
        match arrival {
            Arrival::Syn => return self.on_syn(to),
            Arrival::Established => end.stage = Stage::Established,
            Arrival::Refused => end.stage = Stage::Refused,
            Arrival::Bytes(bytes) => end.inbox.extend(bytes),
            Arrival::Fin => end.ended = true,
            Arrival::Reset | Arrival::GivenUp => {
                end.reset = true;
                end.inbox.clear();
            }
            Arrival::Room => {}
        }
        if given_up {
            self.fly(peer, Arrival::Reset);
        }
        self.tell_owner(to);
    }

    fn tell_owner(&mut self, end: u32) {
        if let Some((core, connection)) = self.end(end).owner {
            self.notices[core].push(Notice::Changed(connection));
        }
    }

    /// A connect reaches the listeners of its address: one of them, by the seed's choice, gets it.
    fn on_syn(&mut self, to: u32) {
        let (address, peer) = (self.end(to).local, self.end(to).peer);
        let listeners = self.listening.get_mut(&address).filter(|listeners| !listeners.is_empty());
        let Some(listeners) = listeners else {
            return self.fly(peer, Arrival::Refused);
        };
        let chosen = self.rng.below(listeners.len() as u64) as usize;
        let listening = &mut listeners[chosen];
        listening.backlog.push_back(to);
        self.notices[listening.core].push(Notice::Acceptable(listening.listener));
        self.end(to).stage = Stage::Established;
        self.fly(peer, Arrival::Established);
    }

    pub(super) fn listen(
        &mut self,
        mut address: SocketAddr,
        shared_port: bool,
        core: usize,
        listener: ListenerId,
    ) -> io::Result<SocketAddr> {
        if address.port() == 0 {
            address.set_port(self.port());
        }
        let listeners = self.listening.entry(address).or_default();
        if !shared_port && !listeners.is_empty() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{address} is in use")));
        }
        listeners.push(Listening { core, listener, backlog: VecDeque::new() });
        Ok(address)
    }

    fn port(&mut self) -> u16 {
        self.next_port = if self.next_port == u16::MAX { 49_152 } else { self.next_port + 1 };
        self.next_port
    }

    pub(super) fn unlisten(&mut self, core: usize, listener: ListenerId) {
        let mut orphans = Vec::new();
        for listeners in self.listening.values_mut() {
            for gone in listeners.extract_if(.., |it| (it.core, it.listener) == (core, listener)) {
                orphans.extend(gone.backlog);
            }
        }
        for end in orphans {
            self.close(end, Close::Abort);
        }
    }

    pub(super) fn accept(&mut self, core: usize, listener: ListenerId) -> Option<u32> {
        let mut all = self.listening.values_mut().flatten();
        all.find(|it| (it.core, it.listener) == (core, listener))?.backlog.pop_front()
    }

    pub(super) fn connect(&mut self, address: SocketAddr, source: Option<IpAddr>) -> u32 {
        let source = SocketAddr::new(source.unwrap_or(address.ip()), self.port());
        let ours = self.ends.len() as u32;
        self.ends.push(End::new(ours + 1, source, address));
        self.ends.push(End::new(ours, address, source));
        self.fly(ours + 1, Arrival::Syn);
        ours
    }

    pub(super) fn adopt(&mut self, end: u32, core: usize, connection: ConnectionId) {
        let end = self.end(end);
        assert!(end.owner.is_none(), "an end has one owner");
        end.owner = Some((core, connection));
    }

    /// How a connect ended; none: it has not.
    pub(super) fn connected(&self, end: u32) -> Option<io::Result<()>> {
        let end = &self.ends[end as usize];
        match end.stage {
            Stage::Connecting if !end.reset => None,
            Stage::Established if !end.reset => Some(Ok(())),
            _ => Some(Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("{} refused", end.remote)))),
        }
    }

    pub(super) fn is_reset(&self, end: u32) -> bool {
        self.ends[end as usize].reset
    }

    pub(super) fn addresses(&self, end: u32) -> (SocketAddr, SocketAddr) {
        let end = &self.ends[end as usize];
        (end.local, end.remote)
    }

    /// Sends as much of `bytes` as there is room for: how many were taken.
    pub(super) fn send(&mut self, from: u32, bytes: &[u8]) -> usize {
        let to = self.end(from).peer;
        if self.end(from).reset || self.end(from).finished {
            return 0;
        }
        let room = SIM_WINDOW_BYTES.saturating_sub(self.end(to).window_used);
        let mut take = bytes.len().min(room);
        if take > 1 && one_in(&mut self.rng, self.faults.split_one_in) {
            take = 1 + self.rng.below(take as u64 - 1) as usize;
        }
        if take == 0 {
            return 0;
        }
        if one_in(&mut self.rng, self.faults.reset_one_in) {
            self.arrive(from, Arrival::Reset);
            self.fly(to, Arrival::Reset);
            return 0;
        }
        self.end(to).window_used += take;
        self.fly(to, Arrival::Bytes(bytes[..take].to_vec()));
        if one_in(&mut self.rng, self.faults.vanish_one_in) {
            self.vanish(from);
            self.vanish(to);
        }
        take
    }

    pub(super) fn receive(&mut self, end: u32, buffer: &mut [u8]) -> Received {
        let shorten = one_in(&mut self.rng, self.faults.shorten_one_in);
        let end = &mut self.ends[end as usize];
        let there = end.inbox.len().min(buffer.len());
        if end.reset {
            return Received::Reset;
        }
        if there == 0 {
            return if end.ended { Received::End } else { Received::Nothing };
        }
        let count = if shorten { 1 + self.rng.below(there as u64) as usize } else { there };
        for (place, byte) in buffer.iter_mut().zip(end.inbox.drain(..count)) {
            *place = byte;
        }
        end.window_used -= count;
        let peer = end.peer;
        self.fly(peer, Arrival::Room);
        Received::Bytes(count)
    }

    /// Our direction ends.
    pub(super) fn finish(&mut self, from: u32) {
        let end = self.end(from);
        if !std::mem::replace(&mut end.finished, true) {
            let peer = end.peer;
            self.fly(peer, Arrival::Fin);
        }
    }

    pub(super) fn close(&mut self, from: u32, how: Close) {
        let end = self.end(from);
        let unread = !end.inbox.is_empty();
        let was = std::mem::replace(&mut end.stage, Stage::Closed);
        end.owner = None;
        end.inbox = VecDeque::new();
        let (peer, reset) = (end.peer, end.reset);
        if was == Stage::Closed || reset {
            return;
        }
        // As RFC 9293 asks (SHLD-3): unread bytes that are thrown away reset the connection.
        if how != Close::Graceful || unread {
            self.fly(peer, Arrival::Reset);
        } else {
            self.finish(from);
        }
    }

    pub(super) fn take_notices(&mut self, core: usize) -> Vec<Notice> {
        std::mem::take(&mut self.notices[core])
    }

    pub(super) fn has_notices(&self, core: usize) -> bool {
        !self.notices[core].is_empty()
    }
}

fn one_in(rng: &mut Rng, times: u64) -> bool {
    times != 0 && rng.below(times) == 0
}
