//! The file of a connection inside its slot: four bytes of plain data that own an open socket.
//!
//! A direct file is a place in the table of one ring (io_uring_register(2)): the process's limit of descriptors does not count it,
//! and only that ring can name it. A plain one is a descriptor, for rings that have no table; it belongs to the first ring.
//!
//! Slots must be plain data, so the owner closes by hand: through the ring, by [`Ring::close`](super::ring::Ring::close), and nowhere
//! else.
//!
//! `unsafe` here: a number is taken for an open descriptor.

use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use io_uring::types::{Fd, Fixed};
use io_uring::{opcode, squeue};
use zerocopy::FromZeros;

use crate::limits::{URING_FILES_MAX, URING_RINGS_MAX};

const PLAIN: u32 = 1 << 31;
const INDEX_BITS: u32 = 20;
const _: () = assert!(URING_FILES_MAX <= 1 << INDEX_BITS && URING_RINGS_MAX <= 1 << (31 - INDEX_BITS));

#[derive(Clone, Copy, PartialEq, Eq, Debug, FromZeros)]
pub(super) struct SlotFile(u32);
const _: () = assert!(size_of::<SlotFile>() == 4);

impl SlotFile {
    pub(super) fn direct(ring: usize, index: u32) -> SlotFile {
        assert!(ring < URING_RINGS_MAX && index < URING_FILES_MAX);
        SlotFile((ring as u32) << INDEX_BITS | index)
    }

    pub(super) fn plain(descriptor: OwnedFd) -> SlotFile {
        SlotFile(PLAIN | descriptor.into_raw_fd().cast_unsigned())
    }

    /// The ring that it belongs to.
    pub(super) fn ring(self) -> usize {
        if self.is_direct() { (self.0 >> INDEX_BITS) as usize } else { 0 }
    }

    /// The descriptor of a plain file, which the slot that it came from keeps open.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: a live slot's descriptor is closed only with the slot.
        (!self.is_direct()).then(|| unsafe { BorrowedFd::borrow_raw(self.number()) })
    }

    pub(super) fn is_direct(self) -> bool {
        self.0 & PLAIN == 0
    }

    fn index(self) -> u32 {
        self.0 & ((1 << INDEX_BITS) - 1)
    }

    /// What its ring calls it: a place in the table, or a descriptor.
    pub(super) fn number(self) -> RawFd {
        if self.is_direct() { self.index() as RawFd } else { (self.0 & !PLAIN).cast_signed() }
    }

    /// Makes an operation that was put together for the descriptor [`number`](SlotFile::number) one on this file.
    pub(super) fn name_in(self, entry: squeue::Entry) -> squeue::Entry {
        if self.is_direct() { entry.flags(squeue::Flags::FIXED_FILE) } else { entry }
    }

    pub(super) fn close_entry(self) -> squeue::Entry {
        if self.is_direct() {
            opcode::Close::new(Fixed(self.index())).build()
        } else {
            opcode::Close::new(Fd(self.number())).build()
        }
    }
}

/// The descriptor that a completion has brought.
pub(super) fn made(number: RawFd) -> OwnedFd {
    assert!(number >= 0, "{number} is an error, not a descriptor");
    // SAFETY: the kernel has just made it for us, and says so once.
    unsafe { OwnedFd::from_raw_fd(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_its_ring_and_its_number() {
        let file = SlotFile::direct(7, 12_345);
        assert_eq!((file.ring(), file.number(), file.is_direct()), (7, 12_345, true));
        let last = SlotFile::direct(URING_RINGS_MAX - 1, URING_FILES_MAX - 1);
        assert_eq!((last.ring(), last.number()), (URING_RINGS_MAX - 1, URING_FILES_MAX as i32 - 1));
        let (near, _far) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let number = std::os::fd::AsRawFd::as_raw_fd(&near);
        let plain = SlotFile::plain(near.into());
        assert_eq!((plain.ring(), plain.number(), plain.is_direct()), (0, number, false));
    }
}
