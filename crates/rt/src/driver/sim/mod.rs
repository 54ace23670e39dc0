//! The `sim` driver: completion-shaped, over a network inside the process, in virtual time.
//!
//! The driver holds what is a core's own (wakers, send queues); the [`Network`], shared by the cores of one world, holds
//! the links and what is under way on them.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use crore_base::counters::CoreCounters;
use crore_base::payload::Payload;
use crore_base::slab::Slab;
use crore_base::time::{Duration, Instant};
use zerocopy::FromZeros;

use super::send_queue::{SendPool, SendQueue};
use super::{
    Backlog, Close, ConnectionId, Driver, Lease, LeasePool, ListenerId, Room, Surroundings, WatchId, gone,
    without_kernel,
};
use crate::executor::waker::WakeSlot;
use crate::limits::{ACCEPTS_PER_TURN, CLOSE_LINGER, GATHER_MAX, SEND_QUEUE_BYTES, SIM_WINDOW_BYTES};
use crate::net::{ConnectOptions, ListenOptions, SendError, StreamOption};
use crate::stats;

mod link;
mod network;

pub(crate) use network::Network;
use network::{Notice, Received};

/// In the list of those with something to send.
const DIRTY: u32 = 1;
/// Our direction ends when the queue is empty.
const SHUT_WHEN_SENT: u32 = 1 << 1;
/// Closed by its owner; the slot lives until its queue is sent.
const CLOSING: u32 = 1 << 2;

/// What the driver remembers of one connection.
#[derive(Clone, Copy, FromZeros)]
struct Connection {
    reader: WakeSlot,
    writer: WakeSlot,
    queue: SendQueue,
    limit: u32,
    /// The network's name for our end of the link.
    end: u32,
    flags: u32,
}

#[derive(Default)]
struct Acceptor {
    waiter: WakeSlot,
    taken_this_turn: u32,
    /// Settings of what it accepts.
    accepted: Vec<StreamOption>,
}

pub(crate) struct Sim {
    core: usize,
    counters: CoreCounters,
    network: Rc<RefCell<Network>>,
    connections: Slab<Connection>,
    acceptors: Vec<Acceptor>,
    pool: LeasePool,
    sends: SendPool,
    dirty: Vec<ConnectionId>,
    orphans: Vec<WakeSlot>,
}

impl Sim {
    pub(crate) fn new(surroundings: Surroundings, network: Rc<RefCell<Network>>) -> Sim {
        Sim {
            core: surroundings.core,
            counters: surroundings.counters,
            network,
            connections: Slab::new(surroundings.connections),
            acceptors: Vec::new(),
            pool: LeasePool::default(),
            sends: SendPool::default(),
            dirty: Vec::new(),
            orphans: Vec::new(),
        }
    }

    fn adopt(&mut self, end: u32) -> io::Result<ConnectionId> {
        let slot = Connection {
            reader: WakeSlot::EMPTY,
            writer: WakeSlot::EMPTY,
            queue: SendQueue::default(),
            limit: SEND_QUEUE_BYTES,
            end,
            flags: 0,
        };
        let id = self.connections.insert(slot).ok_or_else(|| io::Error::other("no connection slot is free"))?;
        self.network.borrow_mut().adopt(end, self.core, id);
        Ok(id)
    }

    fn mark_dirty(&mut self, id: ConnectionId) {
        let slot = self.connections.get_mut(id).expect("the caller found it in the slab");
        if slot.flags & DIRTY == 0 {
            slot.flags |= DIRTY;
            self.dirty.push(id);
        }
    }

    /// Gives the network as much as it takes.
    fn send_queued(&mut self, id: ConnectionId, woken: &mut Vec<WakeSlot>) {
        let Some(slot) = self.connections.get_mut(id) else { return };
        slot.flags &= !DIRTY;
        let mut network = self.network.borrow_mut();
        while !slot.queue.is_empty() {
            let mut slices = [io::IoSlice::new(&[]); GATHER_MAX];
            let count = self.sends.gather(slot.queue, &mut slices);
            let bytes: Vec<u8> =
                slices[..count].iter().flat_map(|slice| slice.iter().copied()).take(SIM_WINDOW_BYTES).collect();
            let taken = network.send(slot.end, &bytes);
            if taken == 0 {
                break;
            }
            self.sends.advance(&mut slot.queue, taken);
            self.counters.add(stats::BYTES_SENT, taken as u64);
            self.counters.add(stats::WRITES, 1);
        }
        if network.is_reset(slot.end) {
            self.sends.clear(&mut slot.queue);
        }
        woken.push(std::mem::take(&mut slot.writer));
        if slot.queue.is_empty() {
            if slot.flags & SHUT_WHEN_SENT != 0 {
                network.finish(slot.end);
            }
            if slot.flags & CLOSING != 0 {
                drop(network);
                self.release(id, Close::Graceful);
            }
        }
    }

    fn release(&mut self, id: ConnectionId, how: Close) {
        let mut slot = self.connections.remove(id).expect("the caller found it in the slab");
        self.sends.clear(&mut slot.queue);
        self.orphans.extend([slot.reader, slot.writer]);
        self.network.borrow_mut().close(slot.end, how);
    }

    fn on_notice(&mut self, notice: Notice, woken: &mut Vec<WakeSlot>) {
        match notice {
            Notice::Acceptable(listener) => woken.push(std::mem::take(&mut self.acceptors[listener as usize].waiter)),
            Notice::Changed(id) => {
                let Some(slot) = self.connections.get_mut(id) else { return };
                woken.push(std::mem::take(&mut slot.reader));
                woken.push(std::mem::take(&mut slot.writer));
                if !slot.queue.is_empty() {
                    self.mark_dirty(id);
                }
            }
        }
    }
}

impl Driver for Sim {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<(ListenerId, SocketAddr)> {
        let index = self.acceptors.len() as u32;
        let local = self.network.borrow_mut().listen(address, options.shared_port, self.core, index)?;
        self.acceptors.push(Acceptor { accepted: options.accepted.clone(), ..Acceptor::default() });
        Ok((index, local))
    }

    fn unlisten(&mut self, listener: ListenerId) {
        self.acceptors[listener as usize].waiter.clear();
        self.network.borrow_mut().unlisten(self.core, listener);
    }

    fn poll_accept(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        let acceptor = &mut self.acceptors[listener as usize];
        let waiting = match acceptor.taken_this_turn < ACCEPTS_PER_TURN {
            true => self.network.borrow_mut().accept(self.core, listener),
            false => None,
        };
        let Some(end) = waiting else {
            acceptor.waiter.store(context.waker());
            return Poll::Pending;
        };
        acceptor.taken_this_turn += 1;
        let settings = acceptor.accepted.clone();
        self.counters.add(stats::ACCEPTED, 1);
        let connection = self.adopt(end)?;
        settings.into_iter().try_for_each(|setting| self.set(connection, setting))?;
        Poll::Ready(Ok(connection))
    }

    fn connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId> {
        let end = self.network.borrow_mut().connect(address, options.source);
        self.adopt(end)
    }

    fn poll_connect(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(slot) = self.connections.get_mut(connection) else {
            return Poll::Ready(Err(gone()));
        };
        match self.network.borrow().connected(slot.end) {
            Some(result) => Poll::Ready(result),
            None => {
                slot.writer.store(context.waker());
                Poll::Pending
            }
        }
    }

    fn poll_recv(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        let Some(slot) = self.connections.get_mut(connection) else {
            return Poll::Ready(Err(gone()));
        };
        let mut lease = self.pool.lease();
        match self.network.borrow_mut().receive(slot.end, &mut lease) {
            Received::Nothing => {
                slot.reader.store(context.waker());
                Poll::Pending
            }
            Received::Bytes(count) => {
                lease.shorten(count);
                self.counters.add(stats::BYTES_RECEIVED, count as u64);
                Poll::Ready(Ok(lease))
            }
            Received::End => Poll::Ready(Ok(Lease::end_of_stream())),
            Received::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn send(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        let slot = self.connections.get_mut(connection).ok_or(SendError::Closed)?;
        if slot.flags & (CLOSING | SHUT_WHEN_SENT) != 0 || self.network.borrow().is_reset(slot.end) {
            return Err(SendError::Closed);
        }
        let (queued, limit) = (slot.queue.bytes(), slot.limit);
        if queued != 0 && payload.len() > limit.saturating_sub(queued) as usize {
            return Err(SendError::Full { queued, limit });
        }
        self.sends.push(&mut slot.queue, payload);
        self.mark_dirty(connection);
        Ok(())
    }

    fn supersede(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        let slot = self.connections.get_mut(connection).ok_or(SendError::Closed)?;
        self.sends.drop_unbegun(&mut slot.queue);
        self.send_beyond(connection, payload)
    }

    fn send_beyond(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        let slot = self.connections.get_mut(connection).ok_or(SendError::Closed)?;
        let limit = std::mem::replace(&mut slot.limit, u32::MAX);
        let sent = self.send(connection, payload);
        self.connections.get_mut(connection).expect("it was just there").limit = limit;
        sent
    }

    fn backlog(&self, connection: ConnectionId) -> Option<Backlog> {
        let slot = self.connections.get(connection)?;
        let sends = slot.flags & (CLOSING | SHUT_WHEN_SENT) == 0 && !self.network.borrow().is_reset(slot.end);
        sends.then(|| Backlog { queued: slot.queue.bytes(), limit: slot.limit })
    }

    fn poll_sendable(
        &mut self,
        connection: ConnectionId,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let Some(slot) = self.connections.get_mut(connection) else {
            return Poll::Ready(Err(SendError::Closed));
        };
        if self.network.borrow().is_reset(slot.end) {
            return Poll::Ready(Err(SendError::Closed));
        }
        if room.is_there(slot.queue.bytes(), slot.limit) {
            return Poll::Ready(Ok(()));
        }
        slot.writer.store(context.waker());
        Poll::Pending
    }

    fn queued(&self, connection: ConnectionId) -> Option<u32> {
        self.connections.get(connection).map(|slot| slot.queue.bytes())
    }

    fn shutdown(&mut self, connection: ConnectionId) {
        if let Some(slot) = self.connections.get_mut(connection) {
            slot.flags |= SHUT_WHEN_SENT;
            self.mark_dirty(connection);
        }
    }

    fn close(&mut self, connection: ConnectionId, how: Close) {
        let Some(slot) = self.connections.get_mut(connection) else { return };
        if how == Close::Graceful && !slot.queue.is_empty() {
            slot.flags |= CLOSING;
            self.network.borrow_mut().give_up_after(slot.end, CLOSE_LINGER);
            self.orphans.extend([std::mem::take(&mut slot.reader), std::mem::take(&mut slot.writer)]);
        } else {
            self.release(connection, how);
        }
    }

    fn set(&mut self, connection: ConnectionId, option: StreamOption) -> io::Result<()> {
        let slot = self.connections.get_mut(connection).ok_or_else(gone)?;
        match option {
            StreamOption::SendLimit(bytes) => slot.limit = bytes,
            StreamOption::KeepAlive(probing) => {
                let patience = probing.map(|it| it.idle + it.interval * u64::from(it.probes));
                self.network.borrow_mut().keep_alive(slot.end, patience);
            }
            // The others tune a TCP that is not simulated.
            _ => {}
        }
        Ok(())
    }

    fn addresses(&mut self, connection: ConnectionId) -> io::Result<(SocketAddr, SocketAddr)> {
        let slot = self.connections.get(connection).ok_or_else(gone)?;
        Ok(self.network.borrow().addresses(slot.end))
    }

    fn prefetch(&self, connection: ConnectionId) {
        self.connections.prefetch(connection.index());
    }

    fn watch(&mut self, _descriptor: OwnedFd) -> io::Result<WatchId> {
        Err(without_kernel("descriptors"))
    }

    fn poll_watch(&mut self, _watch: WatchId, _context: &Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(gone()))
    }

    fn unwatch(&mut self, _watch: WatchId) {}

    fn wait(&mut self, _timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        for acceptor in &mut self.acceptors {
            if std::mem::take(&mut acceptor.taken_this_turn) == ACCEPTS_PER_TURN {
                woken.push(std::mem::take(&mut acceptor.waiter));
            }
        }
        let notices = self.network.borrow_mut().take_notices(self.core);
        for notice in notices {
            self.on_notice(notice, woken);
        }
    }

    fn flush(&mut self, woken: &mut Vec<WakeSlot>) {
        for id in std::mem::take(&mut self.dirty) {
            self.send_queued(id, woken);
        }
        woken.append(&mut self.orphans);
    }

    fn next_deadline(&self) -> Option<Instant> {
        let used_up = self.acceptors.iter().any(|acceptor| acceptor.taken_this_turn == ACCEPTS_PER_TURN);
        (used_up || self.network.borrow().has_notices(self.core)).then_some(Instant::ZERO)
    }

    fn connection_count(&self) -> usize {
        self.connections.len() as usize
    }

    fn trim(&mut self) -> usize {
        self.connections.trim()
    }
}
