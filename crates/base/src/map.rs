//! Anonymous memory maps: large tables whose memory exists only where it was touched, and can be given back.
//!
//! A [`Map`] reserves address space at once and takes memory page by page as elements are first written. Fresh elements
//! are all-zero bits, which [`FromZeros`] proves to be a valid value. Giving pages back makes their elements zero again,
//! which is why elements must not need dropping. This is the one place of the crate that manages memory by hand, with `map/mapping.rs`.
//!
//! Whoever touches a page for the first time waits for it: about 2 us for an ordinary page and 0.3 ms for a huge one if
//! the machine has it, 12 us and 6 ms if a hypervisor must find it first. [`Pages`] is the choice between the two, and
//! [`Map::touch`] spreads the wait.
//!
//! Invariants: `base` is the start of a private mapping of `mapped_bytes()` bytes that nobody else knows of, or dangling
//! if that is zero; it is aligned for `T`, and to a huge page if the elements fill one; `len` elements fit in it.

mod error;
mod mapping;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::mm::{Advice, madvise};
use zerocopy::FromZeros;

use crate::ahead;
use crate::limits::HUGE_PAGE_BYTES;

pub use error::MapError;
pub(crate) use mapping::Mapping;

/// Which pages are behind a table that grows by first touches.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Pages {
    /// Huge ones once the table is large, each made ready in the background before the table comes to it
    /// ([`Map::touch_ahead`]). Where the background has not had its turn in time, an operation waits for one page: 0.3 ms,
    /// and 6 ms on a virtual machine whose memory is given to it late.
    #[default]
    Huge,
    /// Ordinary ones for ever, also where the kernel would give huge ones by itself. Random reads of a table of gigabytes
    /// take a third longer, an eighth where they are asked for ahead of time.
    Ordinary,
}

/// `len` elements of zero-initialised memory straight from the kernel.
///
/// Reading an element that was never written is allowed and sees zeros. Elements are never dropped; a type that needs
/// dropping does not compile.
pub struct Map<T> {
    base: NonNull<T>,
    len: usize,
    /// What the elements lie in; `None` if they have no bytes.
    mapping: Option<Arc<Mapping>>,
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
        let mapping = if bytes > 0 { Some(Arc::new(Mapping::new(bytes)?)) } else { None };
        let base = mapping.as_ref().map_or(NonNull::dangling(), |mapping| mapping.start().cast());
        assert!(base.is_aligned(), "the kernel maps whole pages");
        Ok(Self { base, len, mapping, owned: PhantomData })
    }

    /// A map of nothing, which costs nothing.
    pub fn empty() -> Self {
        Self { base: NonNull::dangling(), len: 0, mapping: None, owned: PhantomData }
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

    /// Takes the memory of every page that lies in `bytes`, wholly or in part, so that nobody waits for it later. Elements
    /// keep their values. Costs one system call, and the first touch of the pages that were not there.
    ///
    /// False if the kernel cannot (before Linux 5.14, or out of memory); the pages then come when they are written.
    ///
    /// # Panics
    /// If the range, in bytes from the start, does not lie inside the map.
    pub fn touch(&mut self, bytes: Range<usize>) -> bool {
        let mapped = self.mapped_bytes();
        assert!(bytes.start <= bytes.end && bytes.end <= mapped, "{bytes:?} must lie inside {mapped} bytes");
        if bytes.is_empty() {
            return true;
        }
        let first = bytes.start / page_bytes() * page_bytes();
        let end = bytes.end.next_multiple_of(page_bytes());
        self.mapping.as_ref().is_some_and(|mapping| mapping.populate(first..end).is_ok())
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

    /// Asks the kernel for ordinary pages only, also where it is set to give huge ones to everybody. Returns whether it
    /// agreed; a kernel built without huge pages does not. Costs one system call.
    pub fn ordinary(&self) -> bool {
        let bytes = self.mapped_bytes();
        // SAFETY: as in `huge`.
        bytes > 0 && unsafe { madvise(self.base.as_ptr().cast(), bytes, Advice::LinuxNoHugepage) }.is_ok()
    }

    /// Has every huge page that lies in `bytes`, wholly or in part, made ready in the background, so that whoever writes
    /// there first need not wait for it ([`ahead`]). Elements keep their values, whoever is quicker. What lies beyond the
    /// end of the map is left out.
    ///
    /// Never waits. Costs a microsecond a page, and the start of a thread once in the life of the process.
    ///
    /// # Panics
    /// If the range does not start inside the map.
    pub fn touch_ahead(&self, bytes: Range<usize>) {
        let mapped = self.mapped_bytes();
        assert!(bytes.start <= mapped, "{bytes:?} must start inside {mapped} bytes");
        let Some(mapping) = self.mapping.as_ref().filter(|_| !bytes.is_empty()) else {
            return;
        };
        let first = bytes.start / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        for start in (first..bytes.end.min(mapped)).step_by(HUGE_PAGE_BYTES) {
            ahead::ask(mapping, start..(start + HUGE_PAGE_BYTES).min(mapped));
        }
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

impl<T> fmt::Debug for Map<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} elements of {} bytes)", self.len, size_of::<T>())
    }
}

/// Bytes of an ordinary page of this machine. Constant while the process lives, and cheap to ask for.
pub fn page_bytes() -> usize {
    rustix::param::page_size()
}

#[cfg(test)]
pub(crate) mod tests;
