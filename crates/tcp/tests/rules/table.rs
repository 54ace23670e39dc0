//! The harness: one engine, one scripted peer, and the time.
//!
//! | a table says | and means |
//! |---|---|
//! | [`sends`](Table::sends), [`sends_all`](Table::sends_all) | the peer sends a segment, or several that arrive in one burst |
//! | [`expects`](Table::expects), [`expects_nothing`](Table::expects_nothing) | the engine's next segment is exactly this; it has said nothing more |
//! | [`waits`](Table::waits), [`waits_for_output`](Table::waits_for_output) | time passes |
//! | [`writes`](Table::writes), [`reads`](Table::reads), [`finishes`](Table::finishes), [`closes`](Table::closes) … | the application acts |
//! | [`told`](Table::told) | what the application has heard since it was last asked |

mod application;
mod guard;
mod network;
pub(crate) mod peer;
pub(crate) mod segment;
pub(crate) mod setup;

use std::collections::VecDeque;

use crore_base::time::{Duration, Instant};
use crore_tcp::counter::Counter;
use crore_tcp::{ConnId, Engine, Event, ListenerId, Usage};
use crore_wire::tcp::Flags;
use crore_wire::{emit, tcp};

use guard::Guard;
use peer::Peer;
use segment::{Clocks, Seen};
use setup::{BEGINNING, Setup};

pub(crate) use segment::{Segment, ack, all_of, bytes, bytes_from, data, fin, more, rst, rst_ack, syn, syn_ack};

/// See the module.
pub(crate) struct Table {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) peer: Peer,
    pub(crate) setup: Setup,
    pub(crate) listener: Option<ListenerId>,
    /// The connection that the table is about.
    pub(crate) conn: Option<ConnId>,
    /// Segments to other peers.
    pub(crate) strays: VecDeque<Seen>,
    /// Frames without TCP.
    pub(crate) others: Vec<Vec<u8>>,
    /// Questions for the peer's link-layer address are answered.
    pub(crate) peer_is_found: bool,
    seen: VecDeque<Seen>,
    /// What the application has not looked at yet.
    events: Vec<Event>,
    guard: Guard,
    /// Turns in a row that a deadline has passed.
    overdue: u32,
    /// Bursts that have arrived.
    bursts: u32,
}

impl Table {
    fn new(engine: Engine, peer: Peer, setup: Setup) -> Self {
        let mut table = Self {
            engine,
            now: BEGINNING,
            peer,
            guard: Guard::new(&setup),
            setup,
            listener: None,
            conn: None,
            strays: VecDeque::new(),
            others: Vec::new(),
            peer_is_found: true,
            seen: VecDeque::new(),
            events: Vec::new(),
            overdue: 0,
            bursts: 0,
        };
        table.collect();
        // The engine announces its addresses at start.
        table.others.clear();
        table
    }

    /// The peer sends a segment, which arrives at once.
    #[track_caller]
    pub(crate) fn sends(&mut self, segment: Segment) {
        self.sends_all([segment]);
    }

    /// The peer sends segments that arrive in one burst.
    #[track_caller]
    pub(crate) fn sends_all(&mut self, segments: impl IntoIterator<Item = Segment>) {
        let frames: Vec<Vec<u8>> = segments.into_iter().map(|segment| self.write(&segment)).collect();
        assert!(self.injects(&frames), "the pool has no frame for what the peer sends");
    }

    /// The frame of a segment of the peer, which counts as sent.
    pub(crate) fn write(&mut self, segment: &Segment) -> Vec<u8> {
        if segment.flags.contains(Flags::SYN) {
            self.peer.next = 0;
        }
        let frame = self.peer.frame(segment);
        if segment.flags.contains(Flags::SYN)
            && let Ok((header, _)) = tcp::parse(&frame[self.tcp_start()..])
        {
            self.guard.peer_says(&header.options);
        }
        let end = segment.seq.unwrap_or(self.peer.next).wrapping_add(segment.len());
        if segment.flags.contains(Flags::FIN) {
            self.guard.peer_finishes(end);
        }
        if !segment.flags.contains(Flags::RST) && (end.wrapping_sub(self.peer.next) as i32) > 0 {
            self.peer.next = end;
        }
        frame
    }

    /// Frames arrive in one burst. False, and those that find no frame in the pool are lost, as a device loses them.
    pub(crate) fn injects(&mut self, frames: &[Vec<u8>]) -> bool {
        let mut burst = Vec::new();
        for bytes in frames {
            let Some(mut frame) = self.engine.frames_mut().alloc() else { break };
            self.engine.frames_mut().buffer_mut(&mut frame)[..bytes.len()].copy_from_slice(bytes);
            frame.set_len(bytes.len());
            burst.push(frame);
        }
        let all = burst.len() == frames.len();
        self.bursts += 1;
        assert!(self.bursts < 1_000_000, "this table never ends");
        self.engine.on_input(self.now, &mut burst);
        assert!(burst.is_empty() && self.engine.counters().unaccounted() == 0, "every frame comes to an end");
        self.collect();
        all
    }

    /// The engine's next segment is exactly this one.
    #[track_caller]
    pub(crate) fn expects(&mut self, wanted: Segment) -> Seen {
        let Some(seen) = self.seen.pop_front() else { panic!("expected {wanted:?}, and the engine said nothing") };
        // What was sent before the segments still waiting here is what a number left out means.
        let seq = wanted.seq.unwrap_or(self.guard.told_up_to);
        let ack = wanted.ack.unwrap_or(if wanted.flags.contains(Flags::ACK) { self.peer.next } else { 0 });
        self.guard.advance(&seen);
        let got = (seen.flags, seen.seq, seen.ack, seen.payload.len());
        let want = (wanted.flags, seq, ack, wanted.payload.len());
        assert!(got == want, "got      {got:?}\nexpected {want:?}\nas flags, seq, ack and bytes of data");
        assert!(seen.payload == wanted.payload, "the data of {got:?} is not what was expected");
        if let Some(window) = wanted.window {
            assert_eq!(seen.window(), window, "the window of {got:?}");
        }
        self.compare_options(&seen, &wanted);
        seen
    }

    #[track_caller]
    fn compare_options(&self, seen: &Seen, wanted: &Segment) {
        let mut options = seen.header.options;
        let timestamps = options.timestamps.take();
        let is_opening = seen.flags.contains(Flags::SYN);
        if is_opening && wanted.options == tcp::Options::NONE {
            // Tables that are not about the options of a SYN leave them out.
            assert!(options.mss.is_some(), "a SYN names a segment size");
        } else {
            assert_eq!(options, wanted.options, "the options of {:?} at {}", seen.flags, seen.seq);
        }
        let agreed = self.peer.timestamps && !seen.flags.contains(Flags::RST);
        match wanted.timestamps {
            Clocks::AsAgreed if is_opening => {}
            Clocks::AsAgreed => assert_eq!(timestamps.is_some(), agreed, "timestamps of {seen:?}"),
            Clocks::Absent => assert_eq!(timestamps, None),
            Clocks::Echo(echo) => assert_eq!(timestamps.map(|both| both.echo), Some(echo), "the echo of {seen:?}"),
            Clocks::Value(value) => assert_eq!(timestamps.map(|both| both.value), Some(value)),
            Clocks::Both(value, echo) => {
                assert_eq!(timestamps.map(|both| (both.value, both.echo)), Some((value, echo)));
            }
        }
    }

    /// The engine has nothing more to say now.
    #[track_caller]
    pub(crate) fn expects_nothing(&mut self) {
        assert!(self.seen.is_empty(), "the engine said more: {:#?}", self.seen);
    }

    /// The engine's next segment, whatever it is.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Seen {
        let seen = self.seen.pop_front().expect("the engine said nothing");
        self.guard.advance(&seen);
        seen
    }

    /// All that the engine has said.
    pub(crate) fn rest(&mut self) -> Vec<Seen> {
        let rest: Vec<Seen> = self.seen.drain(..).collect();
        rest.iter().for_each(|seen| self.guard.advance(seen));
        rest
    }

    /// Time passes, with all that it does.
    pub(crate) fn waits(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while self.turn_before(end) {}
        self.turn(end);
    }

    /// Time passes until the engine says something, at most `ms`: how long that took, in milliseconds.
    #[track_caller]
    pub(crate) fn waits_for_output(&mut self, ms: u64) -> u64 {
        self.expects_nothing();
        let start = self.now;
        let end = self.now + Duration::from_millis(ms) + Duration::from_micros(1);
        while self.seen.is_empty() && self.turn_before(end) {}
        assert!(!self.seen.is_empty(), "the engine said nothing for {ms} ms");
        (self.now - start).as_millis()
    }

    /// Time passes, and nothing is said.
    #[track_caller]
    pub(crate) fn is_quiet_for(&mut self, ms: u64) {
        self.waits(ms);
        self.expects_nothing();
    }

    /// Takes the engine's events, as a loop does before it sleeps.
    pub(crate) fn polls(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.events.push(event);
        }
    }

    /// Goes to the engine's next deadline, if that comes before `end`.
    fn turn_before(&mut self, end: Instant) -> bool {
        self.polls();
        let Some(deadline) = self.engine.poll_timeout().filter(|&deadline| deadline < end) else { return false };
        // What is due already and not done in one call goes on in the next; but it must come to an end.
        self.overdue = if deadline > self.now { 0 } else { self.overdue + 1 };
        assert!(
            self.overdue < 1000,
            "the engine has a deadline of {deadline:?} at {:?} and does nothing about it",
            self.now
        );
        let next = deadline.max(self.now + Duration::from_micros(1));
        if next >= end {
            return false;
        }
        self.turn(next);
        true
    }

    fn turn(&mut self, now: Instant) {
        let before = self.now.as_millis();
        self.now = now;
        self.peer.clock = self.peer.clock.wrapping_add((now.as_millis() - before) as u32);
        self.engine.on_timeout(now);
        self.collect();
    }

    pub(crate) fn counted(&self, counter: Counter) -> u64 {
        self.engine.counters().of(counter)
    }

    /// The TCP header's offset in a frame.
    pub(crate) fn tcp_start(&self) -> usize {
        emit::ip_len(self.peer.address.is_v4())
    }
}

impl Drop for Table {
    /// A table ends with everything said, and leaves nothing behind.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.expects_nothing();
        if let Some(listener) = self.listener.take() {
            self.engine.unlisten(listener);
        }
        for index in 0..self.setup.config.connections_max {
            if let Some(conn) = self.engine.connection_at(index) {
                self.engine.abort(conn);
            }
        }
        self.collect();
        self.waits(2 * self.setup.config.time_wait.as_millis());
        assert_eq!(self.engine.usage(), Usage::default(), "something is left");
        assert_eq!(self.engine.counters().unaccounted(), 0, "frames are not accounted for");
    }
}
