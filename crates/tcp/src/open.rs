//! Listening, accepting and connecting. (RFC 9293 sections 3.9.1 and 3.10.1.)

use std::fmt;

use crore_base::time::Instant;
use crore_wire::ip::{Ip, Prefix};
use zerocopy::FromZeros;

use crate::config::{ConfigError, Options};
use crate::engine::Engine;
use crate::event::{ConnId, ListenerId};
use crate::limits::{ADDRESSES_TRIED, EPHEMERAL_PORT_FIRST, PORTS_TRIED_PER_ADDRESS};
use crate::link::{Resolution, Unreachable};
use crate::listener::{Listen, ListenError};
use crate::record::Record;
use crate::tcb::{Flags, State, Tcb};
use crate::tuple::Tuple;

/// Where an active open comes from.
#[derive(Copy, Clone, Debug)]
pub enum Source {
    /// Our address on the way to the peer (RFC 9293 MUST-44).
    Any,
    /// This address of ours (RFC 9293 MUST-43).
    Address(Ip),
    /// One of a range of our addresses, the next one each time, so that one destination can be reached by more connections
    /// than there are ports.
    Range(Prefix),
}

/// An active open.
#[derive(Copy, Clone, Debug)]
pub struct Connect {
    /// Our address.
    pub source: Source,
    /// Our port, or one that is free.
    pub source_port: Option<u16>,
    /// The peer's address.
    pub remote: Ip,
    /// The peer's port: 1 to 65,535.
    pub remote_port: u16,
    /// The connection's options.
    pub options: Options,
}

/// Why a connection cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// Nobody can be reached at a broadcast, multicast, unspecified or own address, or at port 0 (RFC 9293 MUST-46).
    InvalidRemote(Ip),
    /// The source address is not ours, or of another family than the remote one.
    InvalidSource(Ip),
    /// No address of ours leads there.
    NoRoute(Ip),
    /// The link was asked for the way there just before, and nobody answered.
    NoAnswer(Ip),
    /// This source port is in use towards that peer, or none was found free after a bounded search.
    NoPort,
    /// An option that cannot be.
    Invalid(ConfigError),
    /// The table of connections, of cold parts, of addresses in use or of sets of options is full.
    Full,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRemote(ip) => write!(f, "{ip} is no host that can be connected to"),
            Self::InvalidSource(ip) => write!(f, "{ip} is not an address of ours for this destination"),
            Self::NoRoute(ip) => write!(f, "no address of ours leads to {ip}"),
            Self::NoAnswer(ip) => write!(f, "nobody on the link answers for {ip}"),
            Self::NoPort => f.write_str("no source port is free towards this destination; use more source addresses"),
            Self::Invalid(error) => error.fmt(f),
            Self::Full => f.write_str("the engine's tables are full"),
        }
    }
}

impl std::error::Error for ConnectError {}

impl Engine {
    /// Listens. Connections that exist, half-open ones included, are not disturbed (RFC 9293 MUST-41).
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn listen(&mut self, listen: Listen) -> Result<ListenerId, ListenError> {
        listen.options.validate().map_err(ListenError::Invalid)?;
        if listen.port == 0 || listen.backlog == 0 {
            let text = format!("port {} and backlog {} must be at least 1", listen.port, listen.backlog);
            return Err(ListenError::Invalid(ConfigError::saying(text)));
        }
        if self.cx.listeners.is_taken(&listen.local, listen.port) {
            return Err(ListenError::InUse);
        }
        let profile = self.cx.profiles.acquire(&listen.options).ok_or(ListenError::Full)?;
        self.hasten_sweep();
        let id = self.cx.listeners.add(listen.local, listen.port, listen.backlog, profile);
        if id.is_none() {
            self.cx.profiles.release(profile);
        }
        id.ok_or(ListenError::Full)
    }

    /// Stops listening. Those who wait to be accepted are reset, half-open ones are forgotten. False if the name is
    /// stale.
    pub fn unlisten(&mut self, id: ListenerId) -> bool {
        let Some((listener, waiting)) = self.cx.listeners.remove(id) else { return false };
        self.forget_half_open_of(id);
        for conn in waiting {
            self.abort(conn);
        }
        self.cx.profiles.release(listener.profile);
        true
    }

    /// The connection that has waited longest at a listener. It may have received data, or have ended, meanwhile: an event
    /// tells, and none has told before.
    pub fn accept(&mut self, id: ListenerId) -> Option<ConnId> {
        let conn = self.cx.listeners.pop(id)?;
        self.with_conn(conn, |conn| conn.accepted());
        Some(conn)
    }

    /// Opens a connection. [`Ready::OPENED`](crate::event::Ready::OPENED) or
    /// [`Ready::CLOSED`](crate::event::Ready::CLOSED) tells how it went.
    ///
    /// # Errors
    /// See [`ConnectError`]; nothing has changed then.
    pub fn connect(&mut self, now: Instant, connect: Connect) -> Result<ConnId, ConnectError> {
        self.connect_where(now, connect, |_, _| true)
    }

    /// As [`connect`](Self::connect), from one of the addresses and ports that `fits` accepts: where several engines share a
    /// link, those whose flows come to this one.
    ///
    /// # Errors
    /// See [`ConnectError`]; nothing has changed then.
    pub fn connect_where(
        &mut self,
        now: Instant,
        connect: Connect,
        fits: impl Fn(&Ip, u16) -> bool,
    ) -> Result<ConnId, ConnectError> {
        self.set_clock(now);
        connect.options.validate().map_err(ConnectError::Invalid)?;
        if connect.source_port == Some(0) {
            let text = "source_port is 0; it must be 1 to 65535, or none for one that is free".to_owned();
            return Err(ConnectError::Invalid(ConfigError::saying(text)));
        }
        // RFC 9293 MUST-46.
        if connect.remote_port == 0 || !self.cx.link.is_connectable(&connect.remote) {
            return Err(ConnectError::InvalidRemote(connect.remote));
        }
        let hop = match self.cx.link.resolve(now, &connect.remote) {
            Resolution::Known(mac) => Some(mac),
            Resolution::Asked => None,
            Resolution::Unreachable(Unreachable::TableFull) => return Err(ConnectError::Full),
            Resolution::Unreachable(Unreachable::NoAnswer) => return Err(ConnectError::NoAnswer(connect.remote)),
            Resolution::Unreachable(Unreachable::NoRoute) => return Err(ConnectError::NoRoute(connect.remote)),
        };
        let (tuple, hash) = self.choose_tuple(&connect, &fits)?;
        let hop = match hop.map(|mac| self.cx.link.hop(mac)) {
            Some(None) => return Err(ConnectError::Full),
            hop => hop.flatten(),
        };
        let index = self.new_active(&connect, &tuple).inspect_err(|_| {
            if let Some(hop) = hop {
                self.cx.link.release_hop(hop);
            }
        })?;
        let entry = self.cx.flows.insert(hash, Record::Live(index).to_bits());
        assert!(entry.is_ok(), "the table of flows has room for every record there can be");
        match hop {
            Some(hop) => {
                self.with(index, |conn| {
                    conn.tcb.hop = hop;
                    conn.tcb.clear(Flags::NO_HOP);
                    conn.mark_dirty();
                });
            }
            None => self.await_hop(&connect.remote, index),
        }
        Ok(self.connection_at(index).expect("it was just admitted"))
    }

    fn await_hop(&mut self, remote: &Ip, index: u32) {
        let hop = self.cx.link.next_hop(remote).unwrap_or(*remote);
        self.awaiting.entry(hop).or_default().push(index);
    }

    /// The control block of a connection in SYN-SENT.
    fn new_active(&mut self, connect: &Connect, tuple: &Tuple) -> Result<u32, ConnectError> {
        let profile = self.cx.profiles.acquire(&connect.options).ok_or(ConnectError::Full)?;
        if connect.options.keep_alive.is_some() {
            self.hasten_sweep();
        }
        let Some(local) = self.cx.link.local(&tuple.local) else {
            self.cx.profiles.release(profile);
            return Err(ConnectError::Full);
        };
        let mut tcb = Tcb::new_zeroed();
        tcb.remote = tuple.remote;
        tcb.remote_port = tuple.remote_port;
        tcb.local_port = tuple.local_port;
        (tcb.local, tcb.profile) = (local, profile);
        tcb.state = State::SynSent;
        // RFC 9293 MUST-8, MUST-9.
        tcb.snd_una = self.cx.isn.initial_sequence(self.cx.clock.now, tuple);
        tcb.snd_nxt = tcb.snd_una;
        tcb.ts_offset = self.cx.isn.timestamp_offset(tuple);
        tcb.heard_ms = self.cx.clock.ms;
        tcb.set(Flags::NO_HOP);
        // RFC 9293 MUST-22: a SYN is subject to the timeouts of any segment, so it has a part to be in flight with.
        let part = self.cx.sending.take();
        let index = part.and_then(|part| {
            tcb.sending = part;
            self.admit(tcb)
        });
        if let (Some(part), None) = (part, index) {
            self.cx.sending.give_back(part);
        }
        let Some(index) = index else {
            self.cx.profiles.release(profile);
            self.cx.link.release_local(local);
            return Err(ConnectError::Full);
        };
        let now = self.cx.clock.now;
        self.with(index, |conn| {
            if let Some(part) = conn.sending() {
                part.owner = index;
                part.waiting_since = now;
            }
        });
        Ok(index)
    }

    /// Both ends of a connection that does not exist yet, and their hash.
    fn choose_tuple(
        &mut self,
        connect: &Connect,
        fits: &impl Fn(&Ip, u16) -> bool,
    ) -> Result<(Tuple, u64), ConnectError> {
        let remote = &connect.remote;
        let is_source = |engine: &Self, ip: &Ip| engine.cx.link.is_ours(ip) && ip.is_v4() == remote.is_v4();
        match connect.source {
            Source::Any => {
                let local = self.cx.link.source_for(remote).ok_or(ConnectError::NoRoute(*remote))?;
                self.choose_port(connect, local, 1, fits).ok_or(ConnectError::NoPort)
            }
            Source::Address(local) if is_source(self, &local) => {
                self.choose_port(connect, local, 1, fits).ok_or(ConnectError::NoPort)
            }
            Source::Address(local) => Err(ConnectError::InvalidSource(local)),
            Source::Range(range) => {
                let size = range.size().min(u128::from(u32::MAX)) as u32;
                for _ in 0..ADDRESSES_TRIED.min(size) {
                    let local = range.nth(u128::from(self.port_cursor % size));
                    if !is_source(self, &local) {
                        return Err(ConnectError::InvalidSource(local));
                    }
                    if let Some(found) = self.choose_port(connect, local, size, fits) {
                        return Ok(found);
                    }
                }
                Err(ConnectError::NoPort)
            }
        }
    }

    /// A port of `local`, one of `addresses` that take turns, that is free towards the peer. The search begins at a secret
    /// place that depends on both addresses and the peer's port, and goes on from where it ended (RFC 6056 section 3.3.4), so
    /// that ports cannot be guessed and come round late.
    fn choose_port(
        &mut self,
        connect: &Connect,
        local: Ip,
        addresses: u32,
        fits: &impl Fn(&Ip, u16) -> bool,
    ) -> Option<(Tuple, u64)> {
        let mut tuple = Tuple { local, remote: connect.remote, local_port: 0, remote_port: connect.remote_port };
        let turn = self.port_cursor / addresses;
        self.port_cursor = self.port_cursor.wrapping_add(1);
        if let Some(port) = connect.source_port {
            tuple.local_port = port;
            let hash = tuple.hash(&self.cx.key);
            return (fits(&local, port) && self.is_free(&tuple, hash)).then_some((tuple, hash));
        }
        let offset = tuple.hash(&self.cx.key) as u32;
        let ports = u32::from(u16::MAX - EPHEMERAL_PORT_FIRST) + 1;
        for attempt in 0..PORTS_TRIED_PER_ADDRESS {
            let step = offset.wrapping_add(turn).wrapping_add(attempt) % ports;
            tuple.local_port = EPHEMERAL_PORT_FIRST + step as u16;
            if !fits(&local, tuple.local_port) {
                continue;
            }
            let hash = tuple.hash(&self.cx.key);
            if self.is_free(&tuple, hash) {
                // The next search goes on behind this port, not in the middle of those that were just found taken.
                self.port_cursor = self.port_cursor.wrapping_add(attempt.wrapping_mul(addresses));
                return Some((tuple, hash));
            }
        }
        self.port_cursor = self.port_cursor.wrapping_add(PORTS_TRIED_PER_ADDRESS.wrapping_mul(addresses));
        None
    }

    /// Whether no connection, half-open one or record in TIME-WAIT has both ends.
    fn is_free(&self, tuple: &Tuple, hash: u64) -> bool {
        let taken = self.cx.flows.find(hash, |bits| match Record::from_bits(bits) {
            Record::Live(index) => self.tcbs.at(index).is_some_and(|tcb| {
                tcb.remote == tuple.remote
                    && tcb.remote_port == tuple.remote_port
                    && tcb.local_port == tuple.local_port
                    && self.cx.link.address(tcb.local) == tuple.local
            }),
            Record::HalfOpen(index) => self.cx.half_open.get(index).is_some_and(|half| half.tuple == *tuple),
            Record::TimeWait(index) => self.cx.time_wait.get(index).is_some_and(|record| {
                record.remote == tuple.remote
                    && record.remote_port == tuple.remote_port
                    && record.local_port == tuple.local_port
                    && self.cx.link.address(crate::link::LocalId::from_number(record.local)) == tuple.local
            }),
        });
        taken.is_none()
    }
}
