//! Every bound of a plan, with its unit in the name and the reason beside it.

use crore_base::time::Duration;

use super::quantity::Bandwidth;

/// Connections of a plan: more than there are people.
pub const PLAN_CONNECTIONS_MAX: u64 = 10_000_000_000;

/// Pushes to one active connection in a second: beyond it several messages share a segment, and a segment for each message
/// is no longer what happens.
pub const PUSHES_PER_SECOND_MAX: f64 = 1_000.0;

/// The shortest time between pings; the gateway's own pings are a matter of seconds.
pub const PING_MIN: Duration = Duration::from_secs(1);

/// The longest time between pings: beyond it they prove nothing.
pub const PING_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Processors of a machine: more than any has.
pub const CORES_MAX: u32 = 4_096;

/// Memory of a machine: what kernel and program need before there is any connection, and some air.
pub const MEMORY_BYTES_MIN: u64 = 1_000_000_000;

/// More than any machine has.
pub const MEMORY_BYTES_MAX: u64 = 1_000_000_000_000_000;

/// The slowest link: below it times are longer than anybody waits.
pub const LINK_MIN: Bandwidth = Bandwidth(1_000_000);

/// More than any port carries.
pub const LINK_MAX: Bandwidth = Bandwidth(100_000_000_000_000);

/// What must be left to plan with when something is kept free, percent.
pub const HEADROOM_PERCENT_MAX: u32 = 90;

/// Cores that one gateway uses: those of the runtime.
pub const WORKERS_MAX: u32 = 128;

/// Connections of a core: an index of 24 bits in the runtime.
pub const CONNECTIONS_PER_CORE_MAX: u64 = 1 << 24;
