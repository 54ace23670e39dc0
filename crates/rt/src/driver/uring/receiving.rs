//! Reading: one receive a connection that goes on by itself, into buffers of the ring, until it must rest.
//!
//! It rests when its reader does: more than a few unread buffers, and it is cancelled until they are read. It starves when the ring
//! had no buffer (`ENOBUFS`), until the ring has some again.

use std::io;
use std::task::{Context, Poll};

use io_uring::cqueue::buffer_select;
use rustix::io::Errno;

use super::Uring;
use super::connection::{CLOSING, CONNECTING, DEAD, ENDED, RECEIVING, RESTING, STARVED};
use super::inbox::Arrival;
use super::token::{Completion, Operation, Token};
use crate::driver::{ConnectionId, Lease, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::{URING_UNREAD_MAX, URING_UNREAD_PER_CONNECTION_MAX};
use crate::stats;

impl Uring {
    /// Has the kernel receive for a connection, unless it does, may not, or there is nothing to come.
    pub(super) fn start_receiving(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        if slot.has(RECEIVING | ENDED | STARVED | DEAD | CONNECTING) {
            return;
        }
        slot.flags = slot.flags & !RESTING | RECEIVING;
        let file = slot.file;
        self.rings[file.ring()].receive(file, Token::of(Operation::Receive, id));
    }

    pub(super) fn on_received(&mut self, ring: usize, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let count = usize::try_from(completion.result).unwrap_or(0);
        let lease = buffer_select(completion.flags).map(|number| self.rings[ring].buffers.take(number, count));
        let Some(id) = self.named_by(completion) else { return };
        let slot = self.connections.get_mut(id).expect("the handle was just made");
        if !completion.goes_on() {
            slot.flags &= !RECEIVING;
        }
        if slot.has(DEAD) {
            return self.bury(id);
        }
        let arrival = match (completion.result, lease) {
            (1.., Some(lease)) => {
                self.counters.add(stats::BYTES_RECEIVED, lease.len() as u64);
                Arrival::Bytes(lease)
            }
            (0, _) => Arrival::Bytes(Lease::end_of_stream()),
            (result, _) => match Errno::from_raw_os_error(-result) {
                Errno::NOBUFS => {
                    slot.flags |= STARVED;
                    return self.starved.push(id);
                }
                Errno::CANCELED => return self.go_on(id),
                error => Arrival::Failed(error),
            },
        };
        if !matches!(&arrival, Arrival::Bytes(lease) if !lease.is_empty()) {
            slot.flags |= ENDED;
        }
        self.inbox.push(&mut slot.unread, arrival);
        slot.unread_count = slot.unread_count.saturating_add(1);
        woken.push(std::mem::take(&mut slot.reader));
        self.go_on(id);
    }

    /// After an arrival: goes on receiving, or rests.
    fn go_on(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        if u16::from(slot.unread_count) < URING_UNREAD_PER_CONNECTION_MAX && !slot.has(CLOSING) {
            return self.start_receiving(id);
        }
        if slot.has(RECEIVING) && !slot.has(RESTING) {
            slot.flags |= RESTING;
            let ring = slot.file.ring();
            self.rings[ring].cancel(Token::of(Operation::Receive, id));
        }
    }

    pub(super) fn receive(&mut self, id: ConnectionId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        let Some(slot) = self.connections.get_mut(id).filter(|slot| !slot.has(DEAD)) else {
            return Poll::Ready(Err(gone()));
        };
        let Some(arrival) = self.inbox.pop(&mut slot.unread) else {
            if slot.has(ENDED) {
                return Poll::Ready(Ok(Lease::end_of_stream()));
            }
            slot.reader.store(context.waker());
            return Poll::Pending;
        };
        slot.unread_count = slot.unread_count.saturating_sub(1);
        if u16::from(slot.unread_count) <= URING_UNREAD_PER_CONNECTION_MAX / 2 {
            self.start_receiving(id);
        }
        match arrival {
            Arrival::Bytes(lease) => Poll::Ready(Ok(lease)),
            Arrival::Failed(error) => Poll::Ready(Err(error.into())),
        }
    }

    /// Gives the rings buffers in place of those taken, as long as not too much is unread, and lets those receive who found none.
    pub(super) fn replenish(&mut self) {
        if self.inbox.len() >= URING_UNREAD_MAX {
            return;
        }
        for ring in &mut self.rings {
            ring.buffers.refill();
        }
        for id in std::mem::take(&mut self.starved) {
            if let Some(slot) = self.live(id) {
                slot.flags &= !STARVED;
                self.start_receiving(id);
            }
        }
    }
}
