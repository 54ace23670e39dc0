//! Hardware addresses for devices that have none.

use std::hash::{BuildHasher, RandomState};

use crore_wire::ethernet::Mac;

/// An address that nobody has given out (the second lowest bit of its first byte says so), different each time.
pub(crate) fn random_mac() -> Mac {
    let [a, b, c, d, e, ..] = RandomState::new().hash_one("mac").to_le_bytes();
    Mac([0x02, a, b, c, d, e])
}
