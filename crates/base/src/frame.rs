//! Frames: fixed pieces of memory that hold one Ethernet frame each, named by number.
//!
//! A core has one [`FramePool`], sized at start. Whoever holds a [`Frame`] owns the bytes behind it, though the handle
//! is eight bytes that borrow nothing, so it fits into rings, queues and events without counting references. The price
//! is that a handle must come back to its pool by [`free`](FramePool::free): one that is dropped leaks its frame, and
//! [`in_use`](FramePool::in_use) is how tests see it.
//!
//! Invariants:
//! - A frame is in exactly one place: on the free list, behind one handle, or lent to a driver. Handles cannot be
//!   copied and only the pool makes them, so the compiler sees to most of this.
//! - The last `reserve` free frames go to [`alloc_reserved`](FramePool::alloc_reserved) only: a host that has run out
//!   of buffers still answers with ACK, RST and ARP instead of going deaf.
//! - The frame freed last is taken first: its bytes are most likely still in cache, and memory that a quiet core has
//!   never needed is never touched.

use std::fmt;

use crate::limits::{FRAME_BYTES, HUGE_PAGE_BYTES};
use crate::map::{Map, MapError};
use crate::prefetch::prefetch;

const _: () = assert!(FRAME_BYTES <= u16::MAX as usize, "offsets into a frame are 16 bits");
const _: () = assert!(FRAME_BYTES.is_power_of_two(), "frames never straddle pages");
const _: () = assert!(size_of::<Frame>() == 8, "a handle is copied through every ring; it stays one word");

/// The bytes `start .. start + len` of one frame of one [`FramePool`], owned by whoever holds this.
///
/// It must go back to the pool that it came from; dropping it leaks the frame.
#[must_use = "a frame that is dropped instead of freed is lost to its pool"]
#[derive(PartialEq, Eq, Debug)]
pub struct Frame {
    index: u32,
    start: u16,
    len: u16,
}

impl Frame {
    /// Bytes in use, from zero to [`FRAME_BYTES`].
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether no bytes are in use, as in a frame just allocated.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Drops `bytes` bytes at the front, such as a header that has been read.
    ///
    /// # Panics
    /// If there are not that many.
    #[inline]
    pub fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.len(), "cannot drop {bytes} bytes of {}", self.len);
        self.start += bytes as u16;
        self.len -= bytes as u16;
        debug_assert!(self.start() + self.len() <= FRAME_BYTES);
    }

    /// Keeps the first `len` bytes; does nothing if there are fewer.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = len.min(self.len()) as u16;
    }

    /// Says how many bytes are in use, counted from [`start`](Self::start): the last step of writing a frame.
    ///
    /// # Panics
    /// If they would reach beyond the frame.
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= FRAME_BYTES - self.start(), "{len} bytes from {} do not fit a frame", self.start);
        self.len = len as u16;
    }

    /// The number of the frame in its pool.
    #[inline]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Where the bytes in use begin, counted from the start of the frame.
    #[inline]
    pub fn start(&self) -> usize {
        usize::from(self.start)
    }
}

/// All frames of one core: `capacity` pieces of [`FRAME_BYTES`] bytes in one mapping.
///
/// Nothing here allocates or makes a system call after [`new`](Self::new), and every operation is a few instructions.
///
/// ```
/// use crore_base::frame::FramePool;
///
/// let mut frames = FramePool::new(1_000, 10)?;
/// let mut frame = frames.alloc().expect("there is room");
/// frames.buffer_mut(&mut frame)[..5].copy_from_slice(b"hello");
/// frame.set_len(5);
/// frame.advance(1);
/// assert_eq!(frames.bytes(&frame), b"ello");
/// frames.free(frame);
/// assert_eq!(frames.in_use(), 0);
/// # Ok::<(), crore_base::map::MapError>(())
/// ```
pub struct FramePool {
    memory: Map<[u8; FRAME_BYTES]>,
    /// Numbers of the free frames, the one to be taken next at the end. Its capacity is all frames.
    free: Vec<u32>,
    /// One bit a frame: it has been taken out as a bare number by [`lend`](FramePool::lend).
    lent: Vec<u64>,
    reserve: u32,
}

impl FramePool {
    /// A pool of `frames` frames, the last `reserve` of which are kept for [`alloc_reserved`](Self::alloc_reserved).
    ///
    /// Reserves `frames` times [`FRAME_BYTES`] of address space, on huge pages where the kernel has them; memory is
    /// taken as frames are first written. Beside it, a frame costs 4 bytes and a bit.
    ///
    /// # Errors
    /// The kernel has no address space left for the process.
    ///
    /// # Panics
    /// If there are no frames, or if the reserve is larger than the pool.
    pub fn new(frames: u32, reserve: u32) -> Result<Self, MapError> {
        assert!(frames > 0, "a pool without frames can neither send nor receive");
        assert!(reserve <= frames, "a reserve of {reserve} is larger than the pool of {frames} frames");
        let memory = Map::<[u8; FRAME_BYTES]>::new(frames as usize)?;
        if memory.mapped_bytes() >= HUGE_PAGE_BYTES {
            // A kernel without huge pages only makes it slower.
            let _agreed = memory.huge();
        }
        let free = (0..frames).rev().collect();
        Ok(Self { memory, free, lent: vec![0; frames.div_ceil(u64::BITS) as usize], reserve })
    }

    /// An empty frame, or `None` if only the reserve is left. What its bytes hold is left over from before.
    #[inline]
    pub fn alloc(&mut self) -> Option<Frame> {
        if self.free.len() <= self.reserve as usize {
            return None;
        }
        self.alloc_reserved()
    }

    /// An empty frame, from the reserve if need be: for ACK, RST, ARP and other answers that free memory elsewhere or
    /// keep the host reachable. `None` only if every frame is in use.
    #[inline]
    pub fn alloc_reserved(&mut self) -> Option<Frame> {
        let index = self.free.pop()?;
        debug_assert!(!self.is_lent(index), "frame {index} is free and lent at once");
        Some(Frame { index, start: 0, len: 0 })
    }

    /// A second frame with the bytes of `frame`, at the same place; `None` if only the reserve is left. Copies the
    /// bytes in use.
    pub fn duplicate(&mut self, frame: &Frame) -> Option<Frame> {
        let copy = self.alloc()?;
        let both = [frame.index as usize, copy.index as usize];
        let [from, to] = self.memory.get_disjoint_mut(both).expect("two frames in use have two numbers of this pool");
        let used = frame.start()..frame.start() + frame.len();
        to[used.clone()].copy_from_slice(&from[used]);
        Some(Frame { index: copy.index, start: frame.start, len: frame.len })
    }

    /// Takes a frame back.
    ///
    /// # Panics
    /// If it cannot be a frame of this pool: its number is too large, or nothing is in use.
    #[inline]
    pub fn free(&mut self, frame: Frame) {
        assert!(frame.index < self.capacity(), "frame {} is not of this pool", frame.index);
        assert!(self.free.len() < self.memory.len(), "frame {} is freed, but none is in use", frame.index);
        debug_assert!(!self.is_lent(frame.index), "frame {} is freed while lent", frame.index);
        self.free.push(frame.index);
    }

    /// The bytes of a frame that are in use.
    ///
    /// # Panics
    /// If it is of another, larger pool.
    #[inline]
    pub fn bytes(&self, frame: &Frame) -> &[u8] {
        &self.memory[frame.index as usize][frame.start()..frame.start() + frame.len()]
    }

    /// The bytes of a frame that are in use, to change.
    ///
    /// # Panics
    /// If it is of another, larger pool.
    #[inline]
    pub fn bytes_mut(&mut self, frame: &mut Frame) -> &mut [u8] {
        &mut self.memory[frame.index as usize][frame.start()..frame.start() + frame.len()]
    }

    /// The whole frame, to write new bytes from its start; [`Frame::set_len`] then says how many. The frame is empty,
    /// and begins at 0, from here on.
    ///
    /// # Panics
    /// If it is of another, larger pool.
    #[inline]
    pub fn buffer_mut(&mut self, frame: &mut Frame) -> &mut [u8; FRAME_BYTES] {
        (frame.start, frame.len) = (0, 0);
        &mut self.memory[frame.index as usize]
    }

    /// Asks for the first two cache lines in use, ahead of reading them a little later.
    #[inline]
    pub fn prefetch(&self, frame: &Frame) {
        prefetch(self.bytes(frame));
    }

    /// Takes a frame out as a bare number, for a device that knows memory by offsets and not by handles. It comes back
    /// by [`frame_at`](Self::frame_at).
    ///
    /// # Panics
    /// If it cannot be a frame of this pool.
    #[inline]
    pub fn lend(&mut self, frame: Frame) -> u32 {
        let (word, bit) = place(frame.index);
        assert!(frame.index < self.capacity(), "frame {} is not of this pool", frame.index);
        assert!(self.lent[word] & bit == 0, "frame {} is lent twice", frame.index);
        self.lent[word] |= bit;
        frame.index
    }

    /// The handle of frame `index`, which a device has given back with bytes `start .. start + len` in use.
    ///
    /// `None`, and nothing happens, if that frame is not [lent](Self::lend) or the bytes do not fit a frame: a device
    /// that is confused can lose frames but never own one twice.
    #[inline]
    pub fn frame_at(&mut self, index: u32, start: usize, len: usize) -> Option<Frame> {
        let fits = start <= FRAME_BYTES && len <= FRAME_BYTES - start;
        if !fits || index >= self.capacity() || !self.is_lent(index) {
            return None;
        }
        let (word, bit) = place(index);
        self.lent[word] &= !bit;
        Some(Frame { index, start: start as u16, len: len as u16 })
    }

    /// Frames that [`alloc`](Self::alloc) can still give: the free ones without the reserve.
    #[inline]
    pub fn available(&self) -> u32 {
        (self.free.len() as u32).saturating_sub(self.reserve)
    }

    /// Frames behind handles or lent.
    #[inline]
    pub fn in_use(&self) -> u32 {
        self.capacity() - self.free.len() as u32
    }

    /// All frames, in use or not, reserve included.
    #[inline]
    pub fn capacity(&self) -> u32 {
        self.memory.len() as u32
    }

    /// Frames kept for [`alloc_reserved`](Self::alloc_reserved).
    #[inline]
    pub fn reserve(&self) -> u32 {
        self.reserve
    }

    /// The mapping behind all frames, to register it with a device; frame `n` is at `n` times [`FRAME_BYTES`].
    pub fn memory(&self) -> &Map<[u8; FRAME_BYTES]> {
        &self.memory
    }

    #[inline]
    fn is_lent(&self, index: u32) -> bool {
        let (word, bit) = place(index);
        self.lent[word] & bit != 0
    }
}

impl fmt::Debug for FramePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FramePool({} of {} frames in use, {} reserved)", self.in_use(), self.capacity(), self.reserve)
    }
}

/// Word and bit of a frame in a bitmap.
#[inline]
fn place(index: u32) -> (usize, u64) {
    ((index / u64::BITS) as usize, 1 << (index % u64::BITS))
}

#[cfg(test)]
mod tests;
