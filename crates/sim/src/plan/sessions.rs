//! What a seed decides about who opens connections, when, and what for.

use crore_base::random::Rng;
use crore_base::time::Duration;

use crate::family::Families;
use crate::plan::{FRESH_OPTIONS, Kind, dice, one_up_to};
use crate::script::Script;

/// Where servers listen.
pub(crate) const PORT: u16 = 80;

/// An active open. Times count from the beginning.
#[derive(Clone, Debug)]
pub(crate) struct SessionPlan {
    pub(crate) at: Duration,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) v4: bool,
    pub(crate) source_port: Option<u16>,
    pub(crate) port: u16,
    /// Which of the host's sets of options.
    pub(crate) options: usize,
    pub(crate) script: Script,
}

pub(super) fn draw(
    seed: u64,
    kind: Kind,
    families: Families,
    faults_last: Duration,
    clients: usize,
    divisor: u64,
) -> Vec<SessionPlan> {
    let mut rng = dice(seed, "sessions");
    let mut sessions = Vec::new();
    let most = match kind {
        Kind::Pair => 8,
        Kind::Crossing => 5,
        Kind::Crowd => 10,
    };
    for client in 1..=clients {
        for _ in 0..rng.range(1..most) {
            let mut one = session(&mut rng, families, faults_last, client);
            one.script.bytes /= divisor;
            if kind == Kind::Crossing {
                let (one, other) = crossed(&mut rng, families, faults_last, one, sessions.len() as u16);
                sessions.extend([one, other]);
            } else {
                sessions.push(one);
            }
        }
    }
    let left = sessions.len().div_ceil(divisor as usize);
    sessions.truncate(if kind == Kind::Crossing { left.next_multiple_of(2) } else { left });
    sessions.sort_by_key(|session| session.at);
    sessions
}

fn session(rng: &mut Rng, families: Families, faults_last: Duration, client: usize) -> SessionPlan {
    // Half of them at the very beginning, so that tables fill.
    let at = if rng.chance(1, 2) { Duration::ZERO } else { faults_last * rng.below(700) / 1_000 };
    SessionPlan {
        at: at + Duration::from_micros(rng.below(2_000)),
        from: client,
        to: 0,
        v4: rng.chance(1, 2),
        // A few ports, used again and again.
        source_port: rng.chance(1, 3).then(|| rng.range(5_000..5_004) as u16),
        port: PORT,
        options: rng.below(FRESH_OPTIONS as u64) as usize,
        script: Script::draw(rng, families, faults_last),
    }
}

/// Two opens of one connection, from both ends, about as far apart as a frame is on its way.
fn crossed(
    rng: &mut Rng,
    families: Families,
    faults_last: Duration,
    one: SessionPlan,
    number: u16,
) -> (SessionPlan, SessionPlan) {
    let (port, remote_port) = (6_000 + number, 7_000 + number);
    let one = SessionPlan { source_port: Some(port), port: remote_port, ..one };
    let other = SessionPlan {
        at: one.at + Duration::from_micros(one_up_to(rng, &[100, 3_000, 300_000])),
        from: one.to,
        to: one.from,
        v4: one.v4,
        source_port: Some(remote_port),
        port,
        options: rng.below(FRESH_OPTIONS as u64) as usize,
        script: Script::draw(rng, families, faults_last),
    };
    (one, other)
}
