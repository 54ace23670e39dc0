//! A piece of the address space that is ours, and the system calls that make and end it.
//!
//! A map holds one, and so does the background while it makes a part of it ready ([`ahead`](crate::ahead)): the last of
//! them returns it, so an address that somebody works on is never somebody else's.

use std::ops::Range;
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::{MapError, page_bytes};
use crate::limits::HUGE_PAGE_BYTES;

/// Whole pages of anonymous private memory, returned when it is dropped. What is in them is the map's affair.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is an address and a length; what it can do to the memory behind them changes no value, from any thread.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves address space, aligned to huge pages if it fills one.
    pub(super) fn new(bytes: usize) -> Result<Self, MapError> {
        let start = if bytes < HUGE_PAGE_BYTES { reserve(bytes)? } else { reserve_aligned(bytes)? };
        Ok(Self { start, bytes })
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Takes the memory of these whole pages, of the size that the mapping has asked for. Values do not change; pages that
    /// are there already stay (`MADV_POPULATE_WRITE`, madvise(2), Linux 5.14).
    ///
    /// # Errors
    /// The kernel does not know the call (`EINVAL`), or is out of memory.
    pub(crate) fn populate(&self, range: Range<usize>) -> Result<(), Errno> {
        let page = page_bytes();
        assert!(range.start <= range.end && range.end <= self.bytes, "{range:?} must lie inside {} bytes", self.bytes);
        assert!(range.start.is_multiple_of(page) && range.end.is_multiple_of(page), "{range:?} are no whole pages");
        let start = self.start.as_ptr().wrapping_add(range.start);
        // SAFETY: these are whole pages of our own mapping; populating takes memory and changes no value.
        unsafe { madvise(start.cast(), range.len(), Advice::LinuxPopulateWrite) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unmap(self.start, self.bytes);
    }
}

fn reserve(bytes: usize) -> Result<NonNull<u8>, MapError> {
    assert!(bytes > 0 && bytes.is_multiple_of(page_bytes()), "{bytes} bytes are not whole pages");
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: with no address asked for, the kernel picks one that is free, so nothing that exists is replaced.
    let start = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) };
    let start = start.map_err(|errno| MapError { bytes, errno })?;
    NonNull::new(start.cast()).ok_or(MapError { bytes, errno: Errno::NOMEM })
}

/// As [`reserve`], starting at a multiple of a huge page: takes one too many and returns what sticks out at both ends.
fn reserve_aligned(bytes: usize) -> Result<NonNull<u8>, MapError> {
    let padded = bytes.checked_add(HUGE_PAGE_BYTES).ok_or(MapError { bytes, errno: Errno::OVERFLOW })?;
    let start = reserve(padded)?;
    let before = start.align_offset(HUGE_PAGE_BYTES);
    assert!(before < HUGE_PAGE_BYTES, "a byte pointer can always be aligned");
    // SAFETY: `before` is less than the padding, so this stays inside the mapping just made.
    let base = unsafe { start.add(before) };
    // SAFETY: `before + bytes <= padded`, so this is at most one past the mapping just made.
    let end = unsafe { base.add(bytes) };
    unmap(start, before);
    unmap(end, HUGE_PAGE_BYTES - before);
    Ok(base)
}

/// Returns whole pages of our own to the kernel. Private: callers pass only what they have mapped and nobody refers to.
fn unmap(start: NonNull<u8>, bytes: usize) {
    if bytes > 0 {
        // SAFETY: all three callers own these pages (a mapping being dropped, or padding that was never handed out).
        let unmapped = unsafe { munmap(start.as_ptr().cast(), bytes) };
        // It fails only where splitting a mapping exceeds the limit on mappings; the pages then stay reserved, unused.
        debug_assert!(unmapped.is_ok(), "cannot unmap {bytes} bytes: {unmapped:?}");
    }
}
