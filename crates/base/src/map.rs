//! Anonymous memory maps: large tables whose memory exists only where it was touched, and can be given back.
//!
//! A [`Map`] reserves address space at once and takes memory page by page as elements are first written. Fresh elements
//! are all-zero bits, which [`FromZeros`] proves to be a valid value. Giving pages back makes their elements zero again,
//! which is why elements must not need dropping. This is the one place of the crate that manages memory by hand.
//!
//! Whoever touches a page for the first time waits for it: about 2 us for an ordinary page and 0.3 ms for a huge one if
//! the machine has it, 12 us and 6 ms if a hypervisor must find it first. [`Pages`] is the choice between the two, and
//! [`Map::touch`] spreads the wait.
//!
//! Invariants: `base` is the start of a private mapping of `mapped_bytes()` bytes that nobody else knows of, or dangling
//! if that is zero; it is aligned for `T`, and to a huge page if the elements fill one; `len` elements fit in it.

mod error;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use zerocopy::FromZeros;

use crate::collapse;
use crate::limits::{HUGE_PAGE_BYTES, PAGE_BYTES_MIN};

pub use error::MapError;

/// Which pages are behind a table that grows by first touches.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Pages {
    /// Ordinary ones while memory is taken, so that growing never waits for more than a few of them. Once the table is
    /// large, what has filled a huge page becomes one, in the background ([`collapse`]); whoever uses that memory in the
    /// same moment waits for the copying of 2 MiB.
    #[default]
    HugeWhenFull,
    /// Ordinary ones for ever, also where the kernel would give huge ones by itself. Random reads of a table of gigabytes
    /// take a third longer, an eighth where they are asked for ahead of time.
    Ordinary,
    /// Huge ones once the table is large: an operation waits for one at most, which is not less than 0.3 ms, and 6 ms
    /// on a virtual machine whose memory is given to it late.
    Huge,
}

/// `len` elements of zero-initialised memory straight from the kernel.
///
/// Reading an element that was never written is allowed and sees zeros. Elements are never dropped; a type that needs
/// dropping does not compile.
pub struct Map<T> {
    base: NonNull<T>,
    len: usize,
    /// Some of it was handed over to become huge pages.
    collapses: bool,
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
        Ok(Self { base, len, collapses: false, owned: PhantomData })
    }

    /// Gives back the memory of every page that lies entirely inside `range` (in elements), and returns the bytes of
    /// those pages. Their elements read as zero from now on; the others of the range keep their values.
    ///
    /// A range that ends with the map also covers the rest of its last page. Returns 0, with all values kept, if no
    /// whole page lies inside or if the kernel refuses (locked memory). Costs one system call, two where huge pages were
    /// asked for in the background: what is given back comes as ordinary pages again.
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
        if self.collapses {
            self.ordinary_again(first..end);
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
        let start = self.base.as_ptr().cast::<u8>().wrapping_add(first);
        let length = bytes.end.next_multiple_of(page_bytes()) - first;
        // SAFETY: these are whole pages of our own mapping; populating takes memory and changes no value.
        unsafe { madvise(start.cast(), length, Advice::LinuxPopulateWrite) }.is_ok()
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

    /// Hands over every whole huge page that lies in `bytes` to become one, in the background and if the kernel can
    /// ([`collapse`]). For memory that is in use to its last page: what was never touched would be taken now. No value
    /// changes, and nobody else's, whatever becomes of the map meanwhile.
    ///
    /// Costs a microsecond a page, and the start of a thread once in the life of the process.
    ///
    /// # Panics
    /// If the range, in bytes from the start, does not lie inside the map.
    pub fn collapse(&mut self, bytes: Range<usize>) {
        let mapped = self.mapped_bytes();
        assert!(bytes.start <= bytes.end && bytes.end <= mapped, "{bytes:?} must lie inside {mapped} bytes");
        let whole = bytes.start.next_multiple_of(HUGE_PAGE_BYTES)..bytes.end / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        for offset in whole.step_by(HUGE_PAGE_BYTES) {
            let address = self.base.addr().get() + offset;
            assert!(address.is_multiple_of(HUGE_PAGE_BYTES), "a map that fills a huge page is aligned to one");
            self.collapses = true;
            collapse::ask(address);
        }
    }

    /// Before a part is given back: the huge pages around it are not to come again by themselves, neither to whoever touches
    /// it next nor from the kernel's own thread.
    #[cold]
    fn ordinary_again(&mut self, bytes: Range<usize>) {
        let first = bytes.start / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        let end = bytes.end.next_multiple_of(HUGE_PAGE_BYTES).min(self.mapped_bytes());
        assert!(first < end, "a part to give back has bytes");
        let start = self.base.as_ptr().cast::<u8>().wrapping_add(first);
        // A refusal (too many mappings) makes a later first touch take longer, and nothing else.
        // SAFETY: as in `huge`.
        let _refused = unsafe { madvise(start.cast(), end - first, Advice::LinuxNoHugepage) };
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

/// Whether all ordinary pages of the huge page at `address` are there. False where nothing is mapped.
pub(crate) fn is_resident(address: usize) -> bool {
    assert!(address.is_multiple_of(HUGE_PAGE_BYTES), "{address:#x} is not the start of a huge page");
    let mut pages = [0_u8; HUGE_PAGE_BYTES / PAGE_BYTES_MIN];
    let start = std::ptr::without_provenance_mut(address);
    // SAFETY: the call writes a byte a page into `pages`, which has one for each of the smallest there are, and does not
    // touch the memory that it is asked about, whoever's that is.
    let known = unsafe { libc::mincore(start, HUGE_PAGE_BYTES, pages.as_mut_ptr()) };
    known == 0 && pages[..HUGE_PAGE_BYTES / page_bytes()].iter().all(|page| page & 1 == 1)
}

/// Replaces the ordinary pages at `address` by a huge one with the same contents (`MADV_COLLAPSE`, madvise(2), Linux 6.1).
/// Takes half a millisecond of copying, during which whoever touches these pages waits.
///
/// # Errors
/// Nothing is mapped there, or not as one mapping, the kernel has no huge page, or does not know the call (`EINVAL`).
pub(crate) fn collapse_at(address: usize) -> Result<(), Errno> {
    assert!(address.is_multiple_of(HUGE_PAGE_BYTES), "{address:#x} is not the start of a huge page");
    let start = std::ptr::without_provenance_mut(address);
    // The kernel collapses nothing that is to stand on ordinary pages, so that advice is taken back first, and only here,
    // because a first touch would take a huge page from now on.
    // SAFETY: neither this advice nor the next ever changes what a program reads: they are right for every address, also
    // if the map that it was in is gone and somebody else's memory is there. At worst that stands on a huge page then.
    unsafe { madvise(start, HUGE_PAGE_BYTES, Advice::LinuxHugepage) }?;
    // SAFETY: as above.
    let collapsed = unsafe { libc::madvise(start, HUGE_PAGE_BYTES, MADV_COLLAPSE) };
    match collapsed {
        0 => Ok(()),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}

/// `MADV_COLLAPSE` of <linux/mman.h>, which rustix does not know.
const MADV_COLLAPSE: libc::c_int = 25;

#[cfg(test)]
pub(crate) mod tests;
