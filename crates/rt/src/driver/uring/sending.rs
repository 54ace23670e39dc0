//! Writing: enqueue at once; at the end of the turn the head of each queue goes to the kernel, all of them with one system call.
//!
//! One send a connection is under way at a time, so that what comes later cannot overtake it. The kernel waits for room by itself.
//!
//! `unsafe` here: the kernel reads payloads where they lie. Invariant: the first `sending` payloads of a queue stay in it while
//! `SENDING` is set; whoever drops what waits drops what is behind them.

use std::task::{Context, Poll};

use crore_base::payload::Payload;

use super::Uring;
use super::connection::{BROKEN, CLOSING, CONNECTING, DEAD, DIRTY, SENDING, SHUT_WHEN_SENT, SHUTTING};
use super::token::{Completion, Operation, Token};
use crate::driver::{ConnectionId, Room};
use crate::executor::waker::WakeSlot;
use crate::net::SendError;
use crate::stats;

/// Connections ahead of the one that is written to whose slots are fetched.
const PREFETCH_AHEAD: usize = 8;

impl Uring {
    pub(super) fn enqueue(&mut self, id: ConnectionId, payload: Payload, limit: Option<u32>) -> Result<(), SendError> {
        let slot = self.connections.get_mut(id).ok_or(SendError::Closed)?;
        if slot.has(BROKEN | CLOSING | SHUT_WHEN_SENT | DEAD) {
            return Err(SendError::Closed);
        }
        let (queued, limit) = (slot.queue.bytes(), limit.unwrap_or(slot.limit));
        // One payload is always taken by an empty queue, however large: otherwise it could never be sent.
        let fits = queued == 0 || payload.len() <= limit.saturating_sub(queued) as usize;
        if !fits || u32::try_from(payload.len()).is_err() {
            return Err(SendError::Full { queued, limit });
        }
        self.sends.push(&mut slot.queue, payload);
        self.mark_dirty(id);
        Ok(())
    }

    /// Drops what waits, but for what has begun to leave.
    pub(super) fn drop_unbegun(&mut self, id: ConnectionId) {
        let Some(slot) = self.connections.get_mut(id) else { return };
        if slot.has(SENDING) {
            self.sends.drop_behind(&mut slot.queue, usize::from(slot.sending));
        } else {
            self.sends.drop_unbegun(&mut slot.queue);
        }
    }

    pub(super) fn mark_dirty(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        if !slot.has(DIRTY | SENDING | CONNECTING) && !slot.queue.is_empty() {
            slot.flags |= DIRTY;
            self.dirty.push(id);
        }
    }

    pub(super) fn sendable(
        &mut self,
        id: ConnectionId,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let Some(slot) = self.live(id).filter(|slot| !slot.has(BROKEN)) else {
            return Poll::Ready(Err(SendError::Closed));
        };
        if room.is_there(slot.queue.bytes(), slot.limit) {
            return Poll::Ready(Ok(()));
        }
        slot.writer.store(context.waker());
        Poll::Pending
    }

    pub(super) fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for at in 0..dirty.len() {
            let id = dirty[at];
            if let Some(ahead) = dirty.get(at + PREFETCH_AHEAD) {
                self.connections.prefetch(ahead.index());
            }
            if let Some(slot) = self.live(id) {
                slot.flags &= !DIRTY;
                self.send_queued(id);
            }
        }
        dirty.clear();
        self.dirty = dirty;
    }

    /// Gives the head of a queue to the kernel.
    fn send_queued(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        assert!(!slot.has(SENDING | CONNECTING | DEAD));
        if slot.queue.is_empty() {
            // What waited was superseded, by somebody who came too late to send anything.
            return self.on_all_sent(id);
        }
        slot.flags |= SENDING;
        let (file, token) = (slot.file, Token::of(Operation::Send, id));
        let ring = &mut self.rings[file.ring()];
        let zero_copy = ring.features().zero_copy && slot.queue.bytes() >= self.zero_copy_from;
        let sending = match self.sends.only(slot.queue) {
            Some(bytes) => {
                // SAFETY: by this file's invariant the payload stays in the queue, and the queue's place in memory does not matter.
                unsafe { ring.send(file, bytes, zero_copy, token) };
                1
            }
            // SAFETY: as above.
            None => unsafe { ring.send_gathered(file, &self.sends, slot.queue, zero_copy, token) },
        };
        slot.sending = u8::try_from(sending).expect("at most 64 payloads are gathered");
    }

    pub(super) fn on_sent(&mut self, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let Some(id) = self.named_by(completion) else { return };
        if completion.goes_on() {
            // Without a copy: sent, but the kernel still has the bytes until its second completion.
            return self.uncopied.push((id, completion.result));
        }
        let result = match self.uncopied.iter().position(|&(whose, _)| whose == id) {
            Some(place) => self.uncopied.swap_remove(place).1,
            None => completion.result,
        };
        let slot = self.connections.get_mut(id).expect("the handle was just made");
        slot.flags &= !SENDING;
        slot.sending = 0;
        if slot.has(DEAD) {
            return self.bury(id);
        }
        match usize::try_from(result) {
            Ok(sent) => self.on_progress(id, sent, woken),
            Err(_) if result == -libc::EINTR || result == -libc::EAGAIN => self.mark_dirty(id),
            Err(_) => self.on_broken(id, woken),
        }
    }

    fn on_progress(&mut self, id: ConnectionId, sent: usize, woken: &mut Vec<WakeSlot>) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        self.sends.advance(&mut slot.queue, sent);
        self.counters.add(stats::BYTES_SENT, sent as u64);
        self.counters.add(stats::WRITES, 1);
        if !slot.writer.is_empty() {
            woken.push(std::mem::take(&mut slot.writer));
        }
        if slot.queue.is_empty() { self.on_all_sent(id) } else { self.mark_dirty(id) }
    }

    fn on_all_sent(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        if slot.has(CLOSING) {
            self.release(id, false);
        } else if slot.has(SHUT_WHEN_SENT) && !slot.has(SHUTTING) {
            self.end_direction(id);
        }
    }

    /// The peer is gone. Reading tells why; writers are told that it is closed.
    fn on_broken(&mut self, id: ConnectionId, woken: &mut Vec<WakeSlot>) {
        let slot = self.connections.get_mut(id).expect("only live connections are written to");
        slot.flags |= BROKEN;
        self.sends.clear(&mut slot.queue);
        woken.push(std::mem::take(&mut slot.writer));
        if slot.has(CLOSING) {
            self.release(id, false);
        }
    }

    pub(super) fn shut_down(&mut self, id: ConnectionId) {
        let Some(slot) = self.live(id).filter(|slot| !slot.has(SHUT_WHEN_SENT | BROKEN)) else {
            return;
        };
        slot.flags |= SHUT_WHEN_SENT;
        if slot.queue.is_empty() && !slot.has(CONNECTING) {
            self.end_direction(id);
        }
    }

    pub(super) fn end_direction(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("only live connections are shut down");
        assert!(!slot.has(DEAD | SHUTTING) && slot.queue.is_empty());
        slot.flags |= SHUTTING;
        let file = slot.file;
        self.rings[file.ring()].shut_down(file, Token::of(Operation::ShutDown, id));
    }
}
