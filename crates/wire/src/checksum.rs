//! The Internet checksum (RFC 1071): the complement of the one's complement sum of 16-bit words.
//!
//! Three properties make it cheap. The order of the words does not matter, so several lanes can be summed side by side.
//! Wider words give the same sum when folded, because 2^16, 2^32 and 2^64 are all 1 modulo 2^16 - 1. And a sum in the
//! machine's byte order is the right one with its bytes swapped, so nothing is swapped until the end. What is added at
//! an odd place counts with its bytes swapped; a [`Sum`] knows whether it is at one.

use crate::ip::Ip;

pub(crate) mod words;

/// A sum under way: bytes, numbers and a pseudo-header in any pieces, then [`finish`](Self::finish).
///
/// It is a value of 16 bytes without memory elsewhere; a connection may keep the sum of its pseudo-header and start
/// each segment from a copy.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Sum {
    /// Not folded; what is carried out at the top comes back in at the bottom, so it never overflows.
    words: u64,
    /// An odd number of bytes was added so far.
    odd: bool,
}

impl Sum {
    /// The sum of nothing.
    #[inline]
    pub const fn new() -> Self {
        Self { words: 0, odd: false }
    }

    /// The sum of these bytes.
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = Self::new();
        sum.add(bytes);
        sum
    }

    /// The sum of a few bytes whose number is a constant, such as a header: faster than [`of`](Self::of). The number
    /// must be a multiple of four, at most 1,024.
    #[inline]
    pub fn of_array<const N: usize>(bytes: &[u8; N]) -> Self {
        Self { words: words::sum_array(bytes), odd: false }
    }

    /// The sum of the pseudo-header of TCP or ICMPv6 (RFC 9293, section 3.1; RFC 8200, section 8.1) for `len` bytes of
    /// payload, between two addresses of the same family.
    #[inline]
    pub fn pseudo_header(source: &Ip, destination: &Ip, protocol: u8, len: u32) -> Self {
        // The first 12 bytes of an IPv4 address sum to 0xffff, which is zero here: both families need one way only.
        let mut sum = Self::new();
        sum.words = words::sum_array(source.octets()) + words::sum_array(destination.octets());
        sum.add_u16(u16::from(protocol));
        sum.add_u32(len);
        sum
    }

    /// Adds bytes behind those so far.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        let words = words::sum(bytes);
        self.add_words(words, bytes.len());
    }

    /// Adds a number of two bytes behind those so far.
    #[inline]
    pub fn add_u16(&mut self, number: u16) {
        self.add_words(u32::from(number.to_be()), 2);
    }

    /// Adds a number of four bytes behind those so far.
    #[inline]
    pub fn add_u32(&mut self, number: u32) {
        self.add_words(number.to_be(), 4);
    }

    /// Adds a sum of its own: that of bytes behind those so far.
    #[inline]
    pub fn append(&mut self, later: Self) {
        self.add_words(words::fold_to_32(later.words), usize::from(later.odd));
    }

    /// Copies `source` over `destination` and adds it, while it is in the nearest cache.
    ///
    /// # Panics
    /// If the two differ in length.
    #[inline]
    pub fn copy_from(&mut self, destination: &mut [u8], source: &[u8]) {
        assert_eq!(destination.len(), source.len(), "a copy has the length of what is copied");
        let words = words::copy_and_sum(destination, source);
        self.add_words(words, source.len());
    }

    /// The checksum: 0 for bytes that contain their own right checksum.
    #[inline]
    #[must_use]
    pub fn finish(self) -> u16 {
        !u16::from_be(words::fold_to_16(words::fold_to_32(self.words)))
    }

    /// Adds a sum of `len` bytes in the machine's byte order.
    #[inline]
    fn add_words(&mut self, words: u32, len: usize) {
        // Swapping the bytes of each word is multiplying the sum by 256, modulo 2^16 - 1.
        let words = if self.odd { u64::from(words) << 8 } else { u64::from(words) };
        self.words = words::add_with_carry(self.words, words);
        self.odd ^= len % 2 == 1;
    }
}

/// The checksum of bytes that had the checksum `check`, when one 16-bit word of them changes from `old` to `new`
/// (RFC 1624, equation 3).
#[inline]
#[must_use]
pub const fn update(check: u16, old: u16, new: u16) -> u16 {
    let sum = !check as u32 + !old as u32 + new as u32;
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests;
