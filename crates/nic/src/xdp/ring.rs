//! One of the four rings between a process and an AF_XDP socket: one side writes, the other reads.
//!
//! | ring | written by | entries |
//! |---|---|---|
//! | fill | us | frames into which the kernel may receive |
//! | receive | kernel | frames that have come |
//! | transmit | us | frames to be sent |
//! | completion | kernel | frames that are ours again |
//!
//! `producer` and `consumer` count entries since the ring was made and wrap around at 2^32. We keep our own index, and
//! a copy of the kernel's that is renewed only when it seems that there is nothing left to do: so a cache line crosses
//! between cores once a burst. See `Documentation/networking/af_xdp.rst` of Linux.

use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rustix::io::Errno;
use rustix::net::xdp::{XdpRingFlags, XdpRingOffset};

use super::memory::RingMemory;

const WORD_BYTES: usize = 8;

/// A frame, or a part of it, in the memory that the socket shares.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// Bytes from the start of the shared memory.
    pub(super) address: u64,
    /// Bytes; zero in rings whose entries have none.
    pub(super) len: u32,
}

/// A ring that we write.
pub(super) type Producer = Ring<Writes>;

/// A ring that we read.
pub(super) type Consumer = Ring<Reads>;

/// We write the ring, the kernel reads it.
pub(super) enum Writes {}

/// The kernel writes the ring, we read it.
pub(super) enum Reads {}

/// One ring. Entries are one or two words of eight bytes; `producer`, `consumer` and `flags` say where in the memory the words
/// that both sides share lie.
pub(super) struct Ring<Side> {
    memory: RingMemory,
    producer: usize,
    consumer: usize,
    flags: Option<usize>,
    entries: usize,
    size: u32,
    words_per_entry: usize,
    /// Entries written, published or not; of a ring that we read: as it was seen last.
    produced: u32,
    /// Entries read, released or not; of a ring that we write: as it was seen last.
    consumed: u32,
    side: PhantomData<Side>,
}

impl<Side> Ring<Side> {
    /// Maps a ring of `size` entries, which is empty.
    ///
    /// # Panics
    /// If the size is not a power of two, or the entries are of neither kind.
    ///
    /// # Errors
    /// The kernel's, or that the layout is none of this machine.
    pub(super) fn open(
        socket: BorrowedFd<'_>,
        page_offset: u64,
        offsets: XdpRingOffset,
        size: u32,
        words_per_entry: usize,
    ) -> Result<Self, Errno> {
        assert!(size.is_power_of_two() && matches!(words_per_entry, 1 | 2));
        let entries = usize::try_from(offsets.desc).map_err(|_| Errno::OVERFLOW)?;
        let bytes = size as usize * words_per_entry * WORD_BYTES;
        let memory = RingMemory::open(socket, page_offset, entries.checked_add(bytes).ok_or(Errno::OVERFLOW)?)?;
        let (producer, consumer) = (offsets.producer as usize, offsets.consumer as usize);
        let flags = offsets.flags.map(|flags| flags as usize);
        let (produced, consumed, side) = (0, 0, PhantomData);
        Ok(Self { memory, producer, consumer, flags, entries, size, words_per_entry, produced, consumed, side })
    }

    #[inline]
    fn word(&self, index: u32, word: usize) -> &AtomicU64 {
        debug_assert!(word < self.words_per_entry);
        let words = self.memory.words(self.entries, self.size as usize * self.words_per_entry);
        &words[(index & (self.size - 1)) as usize * self.words_per_entry + word]
    }
}

impl Producer {
    /// Entries that there is room for, if there are fewer than `wanted`; else at least that many.
    #[inline]
    pub(super) fn room(&mut self, wanted: u32) -> u32 {
        if self.known_room() < wanted {
            self.consumed = self.memory.half(self.consumer).load(Ordering::Acquire);
        }
        self.known_room()
    }

    #[inline]
    fn known_room(&self) -> u32 {
        self.size.saturating_sub(self.produced.wrapping_sub(self.consumed))
    }

    /// Whether the kernel has taken everything that was published.
    #[inline]
    pub(super) fn is_consumed(&mut self) -> bool {
        self.room(self.size) == self.size
    }

    /// Writes an entry that the kernel does not see before [`publish`](Self::publish).
    ///
    /// # Panics
    /// If no room was found before.
    #[inline]
    pub(super) fn write(&mut self, entry: Entry) {
        assert!(self.known_room() > 0, "a full ring is not written to");
        self.word(self.produced, 0).store(entry.address, Ordering::Relaxed);
        if self.words_per_entry == 2 {
            // The length is in the first four of these bytes, options of which we use none are in the others.
            let [a, b, c, d] = entry.len.to_ne_bytes();
            let word = u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]);
            self.word(self.produced, 1).store(word, Ordering::Relaxed);
        }
        self.produced = self.produced.wrapping_add(1);
    }

    /// Shows the kernel what was written.
    #[inline]
    pub(super) fn publish(&mut self) {
        self.memory.half(self.producer).store(self.produced, Ordering::Release);
    }

    /// Whether the kernel wants to be called before it looks at the ring.
    #[inline]
    pub(super) fn needs_wakeup(&self) -> bool {
        let Some(flags) = self.flags else {
            return true;
        };
        // The kernel sets the flag, then looks at the index once more; we set the index, then look at the flag. Without
        // this fence both could see the other's old value.
        fence(Ordering::SeqCst);
        let flags = self.memory.half(flags).load(Ordering::Relaxed);
        flags & XdpRingFlags::XDP_RING_NEED_WAKEUP.bits() != 0
    }
}

impl Consumer {
    /// Entries that wait, if there are fewer than `wanted`; else at least that many.
    #[inline]
    pub(super) fn waiting(&mut self, wanted: u32) -> u32 {
        if self.known() < wanted {
            self.produced = self.memory.half(self.producer).load(Ordering::Acquire);
        }
        self.known()
    }

    #[inline]
    fn known(&self) -> u32 {
        self.produced.wrapping_sub(self.consumed)
    }

    /// The next entry, in a place that the kernel does not write before [`release`](Self::release).
    ///
    /// # Panics
    /// If none was found waiting before.
    #[inline]
    pub(super) fn read(&mut self) -> Entry {
        assert!(self.known() > 0, "an empty ring is not read");
        let address = self.word(self.consumed, 0).load(Ordering::Relaxed);
        let len = match self.words_per_entry {
            2 => {
                let [a, b, c, d, ..] = self.word(self.consumed, 1).load(Ordering::Relaxed).to_ne_bytes();
                u32::from_ne_bytes([a, b, c, d])
            }
            _ => 0,
        };
        self.consumed = self.consumed.wrapping_add(1);
        Entry { address, len }
    }

    /// Gives the kernel the room of what was read.
    #[inline]
    pub(super) fn release(&mut self) {
        self.memory.half(self.consumer).store(self.consumed, Ordering::Release);
    }
}
