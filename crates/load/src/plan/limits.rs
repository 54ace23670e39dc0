//! Every bound of a plan, with its unit in the name and the reason beside it.

use crore_base::time::Duration;

use super::quantity::{Bandwidth, Percent};

/// Connections of a plan: more than there are people.
pub(super) const PLAN_CONNECTIONS_MAX: u64 = 10_000_000_000;

/// Pushes to one active connection in a second: beyond it several messages share a segment, and a segment for each message
/// is no longer what happens.
pub(super) const PUSHES_PER_SECOND_MAX: f64 = 1_000.0;

/// The shortest time between pings; the gateway's own pings are a matter of seconds.
pub(super) const PING_MIN: Duration = Duration::from_secs(1);

/// The longest time between pings: beyond it they prove nothing.
pub(super) const PING_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Processors of a machine: more than any has.
pub(super) const CORES_MAX: u32 = 4_096;

/// Memory of a machine: what kernel and program need before there is any connection, and some air.
pub(super) const MEMORY_BYTES_MIN: u64 = 1_000_000_000;

/// More than any machine has.
pub(super) const MEMORY_BYTES_MAX: u64 = 1_000_000_000_000_000;

/// The slowest link: below it times are longer than anybody waits.
pub(super) const LINK_MIN: Bandwidth = Bandwidth(1_000_000);

/// More than any port carries.
pub(super) const LINK_MAX: Bandwidth = Bandwidth(100_000_000_000_000);

/// Something must be left to plan with.
pub(super) const HEADROOM_MAX: Percent = Percent::new(90);

/// A core a hundred times slower than the one measured is another kind of machine.
pub(super) const SPEED_MIN: Percent = Percent::new(1);
