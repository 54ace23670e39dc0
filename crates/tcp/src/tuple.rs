//! The name of a connection on the wire: two addresses and two ports, seen from our side.

use crore_base::hash::HashKey;
use crore_wire::ip::Ip;
use zerocopy::FromZeros;

/// Bytes that are hashed of an IPv4 connection.
const BYTES_V4: usize = 12;
/// Bytes that are hashed of an IPv6 connection.
const BYTES_V6: usize = 36;

/// Our address and port, and the peer's. Both addresses are of one family.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, FromZeros)]
#[repr(C)]
pub(crate) struct Tuple {
    pub(crate) local: Ip,
    pub(crate) remote: Ip,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
}

impl Tuple {
    /// The keyed hash of the tuple: 12 bytes of an IPv4 connection, 36 of an IPv6 one. Because of their lengths no two of
    /// different families are the same input.
    #[inline]
    pub(crate) fn hash(&self, key: &HashKey) -> u64 {
        debug_assert_eq!(self.local.is_v4(), self.remote.is_v4(), "both ends of a connection are of one family");
        if self.remote.is_v4() { self.hash_v4(key) } else { self.hash_v6(key) }
    }

    #[inline]
    fn hash_v4(&self, key: &HashKey) -> u64 {
        let mut bytes = [0; BYTES_V4];
        bytes[..4].copy_from_slice(&self.remote.v4_octets());
        bytes[4..8].copy_from_slice(&self.local.v4_octets());
        bytes[8..].copy_from_slice(&self.ports());
        key.hash(&bytes)
    }

    #[inline(never)]
    fn hash_v6(&self, key: &HashKey) -> u64 {
        let mut bytes = [0; BYTES_V6];
        bytes[..16].copy_from_slice(self.remote.octets());
        bytes[16..32].copy_from_slice(self.local.octets());
        bytes[32..].copy_from_slice(&self.ports());
        key.hash(&bytes)
    }

    #[inline]
    fn ports(&self) -> [u8; 4] {
        let ports = u32::from(self.remote_port) << 16 | u32::from(self.local_port);
        ports.to_be_bytes()
    }
}

#[cfg(test)]
pub(crate) mod tests;
