//! Anonymous memory maps: large tables whose memory exists only where it was touched, and can be given back.
//!
//! A [`Map`] reserves address space at once and takes memory page by page as elements are first written. Fresh elements
//! are all-zero bits, which [`FromZeros`] proves to be a valid value. Giving pages back makes their elements zero again,
//! which is why elements must not need dropping. This is the one place of the crate that manages memory by hand.
//!
//! Invariants: `base` is the start of a private mapping of `mapped_bytes()` bytes that nobody else knows of, or dangling
//! if that is zero; it is aligned for `T`, and to a huge page if the elements fill one; `len` elements fit in it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use zerocopy::FromZeros;

use crate::limits::HUGE_PAGE_BYTES;
use crate::units::Bytes;

/// `len` elements of zero-initialised memory straight from the kernel.
///
/// Reading an element that was never written is allowed and sees zeros. Elements are never dropped; a type that needs
/// dropping does not compile.
pub struct Map<T> {
    base: NonNull<T>,
    len: usize,
    owned: PhantomData<T>,
}

// SAFETY: the map owns its elements like a `Box<[T]>`; sending it sends the elements.
unsafe impl<T: Send> Send for Map<T> {}
// SAFETY: a shared map gives out only `&[T]`, and the raw base pointer, which is the caller's own responsibility.
unsafe impl<T: Sync> Sync for Map<T> {}

impl<T: FromZeros> Map<T> {
    /// Reserves room for `len` elements. No memory is taken until elements are written, and no swap is reserved.
    ///
    /// Costs one system call, three if the map is a huge page or larger (for its alignment).
    ///
    /// # Errors
    /// The kernel has no address space or no mapping left for the process, or the size overflows.
    pub fn new(len: usize) -> Result<Self, MapError> {
        const { assert!(!std::mem::needs_drop::<T>(), "a map never drops its elements") };
        const { assert!(align_of::<T>() <= 4096, "a map aligns its elements to a page at most") };
        let too_large = MapError { bytes: usize::MAX, errno: Errno::OVERFLOW };
        let bytes = len.checked_mul(size_of::<T>()).ok_or(too_large)?;
        let bytes = bytes.checked_next_multiple_of(page_bytes()).ok_or(too_large)?;
        let base = match bytes {
            0 => NonNull::dangling(),
            1..HUGE_PAGE_BYTES => reserve(bytes)?.cast(),
            HUGE_PAGE_BYTES.. => reserve_aligned(bytes)?.cast(),
        };
        assert!(base.is_aligned(), "the kernel maps whole pages");
        Ok(Self { base, len, owned: PhantomData })
    }

    /// Gives back the memory of every page that lies entirely inside `range` (in elements), and returns the bytes of
    /// those pages. Their elements read as zero from now on; the others of the range keep their values.
    ///
    /// A range that ends with the map also covers the rest of its last page. Returns 0, with all values kept, if no
    /// whole page lies inside or if the kernel refuses (locked memory). Costs one system call.
    ///
    /// # Panics
    /// If the range does not lie inside the map.
    pub fn release(&mut self, range: Range<usize>) -> usize {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} must lie inside {} elements", self.len);
        let page = page_bytes();
        let first = (range.start * size_of::<T>()).next_multiple_of(page);
        let end = match range.end == self.len {
            true => self.mapped_bytes(),
            false => range.end * size_of::<T>() / page * page,
        };
        if first >= end {
            return 0;
        }
        let start = self.base.as_ptr().cast::<u8>().wrapping_add(first);
        // SAFETY: `first..end` are whole pages of our own private mapping. `&mut self` means that nobody looks at the
        // elements while they become zero, zero is a valid `T`, and nothing is lost because `T` needs no drop.
        let given_back = unsafe { madvise(start.cast(), end - first, Advice::LinuxDontNeed) };
        if given_back.is_ok() { end - first } else { 0 }
    }
}

impl<T> Map<T> {
    /// Asks the kernel to back this map with huge pages where it can, now and later. Returns whether it agreed; a kernel
    /// built without them does not.
    ///
    /// Worth it for dense tables only: touching one byte then takes 2 MiB. Costs one system call.
    pub fn huge(&self) -> bool {
        let bytes = self.mapped_bytes();
        // SAFETY: this advice changes the size of the pages behind our own mapping, never what is in them.
        bytes > 0 && unsafe { madvise(self.base.as_ptr().cast(), bytes, Advice::LinuxHugepage) }.is_ok()
    }

    /// The address of the first element, for code that hands out single elements under its own rules. It is valid until
    /// the map is dropped, also when the map itself moves; with no elements it is dangling.
    pub fn base(&self) -> NonNull<T> {
        self.base
    }

    /// The address of the first element, see [`base`](Self::base).
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.base.as_ptr()
    }

    /// Bytes of address space that the map occupies: its elements, rounded up to whole pages.
    pub fn mapped_bytes(&self) -> usize {
        // Neither step overflows: `new` has checked both for this length.
        (self.len * size_of::<T>()).next_multiple_of(page_bytes())
    }
}

impl<T> Deref for Map<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` elements at `base` are mapped, aligned and initialised (zero is a valid `T`, and all else was
        // written as a `T`), and `&self` keeps the map alive and free of `&mut`.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Map<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.len) }
    }
}

impl<T> Drop for Map<T> {
    fn drop(&mut self) {
        unmap(self.base.cast(), self.mapped_bytes());
    }
}

impl<T> fmt::Debug for Map<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} elements of {} bytes)", self.len, size_of::<T>())
    }
}

/// Bytes of an ordinary page of this machine. Constant while the process lives, and cheap to ask for.
pub fn page_bytes() -> usize {
    rustix::param::page_size()
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
        // SAFETY: all three callers own these pages (a map being dropped, or padding that was never handed out).
        let unmapped = unsafe { munmap(start.as_ptr().cast(), bytes) };
        // It fails only where splitting a mapping exceeds the limit on mappings; the pages then stay reserved, unused.
        debug_assert!(unmapped.is_ok(), "cannot unmap {bytes} bytes: {unmapped:?}");
    }
}

/// The kernel refused a map.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct MapError {
    bytes: usize,
    errno: Errno,
}

impl MapError {
    /// Bytes that were asked for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Bytes(self.bytes as u64);
        write!(f, "cannot reserve {bytes} of address space ({}): ", self.errno)?;
        f.write_str(
            "lower the limit that sized this table, or raise `ulimit -v`, vm.max_map_count or vm.overcommit_memory",
        )
    }
}

impl std::error::Error for MapError {}

#[cfg(test)]
pub(crate) mod tests;
