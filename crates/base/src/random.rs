//! A seeded generator of random numbers: the same seed gives the same sequence on every machine, forever.
//!
//! This is xoshiro256++ (Blackman and Vigna, 2019), filled from one 64-bit seed by SplitMix64 (Steele, Lea and Flood,
//! 2014), as its authors recommend. It is for jitter, load, shuffling and simulation. It is *not* for secrets: whoever
//! sees a few outputs knows all the others. Where a real seed comes from is the caller's business; nothing here asks the
//! system for entropy.

use std::ops::Range;

/// The generator: 32 bytes of state, about a nanosecond a number, no allocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of this seed. Similar seeds give unrelated sequences; every seed is a good one, zero included.
    pub fn from_seed(seed: u64) -> Self {
        let mut mix = SplitMix64(seed);
        Self { state: std::array::from_fn(|_| mix.next()) }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number from 0 to `n - 1`, each equally likely (Lemire, 2019: a multiplication, and rarely another draw).
    ///
    /// # Panics
    /// If `n` is zero.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "there is no number below zero; ask for at least one");
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            // 2^64 is rarely a multiple of n; draws that fall in the remainder would favour some results.
            let remainder = n.wrapping_neg() % n;
            while (product as u64) < remainder {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        let result = (product >> 64) as u64;
        assert!(result < n);
        result
    }

    /// A number of `range`, each equally likely.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn range(&mut self, range: Range<u64>) -> u64 {
        assert!(range.start < range.end, "{range:?} is empty");
        range.start + self.below(range.end - range.start)
    }

    /// True `numerator` times out of `denominator`, exactly in the limit; always if the numerator is not smaller.
    ///
    /// # Panics
    /// If the denominator is zero.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// Fills `bytes` with random bytes, the same on little- and big-endian machines.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }

    /// Another generator, whose sequence is unrelated to what this one gives from here on. Draws one number.
    ///
    /// For handing each part of a simulation its own: what one part draws then does not change what the others see.
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.next_u64())
    }

    /// Puts `values` in random order, each order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for end in (2..=values.len()).rev() {
            let chosen = self.below(end as u64) as usize;
            values.swap(end - 1, chosen);
        }
    }
}

/// Turns one number into many unrelated ones: how every seed of this crate becomes state.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
