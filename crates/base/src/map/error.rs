//! Why there is no map.

use std::fmt;

use rustix::io::Errno;

use crate::units::Bytes;

/// The kernel refused a map.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct MapError {
    pub(super) bytes: usize,
    pub(super) errno: Errno,
}

impl MapError {
    /// Bytes that were asked for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Bytes(self.bytes as u64);
        write!(f, "cannot reserve {bytes} of address space ({}): ", self.errno)?;
        f.write_str(
            "lower the limit that sized this table, or raise `ulimit -v`, vm.max_map_count or vm.overcommit_memory",
        )
    }
}

impl std::error::Error for MapError {}
