//! The engine: one core's TCP/IP, without I/O.
//!
//! It is given frames and the time, and gives frames, events and the next deadline. It reads no clock, no device and no
//! randomness: the same calls give the same bytes.

use std::collections::HashMap;

use crore_base::frame::FramePool;
use crore_base::hash::HashKey;
use crore_base::slab::Slab;
use crore_base::time::Instant;
use crore_wire::ip::Ip;
use zerocopy::FromZeros;

use crate::config::{Config, ConfigError};
use crate::conn::Conn;
use crate::context::{Clock, Context};
use crate::counter::Counters;
use crate::event::{CloseReason, ConnId, Event, Ready};
use crate::input::segment::Segment;
use crate::sweep::Sweep;
use crate::tcb::{Flags, State, Tcb};

/// Events ahead in line whose connection's generation is asked for early.
const EVENTS_AHEAD: usize = 8;

/// A TCP/IP endpoint of one core. `!Send`: what it sends is shared with its own core only.
///
/// A turn, in this order:
///
/// | verb | what it does |
/// |---|---|
/// | [`on_input`](Self::on_input) | takes a burst of frames through the protocols |
/// | [`on_timeout`](Self::on_timeout) | does what is due, when [`poll_timeout`](Self::poll_timeout) has come |
/// | [`poll_event`](Self::poll_event) | what happened to connections and listeners, until there is nothing more |
/// | commands | [`accept`](Self::accept), [`connect`](Self::connect), [`send`](Self::send), [`recv`](Self::recv), [`shutdown`](Self::shutdown), [`close`](Self::close) … |
/// | [`poll_output`](Self::poll_output) | the frames that the turn wants to send, all together |
/// | [`poll_timeout`](Self::poll_timeout) | until when to sleep if no frames come |
///
/// Memory: 128 bytes and a slot of the flow table (about 12 bytes) for an established connection at rest. Whoever has
/// bytes in flight or unread has parts from pools besides.
pub struct Engine {
    pub(crate) tcbs: Slab<Tcb>,
    pub(crate) cx: Context,
    pub(crate) sweep: Sweep,
    /// Connections that wait for the link to find a neighbour, by its address.
    pub(crate) awaiting: HashMap<Ip, Vec<u32>, HashKey>,
    /// Room for a burst on its way through the stages, kept between calls.
    pub(crate) stage: Vec<Segment>,
    /// Room for timers that are due, kept between calls.
    pub(crate) due: Vec<u64>,
    /// Room for half-open connections that are due, kept between calls.
    pub(crate) half_open_due: Vec<(u32, crate::syn_cache::Record, crate::syn_cache::Fate)>,
    /// When a SYN was answered by a cookie last: while none can come back, none is looked for.
    pub(crate) last_cookie: Option<Instant>,
    /// Where the search for a free source port goes on.
    pub(crate) port_cursor: u32,
}

impl Engine {
    /// An engine that owns `frames`. `seed` feeds all its secrets (sequence numbers, cookies, table keys) and must come from
    /// the system's entropy, except in tests.
    ///
    /// # Errors
    /// A setting that cannot be, or no address space for the tables.
    pub fn new(config: Config, frames: FramePool, seed: u64, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        if frames.capacity() <= frames.reserve() {
            return Err(ConfigError::saying(format!(
                "the pool has {} frames, all of them in reserve; give it more than {}",
                frames.capacity(),
                frames.reserve()
            )));
        }
        let connections_max = config.connections_max;
        let awaiting = HashMap::with_hasher(HashKey::from_seed(!seed));
        let cx = Context::new(config, frames, seed, now)
            .map_err(|error| ConfigError::saying(format!("no address space for the tables of connections: {error}")))?;
        Ok(Self {
            tcbs: Slab::new(connections_max),
            cx,
            sweep: Sweep::new(now),
            awaiting,
            stage: Vec::new(),
            due: Vec::new(),
            half_open_due: Vec::new(),
            last_cookie: None,
            port_cursor: seed as u32,
        })
    }

    /// The frames, to look at.
    pub fn frames(&self) -> &FramePool {
        &self.cx.frames
    }

    /// The frames, for the device that fills and empties them.
    pub fn frames_mut(&mut self) -> &mut FramePool {
        &mut self.cx.frames
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.cx.counters
    }

    /// Connections that have a control block: all but half-open ones and those in TIME-WAIT. Closed ones count until the
    /// application gives up their name.
    pub fn connection_count(&self) -> u32 {
        self.tcbs.len()
    }

    /// What happened, oldest first. `None`: nothing more.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.cx.listeners.is_acceptable()
            && let Some(listener) = self.cx.listeners.poll_acceptable()
        {
            return Some(Event::Acceptable(listener));
        }
        loop {
            let index = self.cx.queues.told.pop_front()?;
            if let Some(&ahead) = self.cx.queues.told.get(EVENTS_AHEAD) {
                self.tcbs.prefetch_generation(ahead);
            }
            let Some(handle) = self.tcbs.handle_at(index) else { continue };
            let Some(tcb) = self.tcbs.slot_mut(index) else { continue };
            if !tcb.is(Flags::TOLD) {
                continue;
            }
            tcb.clear(Flags::TOLD);
            let ready = std::mem::take(&mut tcb.ready);
            let reason = CloseReason::from_byte(tcb.reason);
            return Some(Event::Connection { conn: ConnId(handle), token: tcb.token, ready, reason });
        }
    }

    /// Takes the time of a call.
    #[inline]
    pub(crate) fn set_clock(&mut self, now: Instant) {
        debug_assert!(now >= self.cx.clock.now, "time does not go back");
        self.cx.clock = Clock::at(now);
    }

    /// Works on the connection in slot `index`, and does after it what only the owner of the table can do.
    ///
    /// The generation is not looked at: it would be another cache miss for each segment. Flows lead to connections that
    /// exist; who waits in a queue may be gone, and a slot without a connection is all zero, a closed one that wants nothing.
    #[inline]
    pub(crate) fn with<R>(&mut self, index: u32, work: impl FnOnce(&mut Conn<'_>) -> R) -> Option<R> {
        let tcb = self.tcbs.slot_mut(index)?;
        let mut conn = Conn { cx: &mut self.cx, tcb, index };
        let result = work(&mut conn);
        if matches!(conn.tcb.state, State::Established) {
            return Some(result);
        }
        self.settle(index);
        Some(result)
    }

    /// As [`with`](Self::with), by a name that may be stale.
    #[inline]
    pub(crate) fn with_conn<R>(&mut self, id: ConnId, work: impl FnOnce(&mut Conn<'_>) -> R) -> Option<R> {
        let index = id.0.index();
        let tcb = self.tcbs.get_mut(id.0)?;
        let mut conn = Conn { cx: &mut self.cx, tcb, index };
        let result = work(&mut conn);
        if !matches!(conn.tcb.state, State::Established) {
            self.settle(index);
        }
        Some(result)
    }

    /// The connection of this name, for work that does not move its state.
    #[inline]
    pub(crate) fn conn(&mut self, id: ConnId) -> Option<Conn<'_>> {
        let tcb = self.tcbs.get_mut(id.0)?;
        Some(Conn { cx: &mut self.cx, tcb, index: id.0.index() })
    }

    /// Turns a connection that has reached TIME-WAIT into its record, and frees one that nobody holds any more.
    fn settle(&mut self, index: u32) {
        let Some(tcb) = self.tcbs.slot_mut(index) else { return };
        let mut conn = Conn { cx: &mut self.cx, tcb, index };
        let orphan = conn.tcb.is(Flags::ORPHAN);
        let waits = conn.tcb.state == State::TimeWait || conn.tcb.state == State::FinWait2 && orphan;
        if waits {
            conn.become_record();
        }
        if conn.tcb.state == State::Closed && orphan {
            self.free(index);
        }
    }

    fn free(&mut self, index: u32) {
        let Some(handle) = self.tcbs.handle_at(index) else { return };
        let left = self.tcbs.get_mut(handle).expect("the handle is fresh");
        let tcb = std::mem::replace(left, Tcb::new_zeroed());
        self.tcbs.remove(handle);
        assert!(tcb.sending.is_none() && tcb.receiving.is_none(), "a connection is freed without its parts");
        assert!(tcb.is(Flags::NO_FLOW), "a connection is freed without its flow");
    }

    /// Puts a new control block into the table. `None` if it is full.
    pub(crate) fn admit(&mut self, tcb: Tcb) -> Option<u32> {
        let handle = self.tcbs.insert(tcb)?;
        self.sweep.high_water = self.sweep.high_water.max(handle.index() + 1);
        Some(handle.index())
    }

    /// Takes note of what the link has found out about a neighbour.
    pub(crate) fn on_resolved(&mut self, address: &Ip, mac: Option<crore_wire::ethernet::Mac>) {
        for index in self.awaiting.remove(address).unwrap_or_default() {
            self.with(index, |conn| {
                // Whoever waited may have ended, and its slot may be somebody else's who waits for another neighbour.
                let waits = conn.tcb.is(Flags::NO_HOP) && conn.tcb.state != State::Closed;
                if !waits || conn.cx.link.next_hop(&conn.tcb.remote) != Some(*address) {
                    return;
                }
                match mac.and_then(|mac| conn.cx.link.hop(mac)) {
                    Some(hop) => {
                        conn.tcb.hop = hop;
                        conn.tcb.clear(Flags::NO_HOP);
                        conn.mark_dirty();
                    }
                    None => conn.end(CloseReason::Unreachable),
                }
            });
        }
    }

    /// The name of the connection in slot `index`, if there is one.
    pub fn connection_at(&self, index: u32) -> Option<ConnId> {
        self.tcbs.handle_at(index).map(ConnId)
    }

    /// Asks for the cache lines of a connection, ahead of a command on it a little later. Any slot is allowed.
    #[inline]
    pub fn prefetch(&self, index: u32) {
        self.tcbs.prefetch(index);
    }

    /// What the application calls a connection; 0 until it calls it something. `None` if the name is stale.
    pub fn token(&self, conn: ConnId) -> Option<u32> {
        self.tcbs.get(conn.0).map(|tcb| tcb.token)
    }

    /// Gives a connection a name of the application's own, which its events carry. False if `conn` is stale.
    pub fn set_token(&mut self, conn: ConnId, token: u32) -> bool {
        let Some(tcb) = self.tcbs.get_mut(conn.0) else { return false };
        tcb.token = token;
        true
    }

    /// What is ready of a connection right now, without an event: for whoever accepted it just now.
    pub fn ready(&self, conn: ConnId) -> Ready {
        self.tcbs.get(conn.0).map_or(Ready::default(), |tcb| tcb.ready)
    }
}
