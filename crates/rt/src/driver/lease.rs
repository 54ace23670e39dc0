//! Receive buffers, lent while somebody reads them.
//!
//! A waiting connection owns no buffer: `recv` leases one from the core's pool when bytes are there, and dropping the
//! lease gives it back. A lease never leaves its core.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::limits::{LEASE_BYTES, LEASES_KEPT};

type Buffers = Rc<RefCell<Vec<Box<[u8]>>>>;

/// The receive buffers of one core.
#[derive(Clone, Default)]
pub(crate) struct LeasePool {
    free: Buffers,
}

impl LeasePool {
    /// A whole buffer, to be filled and shortened.
    pub(crate) fn lease(&self) -> Lease {
        let kept = self.free.borrow_mut().pop();
        let bytes = kept.unwrap_or_else(|| vec![0; LEASE_BYTES].into_boxed_slice());
        Lease { bytes, len: LEASE_BYTES, pool: Some(Rc::clone(&self.free)) }
    }
}

/// Received bytes, at most 16 KiB, lent from the core's pool: dropping gives the buffer back. Empty means that the peer
/// has ended its direction of the stream.
///
/// The bytes may be changed in place (a WebSocket is unmasked where it lies).
pub struct Lease {
    bytes: Box<[u8]>,
    len: usize,
    pool: Option<Buffers>,
}

impl Lease {
    /// What a stream that has ended gives: no bytes, and no buffer either.
    pub(crate) fn end_of_stream() -> Lease {
        Lease { bytes: Box::default(), len: 0, pool: None }
    }

    /// Bytes that were never in a receive buffer.
    pub(crate) fn owned(bytes: Vec<u8>) -> Lease {
        let bytes = bytes.into_boxed_slice();
        Lease { len: bytes.len(), bytes, pool: None }
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
        if let Some(pool) = self.pool.take() {
            let mut free = pool.borrow_mut();
            if free.len() < LEASES_KEPT {
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
