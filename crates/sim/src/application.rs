//! The applications of a host: one [`Actor`] a connection, which follows its script. How it ends is in `application/ending.rs`.
//!
//! They keep to the engine's contract and to nothing more: what is told once is remembered, and nothing is tried again that
//! an event would tell. So an event that never comes shows as a stream that stands still.

mod ending;

use std::collections::VecDeque;

use crore_base::time::{Duration, Instant};
use crore_tcp::{CloseReason, ConnId, Engine, Options, Ready, Received, SendError};

use crate::Check;
use crate::ledger::{Gone, Ledger, SideId};
use crate::limits::UNREAD_SLACK_BYTES;
use crate::script::{Ending, Script};
use crate::stream;
use crate::world::Phase;

/// An application with one connection.
pub(crate) struct Actor {
    pub(crate) conn: ConnId,
    pub(crate) side: SideId,
    pub(crate) script: Script,
    options: Options,
    begun: Instant,
    readable: bool,
    writable: bool,
    read_at: Instant,
    write_at: Instant,
    leases: VecDeque<Received>,
    /// Bytes read since the last pause.
    read_in_a_row: u64,
    /// The engine has ended it, and wants its name back.
    closed: bool,
    /// It has nothing to do with its connection any more.
    pub(crate) done: bool,
}

/// What an actor needs to know of the world.
pub(crate) struct Around<'a> {
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    /// How long this phase has lasted.
    pub(crate) since_phase: Duration,
    pub(crate) ledger: &'a mut Ledger,
    /// Sides that were given up in this turn.
    pub(crate) given_up: &'a mut Vec<SideId>,
    /// Sides that read in this turn.
    pub(crate) read: &'a mut Vec<SideId>,
}

impl Actor {
    pub(crate) fn new(
        now: Instant,
        conn: ConnId,
        side: SideId,
        script: Script,
        options: Options,
        passive: bool,
    ) -> Self {
        Self {
            conn,
            side,
            script,
            options,
            begun: now,
            // What came before it was accepted may have been told of before.
            readable: passive,
            writable: passive,
            read_at: now,
            write_at: now,
            leases: VecDeque::new(),
            read_in_a_row: 0,
            closed: false,
            done: false,
        }
    }

    /// The engine told of its connection.
    pub(crate) fn on_event(&mut self, ready: Ready, reason: Option<CloseReason>, around: &mut Around<'_>) -> Check {
        if self.done {
            return Err(format!("an event {ready:?} came for side {} after it was given up", self.side));
        }
        if ready.contains(Ready::OPENED) {
            let side = around.ledger.side(self.side);
            if std::mem::replace(&mut side.opened, true) {
                return Err(format!("side {} was opened twice", self.side));
            }
            side.moved = around.now;
            self.writable = true;
            self.readable = true;
        }
        self.readable |= ready.contains(Ready::READABLE);
        self.writable |= ready.contains(Ready::WRITABLE);
        if ready.contains(Ready::FINISHED) {
            self.readable = true;
            around.ledger.finish_told(self.side)?;
        }
        if ready.contains(Ready::CLOSED) {
            let Some(reason) = reason else {
                return Err(format!("side {} was closed without a reason", self.side));
            };
            if std::mem::replace(&mut self.closed, true) {
                return Err(format!("side {} was closed twice", self.side));
            }
            self.readable = true;
            around.ledger.ended(around.now, self.side, reason)?;
        }
        Ok(())
    }

    /// Does what the script says for now.
    pub(crate) fn act(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        if self.done {
            return Ok(());
        }
        if !self.is_frozen(around) {
            self.read(engine, around)?;
        }
        self.write(engine, around)?;
        self.end(engine, around)
    }

    /// When it has something to do without an event.
    pub(crate) fn next(&self, around: &mut Around<'_>) -> Option<Instant> {
        if self.done {
            return None;
        }
        let frozen_until = self.frozen_until();
        let reads = self.readable && (self.script.ending != Ending::CloseUnread || around.phase != Phase::Faults);
        let reading = reads.then(|| if self.is_frozen(around) { frozen_until } else { self.read_at });
        let writing = self.wants_to_write(around).then_some(self.write_at);
        let abort = match self.script.ending {
            Ending::Abort(after) if !self.closed => Some(self.begun + after),
            _ => None,
        };
        // Whoever waits for a peer that is gone gives it up one day.
        let again = (around.phase == Phase::Finish).then(|| around.now + Duration::from_secs(1));
        [reading, writing, abort, again].into_iter().flatten().min()
    }

    fn frozen_until(&self) -> Instant {
        self.script.freeze.map_or(Instant::ZERO, |(after, long)| self.begun + after + long)
    }

    fn is_frozen(&self, around: &Around<'_>) -> bool {
        let Some((after, _)) = self.script.freeze else { return false };
        around.phase == Phase::Faults && around.now >= self.begun + after && around.now < self.frozen_until()
    }

    fn read(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        let hasty = around.phase != Phase::Faults;
        if self.script.ending == Ending::CloseUnread && !hasty {
            return Ok(());
        }
        while self.readable && (hasty || around.now >= self.read_at) {
            let Some(received) = engine.recv(self.conn) else {
                self.readable = false;
                break;
            };
            around.ledger.read(around.now, self.side, engine.bytes(&received))?;
            around.read.push(self.side);
            self.read_in_a_row += received.len() as u64;
            self.leases.push_back(received);
            if self.read_in_a_row >= self.script.read_max {
                self.read_in_a_row = 0;
                self.read_at = around.now + self.script.read_pause;
            }
            self.give_back(engine, if hasty { 0 } else { self.script.leases });
        }
        self.check_unread(engine)?;
        let side = around.ledger.side(self.side);
        // What a reset has thrown away was never read, so there is no end to compare.
        let cut_off = matches!(side.gone, Some(Gone::Ended(reason)) if reason != CloseReason::InOrder);
        if !self.readable && side.finish_told && !side.finished && !cut_off {
            around.ledger.finished(around.now, self.side)?;
        }
        Ok(())
    }

    fn check_unread(&self, engine: &Engine) -> Check {
        let Some(statistics) = engine.statistics(self.conn) else { return Ok(()) };
        let most = self.options.receive_bytes_max + UNREAD_SLACK_BYTES;
        if statistics.unread > most {
            return Err(format!(
                "side {} has {} bytes unread, at most {most} were allowed",
                self.side, statistics.unread
            ));
        }
        Ok(())
    }

    fn give_back(&mut self, engine: &mut Engine, keep: usize) {
        while self.leases.len() > keep
            && let Some(lease) = self.leases.pop_front()
        {
            engine.give_back(lease);
        }
    }

    fn wants_to_write(&self, around: &mut Around<'_>) -> bool {
        let answers = self.script.ending == Ending::Answer && around.phase == Phase::Faults;
        let side = around.ledger.side(self.side);
        let waits = answers && !side.finished;
        self.writable && side.opened && !self.closed && !side.shut && !waits && side.written < self.script.bytes
    }

    fn write(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        while self.wants_to_write(around) && around.now >= self.write_at {
            let side = around.ledger.side(self.side);
            let left = self.script.bytes - side.written;
            let len = left.min(self.script.write_max).min(u64::from(self.options.send_bytes_max)) as usize;
            let payload = stream::bytes(self.side, side.written, len);
            match engine.send(self.conn, payload.into()) {
                Ok(()) => {
                    side.written += len as u64;
                    side.moved = around.now;
                    self.write_at = around.now + self.script.write_pause;
                }
                Err(SendError::Full | SendError::Busy) => self.writable = false,
                // The end of the connection is told by an event that is still to come.
                Err(SendError::Closed) => self.writable = false,
                Err(SendError::TooLarge) => return Err(format!("side {}: {len} bytes are too large", self.side)),
            }
            if self.script.write_pause.is_zero() {
                continue;
            }
            break;
        }
        Ok(())
    }
}
