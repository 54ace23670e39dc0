//! A keyed hash: SipHash-1-3 (Aumasson and Bernstein, 2012, with the rounds that Rust, Python and Ruby use).
//!
//! Strangers choose what our tables are indexed by: addresses, ports, channel names. With an unkeyed hash they could choose
//! values that all land in one bucket and make every lookup a walk. A key that they do not know takes that away. The hash
//! is no message authentication code: one and three rounds are for tables.
//!
//! Nothing here asks for entropy; the seed is the caller's, and in production must come from the system.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use crate::random::SplitMix64;

/// The secret of one table, or of all tables of a core.
///
/// It is a [`BuildHasher`], so `HashMap::with_hasher(key)` makes a map that uses it. Its debug form does not show it.
#[derive(Copy, Clone)]
pub struct HashKey {
    k0: u64,
    k1: u64,
}

impl HashKey {
    /// The key of this seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut mix = SplitMix64(seed);
        Self { k0: mix.next(), k1: mix.next() }
    }

    /// The hash of `bytes`: SipHash-1-3 of exactly these bytes, without the length that std adds to a slice.
    ///
    /// Costs what std's hasher costs, about ten nanoseconds for an address; allocates nothing.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

impl BuildHasher for HashKey {
    type Hasher = KeyedHasher;
    #[inline]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(Sip::new(self.k0, self.k1))
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(secret)")
    }
}

/// The hasher that [`HashKey`] builds: it takes bytes in pieces, and how they are cut does not change the result.
#[derive(Clone)]
pub struct KeyedHasher(Sip<1, 3>);

impl Hasher for KeyedHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl fmt::Debug for KeyedHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHasher(secret)")
    }
}

/// SipHash with `C` rounds a word and `D` at the end. `tail` holds the last `length % 8` bytes, little-endian, the rest
/// of it zero.
#[derive(Clone)]
struct Sip<const C: usize, const D: usize> {
    v: [u64; 4],
    tail: u64,
    length: u64,
}

impl<const C: usize, const D: usize> Sip<C, D> {
    #[inline]
    fn new(k0: u64, k1: u64) -> Self {
        // "somepseudorandomlygeneratedbytes", as the paper has it.
        let v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        Self { v, tail: 0, length: 0 }
    }

    #[inline]
    fn write(&mut self, mut bytes: &[u8]) {
        let held = (self.length % 8) as usize;
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if held > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(8 - held));
            self.tail |= little_endian(head) << (8 * held);
            if held + head.len() < 8 {
                return;
            }
            self.absorb(self.tail);
            bytes = rest;
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.absorb(u64::from_le_bytes(*word));
        }
        self.tail = little_endian(rest);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.absorb(self.tail | self.length << 56);
        last.v[2] ^= 0xff;
        last.rounds::<D>();
        last.v[0] ^ last.v[1] ^ last.v[2] ^ last.v[3]
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.v[3] ^= word;
        self.rounds::<C>();
        self.v[0] ^= word;
    }

    #[inline]
    fn rounds<const N: usize>(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.v;
        for _ in 0..N {
            a = a.wrapping_add(b);
            c = c.wrapping_add(d);
            b = b.rotate_left(13) ^ a;
            d = d.rotate_left(16) ^ c;
            a = a.rotate_left(32);
            c = c.wrapping_add(b);
            a = a.wrapping_add(d);
            b = b.rotate_left(17) ^ c;
            d = d.rotate_left(21) ^ a;
            c = c.rotate_left(32);
        }
        self.v = [a, b, c, d];
    }
}

/// Up to eight bytes as a little-endian number.
#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    debug_assert!(bytes.len() <= 8);
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests;
