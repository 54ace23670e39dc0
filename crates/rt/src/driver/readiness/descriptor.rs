//! A descriptor inside a connection's slot: four bytes of plain data that own an open file.
//!
//! Slots must be plain data (all zero is valid, no destructor), so the owner closes by hand. A descriptor is adopted when
//! its slot is filled and closed when the slot is emptied, by the driver that holds the slab and nobody else.
//!
//! `unsafe` here: a number is taken for an open descriptor.

use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use zerocopy::FromZeros;

#[derive(Clone, Copy, FromZeros)]
pub(crate) struct SlotDescriptor(RawFd);

impl SlotDescriptor {
    pub(crate) fn adopt(descriptor: OwnedFd) -> SlotDescriptor {
        SlotDescriptor(descriptor.into_raw_fd())
    }

    pub(crate) fn borrow(&self) -> BorrowedFd<'_> {
        // SAFETY: a live slot's descriptor was adopted and is closed only by `close`, which empties the slot first.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }

    /// Closes it. The slot it came from must be gone from the slab.
    pub(crate) fn close(self) {
        // SAFETY: adopted once; the slot is gone, so nobody closes or borrows it again.
        drop(unsafe { OwnedFd::from_raw_fd(self.0) });
    }
}
