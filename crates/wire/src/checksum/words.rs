//! The inner loops: sums of a slice as words in the machine's byte order, folded to 32 bits.
//!
//! Blocks of 32 bytes go to four 64-bit accumulators. A carry out of 64 bits comes back in as one, which keeps the sum
//! right modulo 2^64 - 1, and so modulo 2^16 - 1.

const BLOCK: usize = 32;

/// The sum of `bytes`; a last odd byte counts as followed by a zero.
#[inline]
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut lanes = [0u64; 4];
    for block in blocks {
        add_block(&mut lanes, block);
    }
    join(lanes, sum_rest(rest))
}

/// The sum of `source`, which is copied over `destination` first. Both have the same length.
///
/// Copying and then summing is faster than doing both word by word: `memcpy` uses the widest registers there are, and
/// what fits a frame is still in the nearest cache.
#[inline]
pub(super) fn copy_and_sum(destination: &mut [u8], source: &[u8]) -> u32 {
    destination.copy_from_slice(source);
    sum(source)
}

/// The sum of few bytes whose number is known when compiling: a line of additions without a branch.
#[inline]
pub(super) fn sum_array<const N: usize>(bytes: &[u8; N]) -> u64 {
    const { assert!(N.is_multiple_of(4) && N <= 1024) };
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum()
}

/// 64 bits to 32 with the same remainder modulo 2^16 - 1; zero only from zero.
#[inline]
pub(crate) fn fold_to_32(words: u64) -> u32 {
    let (sum, carry) = (words as u32).overflowing_add((words >> 32) as u32);
    sum + u32::from(carry)
}

/// 32 bits to 16, likewise.
#[inline]
pub(crate) fn fold_to_16(words: u32) -> u16 {
    // Both halves are added in either half, and the carry out of the low one reaches the high one.
    (words.wrapping_add(words.rotate_left(16)) >> 16) as u16
}

#[inline]
fn add_block(lanes: &mut [u64; 4], block: &[u8; BLOCK]) {
    let (words, _) = block.as_chunks::<8>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane = add_with_carry(*lane, u64::from_ne_bytes(*word));
    }
}

/// The one's complement sum of two 64-bit words.
#[inline]
pub(super) fn add_with_carry(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u64::from(carry)
}

#[inline]
fn join(lanes: [u64; 4], rest: u64) -> u32 {
    let [a, b, c, d] = lanes;
    fold_to_32(add_with_carry(add_with_carry(add_with_carry(a, b), add_with_carry(c, d)), rest))
}

/// The sum of fewer bytes than a block.
#[inline]
fn sum_rest(rest: &[u8]) -> u64 {
    debug_assert!(rest.len() < BLOCK);
    let (words, mut rest) = rest.as_chunks::<8>();
    let mut sum = 0;
    for word in words {
        sum = add_with_carry(sum, u64::from_ne_bytes(*word));
    }
    let mut last = 0;
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        last += u64::from(u32::from_ne_bytes(*word));
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<2>() {
        last += u64::from(u16::from_ne_bytes(*word));
        rest = after;
    }
    if let [byte] = rest {
        last += u64::from(u16::from_ne_bytes([*byte, 0]));
    }
    add_with_carry(sum, last)
}
