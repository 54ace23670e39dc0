//! A connection's slot, and its life: open, read, close.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};

use crore_base::time::Instant;
use rustix::io::Errno;
use rustix::net::{self, sockopt};
use zerocopy::FromZeros;

use super::Readiness;
use super::descriptor::SlotDescriptor;
use super::poller::{Interest, Ready, Registration};
use super::token::{Kind, Token};
use crate::driver::places::no_slot;
use crate::driver::send_queue::SendQueue;
use crate::driver::socket::{addresses, connecting_socket, set_on_socket};
use crate::driver::{Backlog, Close, ConnectionId, Lease, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::{CLOSE_LINGER, LEASE_BYTES, SEND_QUEUE_BYTES};
use crate::net::{ConnectOptions, StreamOption};
use crate::stats;

/// There may be bytes to read.
pub(super) const READABLE: u16 = 1;
/// The peer has ended its direction, or the connection failed: a short read does not mean that nothing follows.
pub(super) const HANGUP: u16 = 1 << 1;
/// Writing is watched: the kernel would not take what is queued, or the connect is under way.
pub(super) const WRITE_ARMED: u16 = 1 << 2;
/// It is in the list of those with something to send.
pub(super) const DIRTY: u16 = 1 << 3;
/// Our direction ends when the queue is empty.
pub(super) const SHUT_WHEN_SENT: u16 = 1 << 4;
/// Closed by its owner; the slot lives until the queue is sent or the linger time is over.
pub(super) const CLOSING: u16 = 1 << 5;
/// The connect is under way.
pub(super) const CONNECTING: u16 = 1 << 6;
/// Writing failed: the queue is gone, and nothing more can be sent.
pub(super) const BROKEN: u16 = 1 << 7;

/// Reading is not watched while it is `READABLE`, since a model that does not report at the edge would report that again.
pub(super) const UNWATCHED: u16 = 1 << 8;

/// What the driver remembers of one connection: forty bytes of plain data.
#[derive(Clone, Copy, FromZeros)]
pub(crate) struct Connection {
    pub(super) reader: WakeSlot,
    pub(super) writer: WakeSlot,
    pub(super) queue: SendQueue,
    pub(super) limit: u32,
    pub(super) descriptor: SlotDescriptor,
    pub(super) flags: u16,
}
const _: () = assert!(size_of::<Connection>() <= 40);

impl Connection {
    fn new(descriptor: OwnedFd, flags: u16, limit: u32) -> Connection {
        Connection {
            reader: WakeSlot::EMPTY,
            writer: WakeSlot::EMPTY,
            queue: SendQueue::default(),
            limit,
            descriptor: SlotDescriptor::adopt(descriptor),
            flags,
        }
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn registration(&self, id: ConnectionId) -> Registration<'_> {
        let token = Token::new(Kind::Connection, id.index(), id.generation().get());
        Registration { descriptor: self.descriptor.borrow(), token, interest: self.interest() }
    }

    /// What it is watched for: reading, but for what is known already; writing only while something waits for it.
    pub(super) fn interest(&self) -> Interest {
        assert!(self.has(READABLE) || !self.has(UNWATCHED), "who is not watched has something to read");
        let read = !self.has(UNWATCHED);
        Interest { read, end: read, write: self.has(WRITE_ARMED), ..Interest::NONE }
    }

    pub(super) fn queued(&self) -> u32 {
        self.queue.bytes()
    }

    /// None: it sends no more.
    pub(super) fn backlog(&self) -> Option<Backlog> {
        let sends = !self.has(BROKEN | CLOSING | SHUT_WHEN_SENT);
        sends.then(|| Backlog { queued: self.queue.bytes(), limit: self.limit })
    }

    pub(super) fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        addresses(self.descriptor.borrow())
    }
}

impl Readiness {
    /// Gives a socket a slot and registers it. None: no slot is free. An error that is `QuotaExceeded`: the model has no place for it.
    pub(super) fn adopt(&mut self, socket: OwnedFd, flags: u16, limit: u32) -> io::Result<Option<ConnectionId>> {
        if self.connections.len() == self.connections.limit() {
            return Ok(None); // dropping the socket closes it
        }
        self.poller.check(socket.as_fd())?;
        let id = self.connections.insert(Connection::new(socket, flags, limit)).expect("the slab is below its limit");
        let slot = self.connections.get(id).expect("the slot was just filled");
        if let Err(error) = self.poller.add(slot.registration(id)) {
            self.release(id);
            return Err(error);
        }
        Ok(Some(id))
    }

    pub(super) fn on_connection_event(&mut self, token: Token, ready: Ready, woken: &mut Vec<WakeSlot>) -> bool {
        let Some(id) = self.connections.handle_at(token.index()).filter(|id| token.is_of(id.generation().get())) else {
            return false; // closed since
        };
        let slot = self.connections.get_mut(id).expect("the handle was just made");
        let left = self.trigger.left_of(slot.interest());
        if ready.read || ready.end || ready.failed {
            if self.trigger.ends_reading(slot.has(READABLE)) {
                slot.flags |= UNWATCHED;
            }
            slot.flags |= READABLE;
            if ready.end || ready.failed {
                slot.flags |= HANGUP;
            }
            woken.push(std::mem::take(&mut slot.reader));
        }
        if ready.write || ready.failed {
            if slot.has(CONNECTING) {
                woken.push(std::mem::take(&mut slot.writer));
            }
            if slot.has(WRITE_ARMED) {
                self.disarm(id);
            }
        }
        self.watch_anew(id, left, woken);
        true
    }

    pub(super) fn receive(&mut self, id: ConnectionId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        let Some(slot) = self.connections.get_mut(id) else {
            return Poll::Ready(Err(gone()));
        };
        if !slot.has(READABLE) {
            slot.reader.store(context.waker());
            return Poll::Pending;
        }
        let mut lease = self.pool.lease();
        loop {
            match rustix::io::read(slot.descriptor.borrow(), &mut lease[..]) {
                Ok(count) => {
                    // On a stream socket a short read has emptied it (epoll(7)), unless an end follows the bytes.
                    if count < LEASE_BYTES && !slot.has(HANGUP) {
                        // Should it not be watched again, it stays readable, and the next read tells.
                        let _ = self.on_nothing_left(id);
                    }
                    lease.shorten(count);
                    self.count(stats::BYTES_RECEIVED, count as u64);
                    return Poll::Ready(Ok(lease));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    slot.reader.store(context.waker());
                    return self.on_nothing_left(id).map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending);
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// All that came was read: reading is watched again, if it was not.
    fn on_nothing_left(&mut self, id: ConnectionId) -> io::Result<()> {
        let slot = self.connections.get_mut(id).expect("the caller has read from it");
        assert!(slot.has(READABLE), "only who is readable is read");
        if slot.has(UNWATCHED) {
            let before = slot.interest();
            slot.flags &= !UNWATCHED;
            if let Err(error) = self.poller.change(slot.registration(id), before) {
                slot.flags |= UNWATCHED;
                return Err(error);
            }
        }
        slot.flags &= !READABLE;
        Ok(())
    }

    pub(super) fn start_connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId> {
        let socket = connecting_socket(address, options)?;
        self.poller.check(socket.as_fd())?;
        match net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        self.adopt(socket, CONNECTING | WRITE_ARMED, SEND_QUEUE_BYTES)?.ok_or_else(|| no_slot(self.connections.limit()))
    }

    pub(super) fn finish_connect(&mut self, id: ConnectionId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(slot) = self.connections.get_mut(id) else {
            return Poll::Ready(Err(gone()));
        };
        if slot.has(WRITE_ARMED) {
            slot.writer.store(context.waker());
            return Poll::Pending;
        }
        slot.flags &= !CONNECTING;
        match sockopt::socket_error(slot.descriptor.borrow())? {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    pub(super) fn close_connection(&mut self, id: ConnectionId, how: Close) {
        let Some(slot) = self.connections.get_mut(id) else {
            return;
        };
        self.orphans.extend([std::mem::take(&mut slot.reader), std::mem::take(&mut slot.writer)]);
        if how == Close::Graceful && !slot.queue.is_empty() && !slot.has(BROKEN | CONNECTING) {
            slot.flags |= CLOSING;
            self.lingering.push_back((self.clock.now() + CLOSE_LINGER, id));
            return;
        }
        if matches!(how, Close::Abort | Close::Vanish) {
            // A zero linger turns close into a reset (socket(7)).
            let _ = sockopt::set_socket_linger(slot.descriptor.borrow(), Some(std::time::Duration::ZERO));
        }
        self.release(id);
    }

    /// Ends the connections whose time to send their last bytes is over.
    pub(super) fn end_lingering(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.lingering.front() {
            let finished = self.connections.get(id).is_none();
            if !finished && until > now {
                break;
            }
            self.lingering.pop_front();
            if !finished {
                self.close_connection(id, Close::Abort);
            }
        }
    }

    /// Empties a slot and closes its descriptor; what was queued is dropped.
    pub(super) fn release(&mut self, id: ConnectionId) {
        let mut slot = self.connections.remove(id).expect("the caller found it in the slab");
        self.sends.clear(&mut slot.queue);
        for mut waiter in [slot.reader, slot.writer] {
            waiter.clear();
        }
        self.poller.forget(slot.registration(id));
        slot.descriptor.close();
    }

    pub(super) fn set_option(&mut self, id: ConnectionId, option: StreamOption) -> io::Result<()> {
        let slot = self.connections.get_mut(id).ok_or_else(gone)?;
        match option {
            StreamOption::SendLimit(bytes) => slot.limit = bytes,
            option => set_on_socket(slot.descriptor.borrow(), option)?,
        }
        Ok(())
    }
}
