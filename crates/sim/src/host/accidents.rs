//! What befalls a host: stalls, a clock that steps, a start anew.

use crore_base::time::{Duration, Instant};

use super::Host;
use super::start::engine_of;
use crate::Check;
use crate::ledger::Gone;
use crate::world::{Phase, Shared};

impl Host {
    /// What is due happens.
    pub(super) fn suffer(&mut self, shared: &mut Shared) -> Check {
        if shared.phase != Phase::Faults {
            return Ok(());
        }
        let age = shared.now - self.start;
        let due = |at: Duration| at <= age;
        let mut step = Duration::ZERO;
        self.plan.steps.retain(|&(at, by)| {
            step += if due(at) { by } else { Duration::ZERO };
            !due(at)
        });
        if !step.is_zero() {
            self.skew += step;
            shared.seen.clock_steps += 1;
        }
        if self.plan.restart.is_some_and(due) {
            self.plan.restart = None;
            self.restart(shared)?;
        }
        Ok(())
    }

    /// Until when it does nothing, if it does nothing now.
    pub(super) fn stalled_until(&self, now: Instant) -> Option<Instant> {
        let age = now - self.start;
        // They end with the faults.
        let ends = self.plan.stalls.iter().map(|&(at, long)| (at, (at + long).min(self.faults_last)));
        ends.filter(|&(at, end)| (at..end).contains(&age)).map(|(_, end)| self.start + end).max()
    }

    pub(super) fn next_accident(&self, now: Instant) -> Option<Instant> {
        let steps = self.plan.steps.iter().map(|&(at, _)| at);
        let all = steps.chain(self.plan.restart).map(|at| self.start + at);
        all.filter(|&at| at > now).min()
    }

    /// It forgets everything: connections, frames, secrets. Its applications are gone too.
    fn restart(&mut self, shared: &mut Shared) -> Check {
        shared.seen.restarts += 1;
        for actor in &mut self.actors {
            let side = shared.ledger.side(actor.side);
            side.gone = side.gone.or(Some(Gone::Forgotten));
            actor.done = true;
        }
        for (sum, (_, value)) in self.counted.iter_mut().zip(self.engine.counters().all()) {
            *sum += value;
        }
        self.lives += 1;
        let now = self.local(shared.now);
        self.engine = engine_of(&self.plan, self.number, self.seed ^ self.lives << 32, now)?;
        self.device = super::Device::new(&self.plan);
        self.by_conn.clear();
        self.given_up.clear();
        self.early.clear();
        self.accept_at = None;
        shared.ledger.restarted.insert(self.number, shared.now);
        shared.tap.forget(self.number);
        self.listen()
    }
}
