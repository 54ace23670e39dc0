//! How an application ends its connection: what it calls, and when.

use crore_base::time::Duration;
use crore_tcp::{Engine, SendError};

use super::{Actor, Around};
use crate::Check;
use crate::ledger::{Gone, Side};
use crate::script::Ending;
use crate::world::Phase;

/// How long an application that has finished waits for a peer that is gone, once everybody is to finish.
const PATIENCE: Duration = Duration::from_secs(130);

/// What is to be done now.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Step {
    Nothing,
    Shutdown,
    Close,
    Abort,
}

impl Actor {
    pub(super) fn end(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        match self.step(engine, around) {
            Step::Nothing => Ok(()),
            Step::Shutdown => {
                around.ledger.side(self.side).shut = true;
                if engine.shutdown(self.conn) { Ok(()) } else { Err(format!("side {} could not shut down", self.side)) }
            }
            Step::Close => self.close(engine, around),
            Step::Abort => self.abort(engine, around),
        }
    }

    fn step(&self, engine: &Engine, around: &mut Around<'_>) -> Step {
        let peer_gone = around.ledger.peer_of(self.side).is_none_or(|peer| around.ledger.side(peer).gone.is_some());
        let side = around.ledger.side(self.side);
        if self.closed {
            return if self.readable { Step::Nothing } else { Step::Close };
        }
        if let Ending::Abort(after) = self.script.ending {
            let due = around.phase != Phase::Faults || around.now >= self.begun + after;
            return if due { Step::Abort } else { Step::Nothing };
        }
        if !side.opened {
            return Step::Nothing;
        }
        let all_queued = side.written == self.script.bytes;
        let both_ended = side.shut && side.finished;
        let last_call = around.phase == Phase::Finish;
        let given_up_on = last_call && side.shut && peer_gone && around.since_phase >= PATIENCE;
        if both_ended || given_up_on {
            return Step::Close;
        }
        match self.script.ending {
            Ending::CloseUnread => self.close_unread(engine, around),
            Ending::Close if all_queued => Step::Close,
            Ending::Finish if all_queued && !side.shut => Step::Shutdown,
            Ending::Answer | Ending::Linger if all_queued && !side.shut && (side.finished || last_call) => {
                Step::Shutdown
            }
            _ => Step::Nothing,
        }
    }

    fn close_unread(&self, engine: &Engine, around: &Around<'_>) -> Step {
        let unread = engine.statistics(self.conn).is_some_and(|statistics| statistics.unread > 0);
        if unread || around.phase != Phase::Faults { Step::Close } else { Step::Nothing }
    }

    fn close(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        let unread = engine.statistics(self.conn).is_some_and(|statistics| statistics.unread > 0);
        if !engine.close(self.conn) {
            return Err(format!("side {} could not be closed", self.side));
        }
        let side: &mut Side = around.ledger.side(self.side);
        side.shut |= !unread && !self.closed;
        side.gone = side.gone.or(Some(Gone::Closed { unread }));
        self.let_go(engine, around)
    }

    fn abort(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        if !engine.abort(self.conn) {
            return Err(format!("side {} could not be aborted", self.side));
        }
        let side = around.ledger.side(self.side);
        side.gone = side.gone.or(Some(Gone::Aborted));
        self.let_go(engine, around)
    }

    /// The connection is the engine's own from here on, or nobody's.
    fn let_go(&mut self, engine: &mut Engine, around: &mut Around<'_>) -> Check {
        self.done = true;
        self.give_back(engine, 0);
        around.ledger.side(self.side).moved = around.now;
        around.given_up.push(self.side);
        if let Some(received) = engine.recv(self.conn) {
            engine.give_back(received);
            return Err(format!("side {} was given bytes after it was given up", self.side));
        }
        let sent = engine.send(self.conn, (&[0_u8]).into());
        if sent == Err(SendError::Closed) {
            Ok(())
        } else {
            Err(format!("side {} could send after its end: {sent:?}", self.side))
        }
    }
}
