//! Every bound of the room: unit in the name, and the mistake that it stops.

use std::time::Duration;

/// Bytes that one write copies into the send queue: several fit it, and a task cannot hold its core by copying.
pub(crate) const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Futures of a bridge that may be under way at once. Stops: requests piling up without end at a database that does not answer.
pub const BRIDGE_FUTURES_MAX: usize = 65_536;

/// How long a bridge that ends waits for its blocking calls, such as a name that is being resolved.
pub(crate) const BRIDGE_LAST_WORDS: Duration = Duration::from_secs(1);
