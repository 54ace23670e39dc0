//! The `epoll` driver, edge triggered (epoll(7)).
//!
//! A connection is registered once for reading. A task reads until the socket would block; then the next edge wakes it. Writes are
//! tried first, gathered, at the end of the turn; `EPOLLOUT` is armed only while the kernel would not take what is queued.
//!
//! Here: the slots and the loop. `listener.rs` accepts, `connection.rs` reads and closes, `sending.rs` writes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use crore_base::counters::CoreCounters;
use crore_base::payload::Payload;
use crore_base::slab::{Handle, Slab};
use crore_base::time::{Duration, Instant};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventFlags};

use super::{
    Backlog, Close, ConnectionId, Driver, Lease, LeasePool, ListenerId, Room, Surroundings, WatchId, gone,
    send_queue::SendPool,
};
use crate::clock::Clock;
use crate::executor::waker::WakeSlot;
use crate::limits::{EVENTS_PER_TURN, WATCHES_PER_CORE_MAX};
use crate::net::{ConnectOptions, ListenOptions, SendError, StreamOption};
use connection::Connection;
use listener::Listener;

mod connection;
mod descriptor;
mod listener;
mod sending;
mod token;

pub(crate) use token::free_place;
use token::{Kind, Token};

/// For tables of sizes.
pub(crate) const CONNECTION_SLOT_BYTES: usize = size_of::<Connection>();

/// A descriptor of the kernel's that somebody waits on.
struct Watch {
    descriptor: OwnedFd,
    readable: bool,
    reader: WakeSlot,
}

pub(crate) struct Epoll {
    epoll: OwnedFd,
    clock: Clock,
    counters: CoreCounters,
    connections: Slab<Connection>,
    listeners: Vec<Option<Listener>>,
    watches: Vec<Option<Watch>>,
    pool: LeasePool,
    sends: SendPool,
    /// Connections with something to send that the kernel has not yet refused.
    dirty: Vec<ConnectionId>,
    /// Connections that were closed with bytes in their queue, and until when they may send them.
    lingering: VecDeque<(Instant, ConnectionId)>,
    events: Vec<Event>,
    /// Who waited on a connection that was closed: woken when the turn ends, outside any call of a task's.
    orphans: Vec<WakeSlot>,
    /// Given up when descriptors have run out, so that a waiting client can be told.
    spare: Option<OwnedFd>,
    bell: &'static crate::executor::shared::SharedCore,
}

impl Epoll {
    pub(crate) fn new(surroundings: Surroundings) -> io::Result<Epoll> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = Token::new(Kind::Bell, 0, 0).to_data();
        epoll::add(&epoll, surroundings.shared.bell(), bell, EventFlags::IN | EventFlags::ET)?;
        Ok(Epoll {
            epoll,
            clock: surroundings.clock,
            counters: surroundings.counters,
            connections: Slab::new(surroundings.connections),
            listeners: Vec::new(),
            watches: Vec::new(),
            pool: LeasePool::default(),
            sends: SendPool::default(),
            dirty: Vec::new(),
            lingering: VecDeque::new(),
            events: Vec::with_capacity(EVENTS_PER_TURN),
            orphans: Vec::new(),
            spare: listener::spare(),
            bell: surroundings.shared,
        })
    }

    /// Ends sleeps while a descriptor is readable, for a driver that has this one inside and looks after it itself.
    pub(crate) fn attend(&mut self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let nobody = Token::new(Kind::Watch, WATCHES_PER_CORE_MAX, 0).to_data();
        Ok(epoll::add(&self.epoll, descriptor, nobody, EventFlags::IN)?)
    }

    fn count(&self, counter: usize, amount: u64) {
        self.counters.add(counter, amount);
    }

    /// Marks what an event says on its slot; wakes follow after the harvest.
    fn on_event(&mut self, event: Event, woken: &mut Vec<WakeSlot>) {
        let token = Token::from_data(event.data);
        match token.kind() {
            Kind::Connection => self.on_connection_event(token, event.flags, woken),
            Kind::Listener => {
                if let Some(Some(listener)) = self.listeners.get_mut(token.index() as usize) {
                    listener.on_event(woken);
                }
            }
            Kind::Watch => {
                if let Some(Some(watch)) = self.watches.get_mut(token.index() as usize) {
                    watch.readable = true;
                    woken.push(std::mem::take(&mut watch.reader));
                }
            }
            Kind::Bell => {
                let mut count = [0; 8];
                // Edge triggered: reading resets the counter; there is nothing else to learn from it.
                let _ = rustix::io::read(self.bell.bell(), &mut count);
            }
        }
    }
}

impl Driver for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<(ListenerId, SocketAddr)> {
        self.open_listener(address, options)
    }

    fn unlisten(&mut self, listener: ListenerId) {
        drop(self.listeners[listener as usize].take());
    }

    fn poll_accept(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        self.accept_next(listener, context)
    }

    fn connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId> {
        self.start_connect(address, options)
    }

    fn poll_connect(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.finish_connect(connection, context)
    }

    fn poll_recv(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        self.receive(connection, context)
    }

    fn send(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        self.enqueue(connection, payload)
    }

    fn supersede(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        if let Some(slot) = self.connections.get_mut(connection) {
            self.sends.drop_unbegun(&mut slot.queue);
        }
        self.enqueue_within(connection, payload, u32::MAX)
    }

    fn send_beyond(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        self.enqueue_within(connection, payload, u32::MAX)
    }

    fn backlog(&self, connection: ConnectionId) -> Option<Backlog> {
        self.connections.get(connection).and_then(Connection::backlog)
    }

    fn poll_sendable(
        &mut self,
        connection: ConnectionId,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        self.sendable(connection, room, context)
    }

    fn queued(&self, connection: ConnectionId) -> Option<u32> {
        self.connections.get(connection).map(Connection::queued)
    }

    fn shutdown(&mut self, connection: ConnectionId) {
        self.shut_down(connection);
    }

    fn close(&mut self, connection: ConnectionId, how: Close) {
        self.close_connection(connection, how);
    }

    fn set(&mut self, connection: ConnectionId, option: StreamOption) -> io::Result<()> {
        self.set_option(connection, option)
    }

    fn addresses(&self, connection: ConnectionId) -> io::Result<(SocketAddr, SocketAddr)> {
        let slot = self.connections.get(connection).ok_or_else(gone)?;
        slot.addresses()
    }

    fn prefetch(&self, connection: ConnectionId) {
        self.connections.prefetch(connection.index());
    }

    fn watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        let index = token::free_place(&mut self.watches, "watched descriptors")?;
        let data = Token::new(Kind::Watch, index, 0).to_data();
        epoll::add(&self.epoll, &descriptor, data, EventFlags::IN | EventFlags::ET)?;
        self.watches[index as usize] = Some(Watch { descriptor, readable: true, reader: WakeSlot::EMPTY });
        Ok(index)
    }

    fn poll_watch(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(Some(watch)) = self.watches.get_mut(watch as usize) else {
            return Poll::Ready(Err(gone()));
        };
        if std::mem::take(&mut watch.readable) {
            return Poll::Ready(Ok(()));
        }
        watch.reader.store(context.waker());
        Poll::Pending
    }

    fn unwatch(&mut self, watch: WatchId) {
        if let Some(watch) = self.watches[watch as usize].take() {
            drop(watch.descriptor); // closing ends the registration
            let mut reader = watch.reader;
            reader.clear();
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: (timeout.as_nanos() / 1_000_000_000).cast_signed(),
            tv_nsec: (timeout.as_nanos() % 1_000_000_000).cast_signed(),
        });
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        // A signal may interrupt the sleep; the turn then finds nothing to do and sleeps again.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref());
        for &event in &events {
            self.on_event(event, woken);
        }
        self.events = events;
        let now = self.clock.now();
        for listener in self.listeners.iter_mut().flatten() {
            listener.on_turn(now, woken);
        }
        self.end_lingering(now);
    }

    fn flush(&mut self, woken: &mut Vec<WakeSlot>) {
        self.flush_dirty(woken);
        woken.append(&mut self.orphans);
    }

    fn next_deadline(&self) -> Option<Instant> {
        let lingering = self.lingering.front().map(|&(until, _)| until);
        let listeners = self.listeners.iter().flatten().filter_map(Listener::deadline);
        listeners.chain(lingering).min()
    }

    fn connection_count(&self) -> usize {
        self.connections.len() as usize
    }

    fn trim(&mut self) -> usize {
        self.connections.trim()
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // Slots are plain data, so the descriptors in them are closed by hand.
        let open: Vec<Handle> = self.connections.iter().map(|(handle, _)| handle).collect();
        for connection in open {
            self.release(connection);
        }
    }
}
