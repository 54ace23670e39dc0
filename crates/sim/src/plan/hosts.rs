//! What a seed decides about one host: its engine's bounds, its device, its accidents.

use crore_base::time::Duration;
use crore_tcp::{KeepAlive, Options};

use crate::family::{Families, Family};
use crate::plan::dice;

/// The place of the options that are not drawn.
pub(crate) const FRESH_OPTIONS: usize = 3;

/// See the module. Times of accidents count from the beginning.
#[derive(Clone, Debug)]
pub(crate) struct HostPlan {
    pub(crate) mtu: u16,
    pub(crate) frames: u32,
    pub(crate) reserve: u32,
    pub(crate) sending_max: u32,
    pub(crate) receiving_max: u32,
    pub(crate) half_open_max: u32,
    pub(crate) time_wait_max: u32,
    pub(crate) time_wait: Duration,
    pub(crate) rto_min: Duration,
    pub(crate) delayed_ack: Duration,
    pub(crate) backlog: u32,
    /// How long an application takes to accept.
    pub(crate) accept_pause: Duration,
    /// The options of its connections: each takes one of them.
    pub(crate) options: Vec<Options>,
    /// Frames that the device holds for the host at most.
    pub(crate) ring: usize,
    /// Frames that the host takes in one turn.
    pub(crate) burst: usize,
    /// Frames that the engine may add in one call.
    pub(crate) output_max: usize,
    /// How long the device takes to send one frame.
    pub(crate) send_time: Duration,
    /// When it does nothing, and for how long.
    pub(crate) stalls: Vec<(Duration, Duration)>,
    /// When its clock steps forward, and by how much.
    pub(crate) steps: Vec<(Duration, Duration)>,
    /// When it starts anew.
    pub(crate) restart: Option<Duration>,
}

impl HostPlan {
    pub(super) fn draw(seed: u64, host: usize, families: Families, faults_last: Duration) -> Self {
        let dice = |concern: &str| dice(seed, &format!("host {host} {concern}"));
        let mut rng = dice("bounds");
        let millis = Duration::from_millis;
        let parts = families.has(Family::SmallParts);
        let part_limit = |rng: &mut crore_base::random::Rng| if parts { rng.range(1..6) as u32 } else { 1_000 };
        let frames = if families.has(Family::SmallFrames) { rng.range(12..64) as u32 } else { 1_024 };
        let slow_device = families.has(Family::SlowDevice);
        let small_backlog = families.has(Family::SmallBacklog);
        let small_time_wait = families.has(Family::SmallTimeWait);
        let within = |rng: &mut crore_base::random::Rng| faults_last * rng.below(1_000) / 1_000;
        Self {
            mtu: if rng.chance(1, 2) { 1500 } else { rng.range(1280..1900) as u16 },
            frames,
            reserve: frames / 8,
            sending_max: part_limit(&mut rng),
            receiving_max: part_limit(&mut rng),
            half_open_max: if families.has(Family::SmallSynCache) { rng.range(1..4) as u32 } else { 256 },
            time_wait_max: if small_time_wait { rng.range(1..4) as u32 } else { 256 },
            time_wait: if small_time_wait { millis(1_000) } else { millis(60_000) },
            rto_min: millis(rng.range(1..1_000)),
            delayed_ack: millis(rng.below(200)),
            backlog: if small_backlog { rng.range(1..4) as u32 } else { 64 },
            accept_pause: if small_backlog { millis(rng.below(500)) } else { Duration::ZERO },
            options: (0..FRESH_OPTIONS).map(|_| draw_options(&mut rng, families)).chain([Options::default()]).collect(),
            ring: if slow_device { rng.range(2..32) as usize } else { 4_096 },
            burst: rng.range(1..100) as usize,
            output_max: rng.range(1..100) as usize,
            send_time: if slow_device { Duration::from_micros(rng.range(1..300)) } else { Duration::ZERO },
            stalls: accidents(families, Family::Stalls, &mut dice("stalls"), |rng| {
                (within(rng), millis(if rng.chance(1, 4) { rng.below(5_000) } else { rng.below(500) }))
            }),
            steps: accidents(families, Family::ClockSteps, &mut dice("steps"), |rng| {
                (within(rng), millis([10, 1_000, 60_000, 3_600_000][rng.below(4) as usize] * rng.range(1..10)))
            }),
            restart: accidents(families, Family::Restart, &mut dice("restart"), within).pop(),
        }
    }
}

/// A few accidents of a family in the order in which they happen to be drawn, or none.
fn accidents<T>(
    families: Families,
    family: Family,
    rng: &mut crore_base::random::Rng,
    mut draw: impl FnMut(&mut crore_base::random::Rng) -> T,
) -> Vec<T> {
    let count = if families.has(family) { rng.below(4) } else { 0 };
    (0..count).map(|_| draw(rng)).collect()
}

fn draw_options(rng: &mut crore_base::random::Rng, families: Families) -> Options {
    let small = families.has(Family::SmallBuffers);
    let impatient = families.has(Family::Impatience) && rng.chance(1, 2);
    let keep_alive = (families.has(Family::KeepAlive) && rng.chance(2, 3)).then(|| KeepAlive {
        idle: Duration::from_secs(rng.range(1..10)),
        interval: Duration::from_secs(rng.range(1..5)),
        probes: rng.range(2..6) as u8,
    });
    Options {
        nodelay: rng.chance(1, 2),
        receive_bytes_max: match rng.below(4) {
            _ if small => rng.range(536..4_000) as u32,
            0 => rng.range(536..20_000) as u32,
            1 => rng.range(65_536..4_000_000) as u32,
            _ => 64 << 10,
        },
        send_bytes_max: if small { rng.range(200..8_000) as u32 } else { rng.range(10_000..1_000_000) as u32 },
        timestamps: rng.chance(2, 3),
        keep_alive,
        user_timeout: if impatient { Duration::from_millis(rng.range(500..20_000)) } else { Duration::from_secs(300) },
        connect_timeout: if impatient {
            Duration::from_millis(rng.range(500..20_000))
        } else {
            Duration::from_secs(180)
        },
        hop_limit: rng.range(1..256) as u8,
        dscp: rng.below(64) as u8,
    }
}
