//! The receive buffers of one ring: provided to the kernel ahead of time, taken when bytes are in them (io_uring_register(2),
//! `IORING_REGISTER_PBUF_RING`).
//!
//! A connection that waits has no buffer: the kernel takes the next of the ring when bytes come. A filled buffer leaves as a
//! [`Lease`], without a copy, and another one of the core's pool takes its number.
//!
//! `unsafe` here: memory is given to the kernel and taken back by address. Invariants: a number below the length of `given` is
//! either with the kernel (`given[number]` is the buffer's address) or empty (and in `empty`), never both; the table and what is
//! given outlive the ring, whose owner has ended all receiving before (see [`Ring`](super::ring::Ring)).

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release};

use crore_base::map::Map;
use io_uring::IoUring;

use crate::driver::{Lease, LeasePool};
use crate::limits::LEASE_BYTES;

/// The one group of buffers that a ring has.
pub(super) const GROUP: u16 = 0;

pub(super) struct Buffers {
    /// Two words a place: the address; length, number and, in the first place only, the tail (`struct io_uring_buf`).
    table: Map<AtomicU64>,
    /// Where the buffer of each number is, or null.
    given: Vec<*mut u8>,
    empty: Vec<u16>,
    tail: u16,
    pool: LeasePool,
}

impl Buffers {
    /// Registers `count` places, a power of two, and fills them.
    pub(super) fn new(ring: &IoUring, count: u16, pool: LeasePool) -> io::Result<Buffers> {
        assert!(count.is_power_of_two());
        let table: Map<AtomicU64> = Map::new(2 * usize::from(count)).map_err(io::Error::other)?;
        let address = table.base().as_ptr().addr() as u64;
        let submitter = ring.submitter();
        // SAFETY: the table has a place of 16 bytes for each of the entries, starts on a page, and lives until the ring is gone.
        unsafe { submitter.register_buf_ring_with_flags(address, count, GROUP, 0) }?;
        let given = vec![ptr::null_mut(); usize::from(count)];
        let mut buffers = Buffers { table, given, empty: (0..count).collect(), tail: 0, pool };
        buffers.refill();
        Ok(buffers)
    }

    /// Gives the kernel a buffer for each number that has none.
    pub(super) fn refill(&mut self) {
        if self.empty.is_empty() {
            return;
        }
        let mask = self.given.len() - 1;
        for number in self.empty.drain(..) {
            let buffer = Box::into_raw(self.pool.buffer()).cast::<u8>();
            self.given[usize::from(number)] = buffer;
            let place = 2 * (usize::from(self.tail) & mask);
            self.table[place].store(buffer.expose_provenance() as u64, Relaxed);
            // The first place's upper bits are the tail, which must not change before the places are written.
            let kept = self.table[place + 1].load(Relaxed) & 0xffff_0000_0000_0000;
            self.table[place + 1].store(kept | u64::from(number) << 32 | LEASE_BYTES as u64, Relaxed);
            self.tail = self.tail.wrapping_add(1);
        }
        let first = self.table[1].load(Relaxed) & 0x0000_ffff_ffff_ffff;
        self.table[1].store(u64::from(self.tail) << 48 | first, Release);
    }

    /// Takes the buffer that the kernel put `count` bytes into.
    pub(super) fn take(&mut self, number: u16, count: usize) -> Lease {
        let buffer = std::mem::replace(&mut self.given[usize::from(number)], ptr::null_mut());
        assert!(
            !buffer.is_null() && count <= LEASE_BYTES,
            "buffer {number} with {count} bytes was not with the kernel"
        );
        self.empty.push(number);
        // SAFETY: it came from such a box, and the completion says that the kernel has no more to do with it.
        let bytes = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(buffer, LEASE_BYTES)) };
        self.pool.lend(bytes, count)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        for &buffer in self.given.iter().filter(|buffer| !buffer.is_null()) {
            // SAFETY: it came from such a box, and nothing is received any more.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(buffer, LEASE_BYTES)) });
        }
    }
}
