//! Writing: enqueue at once, gather at the end of the turn, wait for room only when the kernel has none.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};

use crore_base::payload::Payload;
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};

use super::Readiness;
use super::connection::{BROKEN, CLOSING, CONNECTING, DIRTY, SHUT_WHEN_SENT, WRITE_ARMED};
use super::poller::Interest;
use crate::driver::send_queue::{SendPool, SendQueue};
use crate::driver::{ConnectionId, Room};
use crate::executor::waker::WakeSlot;
use crate::limits::GATHER_MAX;
use crate::net::SendError;
use crate::stats;

/// Connections ahead of the one that is written to whose slots are fetched.
const PREFETCH_AHEAD: usize = 8;

/// Writes what is at the head of a queue with one call: what was written, and of how many bytes.
fn write_gathered(sends: &SendPool, queue: SendQueue, socket: BorrowedFd<'_>) -> (Result<usize, Errno>, usize) {
    let mut slices = [IoSlice::new(&[]); GATHER_MAX];
    let count = sends.gather(queue, &mut slices);
    let offered = slices[..count].iter().map(|slice| slice.len()).sum();
    (rustix::io::writev(socket, &slices[..count]), offered)
}

impl Readiness {
    pub(super) fn enqueue(&mut self, id: ConnectionId, payload: Payload) -> Result<(), SendError> {
        let limit = self.connections.get(id).ok_or(SendError::Closed)?.limit;
        self.enqueue_within(id, payload, limit)
    }

    pub(super) fn enqueue_within(&mut self, id: ConnectionId, payload: Payload, limit: u32) -> Result<(), SendError> {
        let slot = self.connections.get_mut(id).ok_or(SendError::Closed)?;
        if slot.has(BROKEN | CLOSING | SHUT_WHEN_SENT) {
            return Err(SendError::Closed);
        }
        let queued = slot.queue.bytes();
        // One payload is always taken by an empty queue, however large: otherwise it could never be sent.
        let fits = queued == 0 || payload.len() <= limit.saturating_sub(queued) as usize;
        if !fits || u32::try_from(payload.len()).is_err() {
            return Err(SendError::Full { queued, limit });
        }
        self.sends.push(&mut slot.queue, payload);
        if !slot.has(WRITE_ARMED | DIRTY) && !slot.queue.is_empty() {
            slot.flags |= DIRTY;
            self.dirty.push(id);
        }
        Ok(())
    }

    pub(super) fn sendable(
        &mut self,
        id: ConnectionId,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let Some(slot) = self.connections.get_mut(id) else {
            return Poll::Ready(Err(SendError::Closed));
        };
        if slot.has(BROKEN) {
            return Poll::Ready(Err(SendError::Closed));
        }
        if room.is_there(slot.queue.bytes(), slot.limit) {
            return Poll::Ready(Ok(()));
        }
        slot.writer.store(context.waker());
        Poll::Pending
    }

    pub(super) fn flush_dirty(&mut self, woken: &mut Vec<WakeSlot>) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for at in 0..dirty.len() {
            let id = dirty[at];
            if let Some(ahead) = dirty.get(at + PREFETCH_AHEAD) {
                self.connections.prefetch(ahead.index());
            }
            if let Some(slot) = self.connections.get_mut(id) {
                slot.flags &= !DIRTY;
                self.write_queued(id, woken);
            }
        }
        dirty.clear();
        self.dirty = dirty;
    }

    /// Writes until the queue is empty or the kernel takes no more.
    fn write_queued(&mut self, id: ConnectionId, woken: &mut Vec<WakeSlot>) {
        loop {
            let slot = self.connections.get_mut(id).expect("only live connections are written to");
            if slot.queue.is_empty() {
                return self.on_all_sent(id, woken);
            }
            let (written, offered) = match self.sends.only(slot.queue) {
                Some(bytes) => (rustix::io::write(slot.descriptor.borrow(), bytes), bytes.len()),
                None => write_gathered(&self.sends, slot.queue, slot.descriptor.borrow()),
            };
            match written {
                Ok(written) => {
                    self.sends.advance(&mut slot.queue, written);
                    self.count(stats::BYTES_SENT, written as u64);
                    self.count(stats::WRITES, 1);
                    if written < offered {
                        return self.on_no_room(id, woken);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return self.on_no_room(id, woken),
                Err(_) => return self.on_broken(id, woken),
            }
        }
    }

    fn on_all_sent(&mut self, id: ConnectionId, woken: &mut Vec<WakeSlot>) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        if !slot.writer.is_empty() {
            woken.push(std::mem::take(&mut slot.writer));
        }
        if slot.has(SHUT_WHEN_SENT) {
            // It fails only when the peer is gone, which reading tells.
            let _ = shutdown(slot.descriptor.borrow(), Shutdown::Write);
        }
        if slot.has(CLOSING) {
            self.release(id);
        }
    }

    fn on_no_room(&mut self, id: ConnectionId, woken: &mut Vec<WakeSlot>) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        woken.push(std::mem::take(&mut slot.writer));
        let before = slot.interest();
        slot.flags |= WRITE_ARMED;
        self.watch_anew(id, before, woken);
    }

    /// The peer is gone. Reading tells why; writers are told that it is closed.
    fn on_broken(&mut self, id: ConnectionId, woken: &mut Vec<WakeSlot>) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        slot.flags |= BROKEN;
        self.sends.clear(&mut slot.queue);
        woken.push(std::mem::take(&mut slot.writer));
        if slot.has(CLOSING) {
            self.release(id);
        }
    }

    /// The kernel has room again, or the connect is over: writing is watched no more, and what waits is written.
    pub(super) fn disarm(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        slot.flags &= !WRITE_ARMED;
        if !slot.queue.is_empty() && !slot.has(DIRTY | CONNECTING) {
            slot.flags |= DIRTY;
            self.dirty.push(id);
        }
    }

    /// Has a connection watched for what it is to be watched for now, if that was not so `before`.
    pub(super) fn watch_anew(&mut self, id: ConnectionId, before: Interest, woken: &mut Vec<WakeSlot>) {
        let slot = self.connections.get(id).expect("only live connections are watched");
        let registration = slot.registration(id);
        if registration.interest != before && self.poller.change(registration, before).is_err() {
            // The kernel has no memory for it (epoll_ctl(2)): a connection that would wait for ever is ended instead.
            let _ = shutdown(slot.descriptor.borrow(), Shutdown::Both);
            self.on_broken(id, woken);
        }
    }

    pub(super) fn shut_down(&mut self, id: ConnectionId) {
        let Some(slot) = self.connections.get_mut(id) else {
            return;
        };
        if slot.has(SHUT_WHEN_SENT | BROKEN) {
            return;
        }
        slot.flags |= SHUT_WHEN_SENT;
        if slot.queue.is_empty() {
            let _ = shutdown(slot.descriptor.borrow(), Shutdown::Write);
        }
    }
}
