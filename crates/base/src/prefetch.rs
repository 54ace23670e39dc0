//! Asking for a cache line before it is needed, safely.
//!
//! At ten million connections nothing is in cache, so work is done in batches: first ask for every record of the batch,
//! then touch them. A prefetch is a hint: it never faults, never changes a value, and may do nothing. On processors
//! without a stable intrinsic it does nothing here either.

use crate::limits::{CACHE_LINE_BYTES, PREFETCH_LINES_MAX};

/// Asks for the cache lines of `value`, at most [`PREFETCH_LINES_MAX`] of them, counted from its first byte.
///
/// Cost: one instruction a line. It reads nothing, so it is right to call it long before the value is used.
#[inline]
pub fn prefetch<T: ?Sized>(value: &T) {
    let first = std::ptr::from_ref(value).cast::<u8>();
    let bytes = size_of_val(value).min(PREFETCH_LINES_MAX * CACHE_LINE_BYTES);
    let mut offset = 0;
    while offset < bytes {
        line(first.wrapping_add(offset));
        offset += CACHE_LINE_BYTES;
    }
}

/// Asks for the cache lines of `values[index]`; an index beyond the end asks for nothing.
#[inline]
pub fn prefetch_at<T>(values: &[T], index: usize) {
    if let Some(value) = values.get(index) {
        prefetch(value);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: PREFETCHT0 is part of the x86-64 baseline, takes any address, never faults and has no visible effect.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast::<i8>()) }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn line(address: *const u8) {
    // SAFETY: PRFM is part of the base instruction set, takes any address, never faults and has no visible effect.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{address}]", address = in(reg) address, options(nostack, preserves_flags, readonly));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
fn line(_address: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefetch_changes_nothing_and_accepts_any_index() {
        let values = [1_u64, 2, 3];
        prefetch(&values);
        prefetch::<[u8]>(&[]);
        for index in [0, 2, 3, usize::MAX] {
            prefetch_at(&values, index);
        }
        assert_eq!(values, [1, 2, 3]);
    }
}
