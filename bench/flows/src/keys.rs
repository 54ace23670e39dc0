//! Connections of a busy server: 4-tuples of IPv4 and IPv6 clients, half and half, computed from a number so that asking
//! for a key does not bring anything into the cache that a lookup would then find there.

use std::hash::{Hash, Hasher};

use zerocopy::FromZeros;

/// Remote address, local address (IPv4 as mapped IPv6), remote port, local port.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, FromZeros)]
pub struct Key([u8; 36]);

impl Key {
    /// The 4-tuple of client `number`. No two of the first 2^48 are the same.
    pub fn of(number: u64) -> Self {
        // Odd multipliers and a shift are reversible, so this shuffles 48 bits.
        let mask = (1 << 48) - 1;
        let mut bits = number.wrapping_mul(0x9e37_79b9_7f4b) & mask;
        bits ^= bits >> 23;
        bits = bits.wrapping_mul(0xd6e8_feb8_6659) & mask;
        bits ^= bits >> 25;
        let bytes = bits.to_be_bytes();
        let (address, port) = ([bytes[2], bytes[3], bytes[4], bytes[5]], [bytes[6], bytes[7]]);
        let mut key = [0; 36];
        if number.is_multiple_of(2) {
            for (at, last) in [(0, address), (16, [192, 0, 2, 1])] {
                key[at + 10..at + 12].fill(0xff);
                key[at + 12..at + 16].copy_from_slice(&last);
            }
        } else {
            for at in [0, 16] {
                key[at..at + 4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            }
            key[4..8].copy_from_slice(&address);
            key[8..16].copy_from_slice(&bits.wrapping_mul(0xff51_afd7_ed55_8ccd).to_be_bytes());
            key[31] = 1;
        }
        key[32..34].copy_from_slice(&port);
        key[34..36].copy_from_slice(&443_u16.to_be_bytes());
        Self(key)
    }

    /// What is hashed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Hash for Key {
    /// The bytes without a length, so that every subject computes the same hash.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// What a key leads to: the hot part of a connection, two cache lines, with the key in the first.
#[derive(Copy, Clone, FromZeros)]
#[repr(C, align(64))]
pub struct Record {
    /// Whose record this is.
    pub key: Key,
    /// Zero, which the compiler does not know: the next lookup is made to wait for it.
    pub zero: u32,
    rest: [u8; 88],
}

impl Record {
    /// The record of a key.
    pub fn of(key: Key) -> Self {
        Self { key, zero: 0, rest: [0; 88] }
    }
}

const _: () = assert!(size_of::<Record>() == 128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_different_and_of_both_families() {
        let keys: std::collections::BTreeSet<Key> =
            (0..100_000).chain(1 << 40..(1 << 40) + 100_000).map(Key::of).collect();
        assert_eq!(keys.len(), 200_000);
        assert_eq!(keys.iter().filter(|key| key.0[..4] == [0x20, 0x01, 0x0d, 0xb8]).count(), 100_000);
    }
}
