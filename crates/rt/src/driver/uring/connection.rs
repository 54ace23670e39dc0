//! A connection's slot, and its life: open, connect, close.
//!
//! A slot outlives its connection until the last operation on it has completed: until then the kernel may read its queue. It is *dead*
//! meanwhile, and nobody finds it by its name.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use crore_base::time::Instant;
use rustix::io::Errno;
use zerocopy::FromZeros;

use super::Uring;
use super::file::SlotFile;
use super::inbox::{Arrival, Chain};
use super::token::{Completion, Operation, Token};
use crate::driver::places::no_slot;
use crate::driver::send_queue::SendQueue;
use crate::driver::socket::{addresses, connecting_socket, set_on_socket};
use crate::driver::{Backlog, Close, ConnectionId, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::{CLOSE_LINGER, SEND_QUEUE_BYTES};
use crate::net::{ConnectOptions, StreamOption};

/// A receive is under way.
pub(super) const RECEIVING: u16 = 1;
/// Somebody must read before receiving goes on, so it was cancelled.
pub(super) const RESTING: u16 = 1 << 1;
/// The peer has ended its direction, or the connection failed: nothing more comes.
pub(super) const ENDED: u16 = 1 << 2;
/// The ring had no buffer when bytes came.
pub(super) const STARVED: u16 = 1 << 3;
/// The head of the queue is with the kernel.
pub(super) const SENDING: u16 = 1 << 4;
/// It is in the list of those with something to send.
pub(super) const DIRTY: u16 = 1 << 5;
/// Our direction ends when the queue is empty.
pub(super) const SHUT_WHEN_SENT: u16 = 1 << 6;
/// Closed by its owner; the slot lives until the queue is sent or the linger time is over.
pub(super) const CLOSING: u16 = 1 << 7;
/// The connect is under way.
pub(super) const CONNECTING: u16 = 1 << 8;
/// Writing failed: the queue is gone, and nothing more can be sent.
pub(super) const BROKEN: u16 = 1 << 9;
/// Nobody has it any more; the slot waits for the last completions.
pub(super) const DEAD: u16 = 1 << 10;
/// The end of our direction is under way. A thread of the kernel's finds the file by its number, some time later, so it must not be
/// somebody else's by then.
pub(super) const SHUTTING: u16 = 1 << 11;
/// The file is to be closed with a reset.
const RESET: u16 = 1 << 12;

/// What the kernel has not done with yet.
const BUSY: u16 = RECEIVING | SENDING | CONNECTING | SHUTTING;

/// What the driver remembers of one connection: forty-eight bytes of plain data.
#[derive(Clone, Copy, FromZeros)]
pub(crate) struct Connection {
    pub(super) reader: WakeSlot,
    pub(super) writer: WakeSlot,
    pub(super) queue: SendQueue,
    pub(super) limit: u32,
    pub(super) unread: Chain,
    pub(super) file: SlotFile,
    pub(super) flags: u16,
    /// Buffers in `unread`.
    pub(super) unread_count: u8,
    /// Payloads at the head of the queue that are with the kernel.
    pub(super) sending: u8,
}
const _: () = assert!(size_of::<Connection>() <= 48);

impl Connection {
    fn new(file: SlotFile, flags: u16, limit: u32) -> Connection {
        Connection {
            reader: WakeSlot::EMPTY,
            writer: WakeSlot::EMPTY,
            queue: SendQueue::default(),
            limit,
            unread: Chain::default(),
            file,
            flags,
            unread_count: 0,
            sending: 0,
        }
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// None: it sends no more.
    pub(super) fn backlog(&self) -> Option<Backlog> {
        let sends = !self.has(BROKEN | CLOSING | SHUT_WHEN_SENT);
        sends.then(|| Backlog { queued: self.queue.bytes(), limit: self.limit })
    }
}

impl Uring {
    /// The slot of a connection that is not dead.
    pub(super) fn live(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(id).filter(|slot| !slot.has(DEAD))
    }

    /// The connection that a completion is about, dead ones included.
    pub(super) fn named_by(&self, completion: Completion) -> Option<ConnectionId> {
        let token = completion.token;
        self.connections.handle_at(token.index()).filter(|id| token.is_of(id.generation().get()))
    }

    /// Gives a file a slot. None: no slot is free, and it is closed.
    pub(super) fn keep(&mut self, file: SlotFile, flags: u16, limit: u32) -> Option<ConnectionId> {
        if self.connections.len() == self.connections.limit() {
            self.rings[file.ring()].close(file, false);
            return None;
        }
        let id = self.connections.insert(Connection::new(file, flags, limit)).expect("the slab is below its limit");
        if flags & CONNECTING == 0 {
            self.start_receiving(id);
        }
        Some(id)
    }

    pub(super) fn start_connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId> {
        let socket = connecting_socket(address, options)?;
        let file = self.take_in(socket)?;
        let kept = self.keep(file, CONNECTING, SEND_QUEUE_BYTES);
        let id = kept.ok_or_else(|| no_slot(self.connections.limit()))?;
        self.rings[file.ring()].connect(file, &address, Token::of(Operation::Connect, id));
        Ok(id)
    }

    /// Puts a socket into the table of a ring with room, if there are tables.
    pub(super) fn take_in(&mut self, socket: OwnedFd) -> io::Result<SlotFile> {
        if !self.rings[0].features().direct {
            return Ok(SlotFile::plain(socket));
        }
        let ring = self.ring_with_room()?;
        Ok(self.rings[ring].adopt(ring, &socket)?)
    }

    pub(super) fn on_connected(&mut self, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let Some(id) = self.named_by(completion) else { return };
        let slot = self.connections.get_mut(id).expect("the handle was just made");
        slot.flags &= !CONNECTING;
        if slot.has(DEAD) {
            return self.bury(id);
        }
        woken.push(std::mem::take(&mut slot.writer));
        if completion.result < 0 {
            slot.flags |= BROKEN | ENDED;
            let error = Errno::from_raw_os_error(-completion.result);
            self.inbox.push(&mut slot.unread, Arrival::Failed(error));
            self.sends.clear(&mut slot.queue);
            return;
        }
        if slot.has(SHUT_WHEN_SENT) && slot.queue.is_empty() {
            self.end_direction(id);
        }
        self.mark_dirty(id);
        self.start_receiving(id);
    }

    pub(super) fn finish_connect(&mut self, id: ConnectionId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(slot) = self.connections.get_mut(id).filter(|slot| !slot.has(DEAD)) else {
            return Poll::Ready(Err(gone()));
        };
        if slot.has(CONNECTING) {
            slot.writer.store(context.waker());
            return Poll::Pending;
        }
        if slot.has(BROKEN)
            && let Some(Arrival::Failed(error)) = self.inbox.pop(&mut slot.unread)
        {
            return Poll::Ready(Err(error.into()));
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn close_connection(&mut self, id: ConnectionId, how: Close) {
        let now = self.clock.now();
        let Some(slot) = self.connections.get_mut(id).filter(|slot| !slot.has(DEAD)) else {
            return;
        };
        self.orphans.extend([std::mem::take(&mut slot.reader), std::mem::take(&mut slot.writer)]);
        if how == Close::Graceful && !slot.queue.is_empty() && !slot.has(BROKEN | CONNECTING) {
            slot.flags |= CLOSING;
            self.lingering.push_back((now + CLOSE_LINGER, id));
            return;
        }
        self.release(id, matches!(how, Close::Abort | Close::Vanish));
    }

    /// Ends the connections whose time to send their last bytes is over.
    pub(super) fn end_lingering(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.lingering.front() {
            let finished = self.live(id).is_none();
            if !finished && until > now {
                break;
            }
            self.lingering.pop_front();
            if !finished {
                self.close_connection(id, Close::Abort);
            }
        }
    }

    /// Closes a connection's file. The slot goes with the last completion, at once if there is none to come.
    pub(super) fn release(&mut self, id: ConnectionId, reset: bool) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        assert!(!slot.has(DEAD), "a connection is closed once");
        slot.flags |= DEAD | if reset { RESET } else { 0 };
        self.inbox.clear(&mut slot.unread);
        slot.reader.clear();
        slot.writer.clear();
        if !slot.has(SHUTTING) {
            self.close_file(id);
        }
    }

    fn close_file(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        assert!(slot.has(DEAD) && !slot.has(SHUTTING));
        let (file, flags) = (slot.file, slot.flags);
        let ring = &mut self.rings[file.ring()];
        let operations =
            [(RECEIVING, Operation::Receive), (SENDING, Operation::Send), (CONNECTING, Operation::Connect)];
        for (_, operation) in operations.into_iter().filter(|(flag, _)| flags & flag != 0) {
            ring.cancel(Token::of(operation, id));
        }
        ring.close(file, flags & RESET != 0);
        self.bury(id);
    }

    pub(super) fn on_shut_down(&mut self, completion: Completion) {
        let Some(id) = self.named_by(completion) else { return };
        let slot = self.connections.get_mut(id).expect("the handle was just made");
        slot.flags &= !SHUTTING;
        if slot.has(DEAD) {
            self.close_file(id);
        }
    }

    /// Empties the slot of a dead connection when the kernel has done with it.
    pub(super) fn bury(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        assert!(slot.has(DEAD));
        if slot.has(BUSY) {
            return;
        }
        self.sends.clear(&mut slot.queue);
        let removed = self.connections.remove(id);
        assert!(removed.is_some_and(|slot| slot.unread.is_empty()));
    }

    pub(super) fn set_option(&mut self, id: ConnectionId, option: StreamOption) -> io::Result<()> {
        let slot = self.live(id).ok_or_else(gone)?;
        if let StreamOption::SendLimit(bytes) = option {
            slot.limit = bytes;
            return Ok(());
        }
        let file = slot.file;
        let descriptor = self.rings[file.ring()].descriptor(file)?;
        set_on_socket(&descriptor, option)
    }

    pub(super) fn addresses_of(&mut self, id: ConnectionId) -> io::Result<(SocketAddr, SocketAddr)> {
        let file = self.live(id).ok_or_else(gone)?.file;
        let descriptor = self.rings[file.ring()].descriptor(file)?;
        addresses(&descriptor)
    }
}
