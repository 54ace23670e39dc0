//! The memory of one ring, which the kernel and this process share: as words that either may change at any moment.
//!
//! It gives out nothing but atomics inside the mapping, so whatever is in it is an ordinary number here.
//!
//! Invariants: `base` is the start of a shared mapping of `bytes` bytes that lives as long as this value. The kernel
//! keeps the memory of a ring as long as it is mapped, also when the socket is closed, so no access can fault.

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The mapping of a ring, see the opening comment of the file.
pub(super) struct RingMemory {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a mapping is not bound to a thread, and all it gives out are atomics.
unsafe impl Send for RingMemory {}

impl RingMemory {
    /// Maps the first `bytes` bytes of the ring that an AF_XDP socket has at `offset`.
    pub(super) fn open(socket: BorrowedFd<'_>, offset: u64, bytes: usize) -> Result<Self, Errno> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: with no address asked for, the kernel picks one that is free, so nothing that exists is replaced.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, access, flags, socket, offset) }?;
        let base = NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)?;
        Ok(Self { base, bytes })
    }

    /// The word of four bytes at `offset` bytes.
    ///
    /// # Panics
    /// If it is not wholly inside, or not aligned.
    #[inline]
    pub(super) fn half(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset <= self.bytes - 4, "no word is at {offset} of {}", self.bytes);
        // SAFETY: the offset is inside the mapping, as was just checked.
        let word = unsafe { self.base.add(offset) }.cast::<AtomicU32>();
        // SAFETY: the whole word is inside the mapping and aligned, as was just checked; any bits are a number, and
        // whoever changes them, here or in the kernel, does so as a word.
        unsafe { word.as_ref() }
    }

    /// The `words` words of eight bytes from `offset` bytes on.
    ///
    /// # Panics
    /// If they are not wholly inside, or not aligned.
    #[inline]
    pub(super) fn words(&self, offset: usize, words: usize) -> &[AtomicU64] {
        let inside = offset <= self.bytes && words <= (self.bytes - offset) / 8;
        assert!(offset.is_multiple_of(8) && inside, "{words} words are not at {offset} of {}", self.bytes);
        // SAFETY: the offset is inside the mapping, as was just checked.
        let start = unsafe { self.base.add(offset) }.cast::<AtomicU64>();
        // SAFETY: all words are inside the mapping and aligned, as was just checked; any bits are a number, and whoever
        // changes them, here or in the kernel, does so as words.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), words) }
    }
}

impl Drop for RingMemory {
    fn drop(&mut self) {
        // SAFETY: this is our own mapping, and nobody borrows it any more.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok(), "cannot unmap a ring: {unmapped:?}");
    }
}
