//! Memory that two processes share, as words that either may change at any moment.
//!
//! This is the one file of the wire with `unsafe`. It gives out nothing but `&[AtomicU64]`, so whatever the other
//! process writes, and whenever it does, is an ordinary load of some number here and never undefined behaviour.
//!
//! Invariants: `base` is the start of a shared mapping of `words` words of a file that cannot shrink any more (it is
//! sealed), so no access can fault; the mapping lives as long as this value.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

/// A shared mapping, see the opening comment of the file.
pub(super) struct SharedMemory {
    base: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: a mapping is not bound to a thread, and all it gives out are atomics.
unsafe impl Send for SharedMemory {}
// SAFETY: as above; a shared reference to atomics may be used by any number of threads.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Makes `words` zero words, and the descriptor by which another process can map them too. The memory is taken as
    /// it is touched, on huge pages if the system has them for shared memory, and goes back when the last mapping and
    /// the last descriptor are gone, however their processes end.
    pub(super) fn create(words: usize) -> io::Result<(Self, OwnedFd)> {
        let bytes = words.checked_mul(size_of::<AtomicU64>()).ok_or(Errno::OVERFLOW)?;
        let file = memfd_create("crore-wire", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, bytes as u64)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let memory = Self::open(file.as_fd(), words)?;
        Ok((memory, file))
    }

    /// Maps the first `words` words of a file that another process has made.
    ///
    /// # Errors
    /// The file could still shrink, which would let the other process make this one fault; it is smaller than that; or
    /// it cannot be mapped.
    pub(super) fn open(file: BorrowedFd<'_>, words: usize) -> io::Result<Self> {
        let bytes = words.checked_mul(size_of::<AtomicU64>()).ok_or(Errno::OVERFLOW)?;
        if !fcntl_get_seals(file)?.contains(SealFlags::SHRINK) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the memory offered is not sealed against shrinking",
            ));
        }
        if words == 0 || u64::try_from(fstat(file)?.st_size).unwrap_or(0) < bytes as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the memory offered is smaller than its rings"));
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: with no address asked for, the kernel picks one that is free, so nothing that exists is replaced.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0) }?;
        let base = NonNull::new(start.cast::<AtomicU64>()).ok_or(Errno::NOMEM)?;
        assert!(base.is_aligned(), "the kernel maps whole pages");
        // SAFETY: this advice changes the size of the pages behind the mapping just made, never what is in them. A
        // kernel that does not agree only makes it slower.
        let _agreed = unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxHugepage) };
        Ok(Self { base, words })
    }
}

impl Deref for SharedMemory {
    type Target = [AtomicU64];
    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `words` aligned words at `base` are mapped while `self` lives and cannot fault, because the file is
        // sealed against shrinking; any bits are a valid `AtomicU64`, and everybody who changes them, here or in the
        // other process, has them only as atomics or as plain machine words.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.words) }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: this is our own mapping, and nobody borrows it any more.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.words * size_of::<AtomicU64>()) };
        debug_assert!(unmapped.is_ok(), "cannot unmap a wire: {unmapped:?}");
    }
}
