//! The output pass: everything that a turn has to say leaves together, replies first, then the link's own, then the
//! connections in the order in which they got something to say.
//!
//! A pass stops when `max` frames are written or the pool has none left; who did not get a turn stays in line. Nobody waits
//! behind a single busy connection: after [`FRAMES_PER_TURN`] frames the next in line comes first.

pub(crate) mod emit;
pub(crate) mod plan;
pub(crate) mod reply;
pub(crate) mod window;

use crore_base::frame::Frame;
use crore_base::time::Instant;

use crate::cold::Timer;
use crate::conn::Conn;
use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::Ready;
use crate::tcb::{Flags, State};

/// Frames that one connection sends before others have their turn.
const FRAMES_PER_TURN: usize = 64;

/// Connections that find no frame before a pass gives up: enough that some whose ACK fits the reserve are among them, few
/// enough that a long line is not walked for nothing.
const FRAMELESS_TURNS_MAX: usize = 64;

/// Connections ahead in line whose control blocks are asked for early.
const PREFETCH_AHEAD: usize = 8;

/// How a connection's turn ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Turn {
    /// It has said what it may say.
    Done,
    /// It has more to say.
    More,
    /// There are no frames.
    NoFrames,
}

impl Engine {
    /// Appends frames to send to `out`, until it holds `max` or nothing is left to say. Returns how many were added.
    ///
    /// Call it last in a turn, and again while it fills `out` to `max`.
    pub fn poll_output(&mut self, now: Instant, out: &mut Vec<Frame>, max: usize) -> usize {
        self.set_clock(now);
        let before = out.len();
        self.feed_starved();
        self.emit_replies(out, max);
        if out.len() < max {
            self.cx.link.poll_output(now, &mut self.cx.frames, out, max);
        }
        self.emit_dirty(out, max);
        out.len() - before
    }

    /// Whether a call of [`poll_output`](Self::poll_output) would find something to say.
    pub fn has_output(&self) -> bool {
        let queues = &self.cx.queues;
        let fed = !queues.starved.is_empty() && self.cx.sending.available() > 0;
        !queues.dirty.is_empty() || !queues.replies.is_empty() || fed || self.cx.link.has_output()
    }

    fn emit_replies(&mut self, out: &mut Vec<Frame>, max: usize) {
        while out.len() < max
            && let Some(reply) = self.cx.queues.replies.front()
        {
            let Some(mut frame) = self.cx.frames.alloc_reserved() else {
                self.cx.counters.count(Counter::FramesExhausted);
                return;
            };
            let path = reply.path(self.cx.link.mac());
            let buffer = self.cx.frames.buffer_mut(&mut frame);
            let written = crore_wire::emit::tcp(buffer, &path, &reply.header, std::iter::empty());
            frame.set_len(written);
            out.push(frame);
            self.cx.queues.replies.pop_front();
            self.cx.counters.count(Counter::FramesOut);
        }
    }

    fn emit_dirty(&mut self, out: &mut Vec<Frame>, max: usize) {
        // Who joins the line during the pass has its turn in the next, so that a pass ends.
        let mut turns = self.cx.queues.dirty.len();
        let mut frameless = 0;
        while turns > 0 && out.len() < max {
            turns -= 1;
            if let Some(&ahead) = self.cx.queues.dirty.get(PREFETCH_AHEAD) {
                self.tcbs.prefetch_slot(ahead);
            }
            let Some(index) = self.cx.queues.dirty.pop_front() else { return };
            let max = max.min(out.len() + FRAMES_PER_TURN);
            match self.with(index, |conn| conn.turn(out, max)) {
                // Others may have no more to say than an ACK, for which there is the reserve.
                Some(Turn::NoFrames) => {
                    self.cx.queues.dirty.push_back(index);
                    frameless += 1;
                    if frameless == FRAMELESS_TURNS_MAX {
                        return;
                    }
                }
                Some(Turn::More) => self.cx.queues.dirty.push_back(index),
                Some(Turn::Done) | None => {}
            }
        }
    }

    /// Those who were refused a cold part hear that there are some again.
    fn feed_starved(&mut self) {
        // Whoever does not take its part leaves it for the next in the next pass.
        let mut parts = self.cx.sending.available();
        while parts > 0
            && let Some(index) = self.cx.queues.starved.pop_front()
        {
            self.with(index, |conn| {
                if !conn.tcb.is(Flags::STARVED) {
                    return;
                }
                conn.tcb.clear(Flags::STARVED);
                parts -= 1;
                if conn.tcb.is(Flags::WANTS_ROOM) && conn.tcb.sending.is_none() {
                    conn.tcb.clear(Flags::WANTS_ROOM);
                    conn.tell(Ready::WRITABLE);
                }
                if conn.tcb.is(Flags::FIN_WANTED) {
                    conn.mark_dirty();
                }
            });
        }
    }
}

impl Conn<'_> {
    /// Says what there is to say, within `max` frames in `out`.
    #[inline]
    fn turn(&mut self, out: &mut Vec<Frame>, max: usize) -> Turn {
        if !self.tcb.is(Flags::DIRTY) {
            return Turn::Done;
        }
        let turn = self.speak(out, max);
        if turn == Turn::Done {
            self.tcb.clear(Flags::DIRTY);
        }
        turn
    }

    fn speak(&mut self, out: &mut Vec<Frame>, max: usize) -> Turn {
        if self.tcb.state == State::Closed || self.tcb.is(Flags::NO_HOP) {
            return Turn::Done;
        }
        self.make_room_for_fin();
        let turn = self.say(out, max);
        self.keep_time();
        turn
    }

    /// Data first, because it acknowledges too; then what has none.
    fn say(&mut self, out: &mut Vec<Frame>, max: usize) -> Turn {
        while let Some(plan) = self.plan() {
            if out.len() >= max {
                return Turn::More;
            }
            if !self.emit(plan, out) {
                // No data goes with an ACK now; one without data may use the frames in reserve.
                if self.tcb.is(Flags::ACK_NOW) || self.tcb.is(Flags::ACK_LATER) {
                    self.emit_ack(out);
                }
                return Turn::NoFrames;
            }
        }
        while let Some(probes) = self.says_bare() {
            if out.len() >= max {
                return Turn::More;
            }
            if !(if probes { self.emit_keep_alive(out) } else { self.emit_ack(out) }) {
                return Turn::NoFrames;
            }
        }
        self.delay_ack();
        Turn::Done
    }

    /// Whether a segment without data is due, and if so, whether it is a keep-alive probe.
    fn says_bare(&mut self) -> Option<bool> {
        if self.tcb.is(Flags::PROBE) && self.tcb.sending.is_none() {
            return Some(true);
        }
        // Data that has left says what we have, but only ACKs without any count as duplicates.
        let duplicates = self.receiving().is_some_and(|part| part.duplicates_owed > 0);
        (self.tcb.is(Flags::ACK_NOW) || duplicates).then_some(false)
    }

    /// A FIN needs a part to be in flight with. Without one the connection waits in line for one.
    fn make_room_for_fin(&mut self) {
        let wanted = self.tcb.is(Flags::FIN_WANTED) && !self.tcb.is(Flags::FIN_SENT);
        if wanted && !self.start_sending() {
            self.stand_in_line();
        }
    }

    /// RFC 9293 MUST-40: an ACK that is owed waits for data to go with it, but not long.
    fn delay_ack(&mut self) {
        if !self.tcb.is(Flags::ACK_LATER) || self.tcb.is(Flags::ACK_QUEUED) {
            return;
        }
        self.tcb.set(Flags::ACK_QUEUED);
        let due = self.cx.clock.ms.wrapping_add(self.cx.config.delayed_ack.as_millis() as u32);
        self.cx.queues.acks.push_back((self.index, due));
    }

    /// Sees to it that the timer runs exactly while it must: RFC 6298 section 5.1 while something is in flight, RFC 9293
    /// MUST-35 while something is held back.
    #[inline]
    fn keep_time(&mut self) {
        let in_flight = self.tcb.in_flight() > 0;
        let now = self.cx.clock.now;
        let Some(part) = self.sending() else { return };
        let held_back = part.unsent() > 0;
        match part.timer {
            Timer::Retransmit(_) if in_flight => {}
            _ if in_flight => self.arm(Timer::Retransmit),
            Timer::Persist(_) if held_back => {}
            // RFC 9293 SHLD-29: the first probe after one timeout.
            _ if held_back => {
                part.waiting_since = now;
                self.arm(Timer::Persist);
            }
            _ => {}
        }
    }
}
