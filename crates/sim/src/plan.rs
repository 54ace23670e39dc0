//! What a seed decides: the hosts, the network, who opens connections when, and which families of faults there are.
//!
//! Each concern has its own dice, so that switching off one family leaves all else as it was: that is what makes shrinking
//! work.

mod hosts;
mod links;
mod sessions;

use crore_base::random::Rng;
use crore_base::time::{Duration, Instant};

use crate::family::{Families, Family};

pub(crate) use hosts::{FRESH_OPTIONS, HostPlan};
pub(crate) use links::LinkPlan;
pub(crate) use sessions::{PORT, SessionPlan};

/// The shape of a world.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A client and a server.
    Pair,
    /// Two hosts that open connections to each other at the same time.
    Crossing,
    /// A server and several clients.
    Crowd,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The shape.
    pub kind: Kind,
    /// The families of faults that it has.
    pub families: Families,
    /// Divides the number of connections and their bytes: how large worlds are shrunk.
    pub divisor: u64,
    /// The time of the world's beginning, on all clocks.
    pub(crate) start: Instant,
    /// How long faults last.
    pub(crate) faults_last: Duration,
    pub(crate) hosts: Vec<HostPlan>,
    pub(crate) link: LinkPlan,
    pub(crate) sessions: Vec<SessionPlan>,
}

impl Plan {
    /// The plan of a seed, without the families in `without`.
    pub fn draw(seed: u64, kind: Kind, without: Families, divisor: u64) -> Self {
        Self::with_families(seed, kind, draw_families(seed, kind).without_all(without), divisor)
    }

    /// The plan of a seed with these families of faults.
    pub fn with_families(seed: u64, kind: Kind, families: Families, divisor: u64) -> Self {
        assert!(divisor > 0, "a world is divided by one at least");
        let mut rng = dice(seed, "world");
        let faults_last = Duration::from_millis(rng.range(500..30_000));
        let start = draw_start(&mut rng);
        let clients = match kind {
            Kind::Pair | Kind::Crossing => 1,
            Kind::Crowd => rng.range(2..6) as usize,
        };
        let hosts = (0..=clients).map(|host| HostPlan::draw(seed, host, families, faults_last)).collect();
        let link = LinkPlan::draw(seed, families, faults_last, clients + 1);
        let sessions = sessions::draw(seed, kind, families, faults_last, clients, divisor);
        Self { seed, kind, families, divisor, start, faults_last, hosts, link, sessions }
    }

    /// Whether something is in it.
    pub(crate) fn has(&self, family: Family) -> bool {
        self.families.has(family)
    }
}

/// Dice of their own for one concern of one seed.
pub(crate) fn dice(seed: u64, concern: &str) -> Rng {
    let mixed = concern
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    Rng::from_seed(seed ^ mixed)
}

/// A number below one of these bounds, so that small ones are as likely as large ones.
fn one_up_to(rng: &mut Rng, bounds: &[u64]) -> u64 {
    let most = bounds[rng.below(bounds.len() as u64) as usize];
    rng.below(most)
}

/// Each family may be off: a world with everything in it hides what two of them do to each other.
fn draw_families(seed: u64, kind: Kind) -> Families {
    let mut rng = dice(seed ^ kind as u64, "families");
    let of_four = match rng.below(10) {
        0 => return Families::NONE,
        1 => return Families::ALL,
        2..=5 => 1,
        _ => 2,
    };
    let drawn = Family::ALL.iter().filter(|_| rng.chance(of_four, 5));
    drawn.fold(Families::NONE, |set, &family| set.with(family))
}

/// Where clocks begin: anywhere, and often just before the milliseconds of 32 bits wrap.
fn draw_start(rng: &mut Rng) -> Instant {
    let wrap_ms = 1 << 32;
    let ms = match rng.below(4) {
        0 => rng.below(2),
        1 => wrap_ms - rng.range(1..40_000),
        2 => wrap_ms / 2 - rng.range(1..40_000),
        _ => rng.below(200 * 24 * 3600 * 1000),
    };
    Instant::ZERO + Duration::from_millis(ms) + Duration::from_micros(rng.below(1_000))
}
