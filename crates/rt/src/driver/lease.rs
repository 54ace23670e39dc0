//! Receive buffers, lent while somebody reads them.
//!
//! A waiting connection owns no buffer: `recv` leases one from the core's pool when bytes are there, and dropping the
//! lease gives it back. A lease never leaves its core.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::limits::{LEASE_BYTES, LEASES_KEPT};

/// The receive buffers of one core.
#[derive(Clone)]
pub(crate) struct LeasePool {
    shelf: Rc<Shelf>,
}

/// Where buffers wait for their next use.
struct Shelf {
    free: RefCell<Vec<Box<[u8]>>>,
    /// How many are kept; more are freed.
    kept: usize,
}

impl Default for LeasePool {
    fn default() -> LeasePool {
        LeasePool::keeping(LEASES_KEPT)
    }
}

impl LeasePool {
    /// A pool that keeps so many free buffers.
    pub(crate) fn keeping(kept: usize) -> LeasePool {
        LeasePool { shelf: Rc::new(Shelf { free: RefCell::default(), kept }) }
    }

    /// A whole buffer, to be filled and shortened.
    pub(crate) fn lease(&self) -> Lease {
        self.lend(self.buffer(), LEASE_BYTES)
    }

    /// A whole buffer, to be lent once something is in it.
    pub(crate) fn buffer(&self) -> Box<[u8]> {
        let kept = self.shelf.free.borrow_mut().pop();
        kept.unwrap_or_else(|| vec![0; LEASE_BYTES].into_boxed_slice())
    }

    /// Lends the first `len` bytes of a buffer of this pool.
    pub(crate) fn lend(&self, bytes: Box<[u8]>, len: usize) -> Lease {
        assert!(bytes.len() == LEASE_BYTES && len <= LEASE_BYTES);
        Lease { bytes, len, shelf: Some(Rc::clone(&self.shelf)) }
    }
}

/// Received bytes, at most 16 KiB, lent from the core's pool: dropping gives the buffer back. Empty means that the peer
/// has ended its direction of the stream.
///
/// The bytes may be changed in place (a WebSocket is unmasked where it lies).
pub struct Lease {
    bytes: Box<[u8]>,
    len: usize,
    shelf: Option<Rc<Shelf>>,
}

impl Lease {
    /// What a stream that has ended gives: no bytes, and no buffer either.
    pub(crate) fn end_of_stream() -> Lease {
        Lease { bytes: Box::default(), len: 0, shelf: None }
    }

    /// Bytes that were never in a receive buffer.
    pub(crate) fn owned(bytes: Vec<u8>) -> Lease {
        let bytes = bytes.into_boxed_slice();
        Lease { len: bytes.len(), bytes, shelf: None }
    }

    /// Puts other bytes in place of those it has.
    pub(crate) fn refill(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.bytes.len(), "a lease holds {} bytes, not {}", self.bytes.len(), bytes.len());
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.len = bytes.len();
    }

    /// Keeps the first `len` bytes.
    pub(crate) fn shorten(&mut self, len: usize) {
        assert!(len <= self.len);
        self.len = len;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.take() {
            let mut free = shelf.free.borrow_mut();
            if free.len() < shelf.kept {
                free.push(std::mem::take(&mut self.bytes));
            }
        }
    }
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({} bytes)", self.len)
    }
}
