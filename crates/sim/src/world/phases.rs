//! The life of a world, part by part, and how long each may take.

use crore_base::time::{Duration, Instant};

use super::{Phase, World};
use crate::Check;
use crate::family::Family;
use crate::host::host_of;
use crate::limits::{DRAIN_MAX, SETTLE_MAX, SILENCE, STALL_MAX};

/// How long a link remembers that nobody answered, and a SYN cache what is half open: until then a new connection can still
/// suffer from what was wrong before.
const FORGET: Duration = Duration::from_secs(100);

/// How often it is looked whether everybody is well.
const LOOK: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn live(&mut self) -> Check {
        let end_of_faults = self.shared.now + self.plan.faults_last;
        while self.shared.now < end_of_faults {
            self.step(end_of_faults)?;
        }
        self.begin(Phase::Settle);
        self.network.heal();
        self.open_fresh_connections();
        self.wait_until("everything has come through and there is silence", SETTLE_MAX, |world| {
            world.unsatisfied().map_or_else(|| world.unsilent(), Some)
        })?;
        self.begin(Phase::Finish);
        self.wait_until("everybody has finished", SETTLE_MAX, Self::unfinished)?;
        self.begin(Phase::Drain);
        self.wait_until("nothing is left", DRAIN_MAX, |world| {
            world.hosts.iter().find_map(|host| host.at_rest().err())
        })?;
        self.check_fresh_connections()
    }

    fn begin(&mut self, phase: Phase) {
        self.shared.phase = phase;
        self.shared.phase_began = self.shared.now;
        let now = self.shared.now;
        for host in &mut self.hosts {
            host.wake = now;
        }
    }

    /// Goes on until `lacking` has nothing to say, at most for `most`, and as long as nothing stands still.
    fn wait_until(&mut self, what: &str, most: Duration, mut lacking: impl FnMut(&Self) -> Option<String>) -> Check {
        let deadline = self.shared.now + most;
        loop {
            let look = self.shared.now + LOOK;
            while self.shared.now < look {
                self.step(look)?;
            }
            let Some(text) = lacking(self) else { return Ok(()) };
            self.check_stalls()?;
            if self.shared.now >= deadline {
                return Err(format!("after {most} still waiting until {what}: {text}"));
            }
        }
    }

    /// A world that is well again can be asked for something new: each client opens a connection, and it must work.
    fn open_fresh_connections(&mut self) {
        let then = self.shared.now + FORGET;
        for (number, host) in self.hosts.iter_mut().enumerate().skip(1) {
            // One after the other, because the smallest tables hold one.
            host.plan_fresh(then + LOOK * number as u64, 0, self.plan.seed.is_multiple_of(2));
        }
    }

    fn check_fresh_connections(&self) -> Check {
        let sides = &self.shared.ledger.sides;
        let failed = sides.iter().position(|side| side.fresh && !side.finished);
        match failed {
            Some(id) => Err(format!(
                "a connection of the healed world did not come through: {}",
                self.shared.ledger.tell(id as u32)
            )),
            None => Ok(()),
        }
    }

    /// Who still waits for something that should come by itself.
    fn unsatisfied(&self) -> Option<String> {
        if let Some(host) = self.hosts.iter().find(|host| !host.has_opened_all()) {
            return Some(format!("host {} has connections to open", host.number));
        }
        let mut actors = self.hosts.iter().flat_map(|host| &host.actors);
        let waiting = actors.find(|actor| !actor.done && !self.is_satisfied(actor));
        waiting.map(|actor| self.shared.ledger.tell(actor.side))
    }

    fn is_satisfied(&self, actor: &crate::application::Actor) -> bool {
        let ledger = &self.shared.ledger;
        let side = &ledger.sides[actor.side as usize];
        let all_written = side.written == actor.script.bytes;
        side.opened && side.gone.is_none() && all_written && ledger.is_carried(actor.side)
    }

    /// What was heard a short while ago, though everybody has all there is.
    fn unsilent(&self) -> Option<String> {
        let since = self.shared.now - self.shared.tap.last;
        // Probes of idle connections go on for ever.
        let is_silent = since > SILENCE || self.plan.has(Family::KeepAlive);
        (!is_silent).then(|| format!("somebody spoke {since} ago"))
    }

    fn unfinished(&self) -> Option<String> {
        let mut actors = self.hosts.iter().flat_map(|host| &host.actors);
        actors.find(|actor| !actor.done).map(|actor| self.shared.ledger.tell(actor.side))
    }

    /// Nobody who waits for something may wait long without anything happening to it.
    fn check_stalls(&self) -> Check {
        let now = self.shared.now;
        let ledger = &self.shared.ledger;
        for actor in self.hosts.iter().flat_map(|host| &host.actors) {
            let waits = match self.shared.phase {
                Phase::Settle => !actor.done && !self.is_satisfied(actor),
                _ => !actor.done,
            };
            let moved = |side: u32| ledger.sides[side as usize].moved;
            let peer = ledger.peer_of(actor.side).map_or(Instant::ZERO, moved);
            let since = now - moved(actor.side).max(peer).max(self.shared.phase_began);
            if waits && since > STALL_MAX {
                let host = &self.hosts[ledger.sides[actor.side as usize].host];
                let peer = ledger.peer_of(actor.side).map(|peer| ledger.tell(peer));
                let remote = &self.hosts[host_of(ledger.sides[actor.side as usize].remote.ip())];
                return Err(format!(
                    "nothing has moved for {since}: {}, engine: {:?}; its peer: {peer:?}, frames there: {:?}",
                    ledger.tell(actor.side),
                    host.engine.statistics(actor.conn),
                    remote.engine.frames(),
                ));
            }
        }
        Ok(())
    }
}
