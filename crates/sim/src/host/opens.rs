//! How connections begin on a host: it listens, accepts and connects.

use crore_base::time::{Duration, Instant};
use crore_tcp::{Connect, ConnectError, Listen, Source};
use crore_wire::ip::Ip;

use super::{Host, address_of};
use crate::Check;
use crate::plan::{FRESH_OPTIONS, PORT, SessionPlan};
use crate::script::Script;
use crate::world::{Phase, Shared};

/// How long an application waits before it tries again to open what could not be opened.
const RETRY: Duration = Duration::from_millis(500);

impl Host {
    pub(super) fn listen(&mut self) -> Check {
        self.listeners.clear();
        if !self.serves {
            return Ok(());
        }
        for v4 in [true, false] {
            let local = address_of(self.number, v4).to_string().parse().map_err(|_| "no prefix".to_owned())?;
            let listen = Listen { local, port: PORT, backlog: self.plan.backlog, options: self.plan.options[0] };
            let listener = self.engine.listen(listen).map_err(|error| error.to_string())?;
            self.listeners.push(listener);
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, shared: &mut Shared) -> Check {
        if self.accept_at.is_none_or(|at| at > shared.now) {
            return Ok(());
        }
        self.accept_at = None;
        for listener in self.listeners.clone() {
            while let Some(conn) = self.engine.accept(listener) {
                shared.seen.accepted += 1;
                let script = match shared.phase {
                    Phase::Faults => Script::draw(&mut self.rng, shared.families, self.faults_last),
                    _ => Script::fresh(&mut self.rng),
                };
                self.adopt(shared, conn, false, script, 0)?;
                if let Some((ready, reason)) = self.early.remove(&conn) {
                    let index = self.by_conn[&conn];
                    self.with_actor(shared, index, |actor, _, around| actor.on_event(ready, reason, around))?;
                }
            }
        }
        Ok(())
    }

    /// An application wants a connection that must work, now that everything is well.
    pub(crate) fn plan_fresh(&mut self, at: Instant, to: usize, v4: bool) {
        let script = Script::fresh(&mut self.rng);
        let session = SessionPlan {
            at: Duration::ZERO,
            from: self.number,
            to,
            v4,
            source_port: None,
            port: PORT,
            options: FRESH_OPTIONS,
            script,
        };
        self.retries.push((at, session, true));
        self.wake = self.wake.min(at);
    }

    /// Whether every open that was planned has been made.
    pub(crate) fn has_opened_all(&self) -> bool {
        self.sessions.is_empty() && self.retries.is_empty()
    }

    pub(super) fn next_open(&self) -> Option<Instant> {
        let planned = self.sessions.last().map(|session| self.start + session.at);
        planned.into_iter().chain(self.retries.iter().map(|&(at, ..)| at)).min()
    }

    pub(super) fn open_sessions(&mut self, shared: &mut Shared) -> Check {
        let age = shared.now - self.start;
        while let Some(session) = self.sessions.pop_if(|session| session.at <= age) {
            self.open(shared, session, false)?;
        }
        let (due, later) = std::mem::take(&mut self.retries).into_iter().partition(|&(at, ..)| at <= shared.now);
        self.retries = later;
        for (_, session, fresh) in due {
            self.open(shared, session, fresh)?;
        }
        Ok(())
    }

    fn open(&mut self, shared: &mut Shared, session: SessionPlan, fresh: bool) -> Check {
        let connect = Connect {
            source: Source::Any,
            source_port: session.source_port,
            remote: Ip::from(address_of(session.to, session.v4)),
            remote_port: session.port,
            options: self.plan.options[session.options],
        };
        match self.engine.connect(self.local(shared.now), connect) {
            Ok(conn) => {
                shared.seen.opened += 1;
                let side = self.adopt(shared, conn, true, session.script, session.options)?;
                shared.ledger.side(side).fresh = fresh;
                Ok(())
            }
            // Somebody else has the port, perhaps to the end.
            Err(ConnectError::NoPort) if session.source_port.is_some() => {
                shared.seen.refused_opens += 1;
                Ok(())
            }
            // Such a thing passes: try later, and never give up, because it must be possible in the end.
            Err(ConnectError::Full | ConnectError::NoPort | ConnectError::NoAnswer(_)) => {
                shared.seen.refused_opens += 1;
                self.retries.push((shared.now + RETRY, session, fresh));
                Ok(())
            }
            Err(error) => Err(format!("host {} could not connect: {error}", self.number)),
        }
    }
}
