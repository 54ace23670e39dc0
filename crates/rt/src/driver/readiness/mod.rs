//! The drivers that wait for readiness: `select`, `poll`, `epoll-lt`, `epoll` and `portable`. One driver; what differs is behind
//! [`Poller`], in a file a model; that of epoll serves both of its triggers.
//!
//! A connection is registered once for reading. A task reads until the socket would block; then the next report wakes it. Writes are
//! tried first, gathered, at the end of the turn; writing is watched only while the kernel would not take what is queued. What nobody
//! reads does not keep the core awake, whichever way the model reports (`poller.rs`).
//!
//! Here: the slots and the loop. `listener.rs` accepts, `connection.rs` reads and closes, `sending.rs` writes, `watch.rs` waits on
//! any other descriptor, `rebuild.rs` cures wake-ups without progress.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use crore_base::counters::CoreCounters;
use crore_base::payload::Payload;
use crore_base::slab::{Handle, Slab};
use crore_base::time::{Duration, Instant};

use super::socket::Spare;
use super::watches::Watches;
use super::{
    Backlog, Close, ConnectionId, Driver, Lease, LeasePool, ListenerId, Room, Surroundings, WatchId, gone,
    send_queue::SendPool,
};
use crate::clock::Clock;
use crate::executor::shared::SharedCore;
use crate::executor::waker::WakeSlot;
use crate::limits::{EVENTS_PER_TURN, WATCHES_PER_CORE_MAX};
use crate::net::{ConnectOptions, ListenOptions, SendError, StreamOption};
use connection::Connection;
use listener::Listener;
use poller::{Event, Interest, Poller, Registration, Trigger};
use watch::Reading;

mod connection;
mod descriptor;
mod epoll;
mod listener;
mod model;
mod poll;
mod poller;
mod portable;
mod rebuild;
mod select;
mod sending;
#[cfg(test)]
mod tests;
mod token;
mod watch;

pub(crate) use model::Model;
use token::{Kind, Token};

/// For tables of sizes.
pub(crate) const CONNECTION_SLOT_BYTES: usize = size_of::<Connection>();

/// Who rings the bell, and whoever looks after what we attend to.
const BELL: Token = Token::new(Kind::Bell, 0, 0);
const ATTENDED: Token = Token::new(Kind::Watch, WATCHES_PER_CORE_MAX, 0);

/// For what somebody else looks after: it is reported while there is something to look after.
const ATTENTION: Interest = Interest { level: true, ..Interest::READ };

pub(crate) struct Readiness {
    poller: Box<dyn Poller>,
    trigger: Trigger,
    clock: Clock,
    counters: CoreCounters,
    connections: Slab<Connection>,
    listeners: Vec<Option<Listener>>,
    watches: Watches<Reading>,
    /// What somebody else looks after, but must end our sleeps.
    attended: Option<OwnedFd>,
    pool: LeasePool,
    sends: SendPool,
    /// Connections with something to send that the kernel has not yet refused.
    dirty: Vec<ConnectionId>,
    /// Connections that were closed with bytes in their queue, and until when they may send them.
    lingering: VecDeque<(Instant, ConnectionId)>,
    events: Vec<Event>,
    /// Who waited on a connection that was closed: woken when the turn ends, outside any call of a task's.
    orphans: Vec<WakeSlot>,
    spare: Spare,
    bell: &'static SharedCore,
}

impl Readiness {
    pub(crate) fn new(model: Model, surroundings: Surroundings) -> io::Result<Readiness> {
        let mut poller = model.open()?;
        poller.add(bell(surroundings.shared))?;
        Ok(Readiness {
            trigger: poller.trigger(),
            poller,
            clock: surroundings.clock,
            counters: surroundings.counters,
            connections: Slab::new(surroundings.connections),
            listeners: Vec::new(),
            watches: Watches::default(),
            attended: None,
            pool: LeasePool::default(),
            sends: SendPool::default(),
            dirty: Vec::new(),
            lingering: VecDeque::new(),
            events: Vec::with_capacity(EVENTS_PER_TURN),
            orphans: Vec::new(),
            spare: Spare::new(),
            bell: surroundings.shared,
        })
    }

    /// Ends sleeps while a descriptor is readable, for a driver that has this one inside and looks after it itself.
    pub(crate) fn attend(&mut self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        assert!(self.attended.is_none(), "one driver is inside one other");
        assert!(self.trigger != Trigger::Once, "what is attended to is reported again and again");
        let descriptor = descriptor.try_clone_to_owned()?;
        self.poller.add(Registration { descriptor: descriptor.as_fd(), token: ATTENDED, interest: ATTENTION })?;
        self.attended = Some(descriptor);
        Ok(())
    }

    fn count(&self, counter: usize, amount: u64) {
        self.counters.add(counter, amount);
    }

    /// Marks what an event says on its slot; wakes follow after the harvest. False if whom it names is gone.
    fn on_event(&mut self, event: Event, woken: &mut Vec<WakeSlot>) -> bool {
        let token = event.token;
        match token.kind() {
            Kind::Connection => self.on_connection_event(token, event.ready, woken),
            Kind::Listener => self.on_listener_event(token, woken),
            Kind::Watch => token == ATTENDED || self.on_watch_event(token, event.ready, woken),
            Kind::Bell => {
                self.silence_bell();
                true
            }
        }
    }

    /// Reading resets its counter; there is nothing else to learn from it.
    fn silence_bell(&mut self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(self.bell.bell(), &mut count);
        if self.trigger == Trigger::Once {
            // It was registered before, so it takes no memory; a core that hears no bell still has its timers.
            let _ = self.poller.change(bell(self.bell), Interest::NONE);
        }
    }
}

fn bell(core: &SharedCore) -> Registration<'_> {
    Registration { descriptor: core.bell(), token: BELL, interest: Interest::READ }
}

impl Driver for Readiness {
    fn name(&self) -> &'static str {
        self.poller.name()
    }

    fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<(ListenerId, SocketAddr)> {
        self.open_listener(address, options)
    }

    fn unlisten(&mut self, listener: ListenerId) {
        if let Some(gone) = self.listeners[listener as usize].take() {
            // Its socket may be other cores' too, so that closing it would not end the registration.
            let _ = self.poller.remove(gone.registration(listener));
        }
    }

    fn poll_accept(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        self.accept_next(listener, context)
    }

    fn kernel_listens_on(&self, _address: SocketAddr) -> bool {
        true
    }

    fn listen_on(&mut self, socket: OwnedFd, send_limit: u32, exclusive: bool) -> io::Result<ListenerId> {
        self.keep_listener(socket, send_limit, exclusive)
    }

    fn poll_accept_socket(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        self.accept_socket(listener, context)
    }

    fn look(&mut self, listener: ListenerId) {
        self.look_again(listener);
    }

    fn adopt(&mut self, socket: OwnedFd, send_limit: u32) -> io::Result<Option<ConnectionId>> {
        self.adopt(socket, 0, send_limit)
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

    fn addresses(&mut self, connection: ConnectionId) -> io::Result<(SocketAddr, SocketAddr)> {
        let slot = self.connections.get(connection).ok_or_else(gone)?;
        slot.addresses()
    }

    fn prefetch(&self, connection: ConnectionId) {
        self.connections.prefetch(connection.index());
    }

    fn watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        self.start_watch(descriptor)
    }

    fn poll_watch(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.watch_readable(watch, context)
    }

    fn poll_watch_writable(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.watch_writable(watch, context)
    }

    fn lease(&mut self) -> io::Result<Lease> {
        Ok(self.pool.lease())
    }

    fn unwatch(&mut self, watch: WatchId) {
        self.end_watch(watch);
    }

    fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        let mut events = std::mem::take(&mut self.events);
        // A signal may interrupt the sleep; the turn then finds nothing to do and sleeps again.
        let ended = self.poller.wait(timeout, &mut events);
        let mut owned = 0;
        for &event in &events {
            owned += usize::from(self.on_event(event, woken));
        }
        self.events = events;
        if self.poller.judge(ended, owned) {
            self.rebuild_poller();
        }
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

impl Drop for Readiness {
    fn drop(&mut self) {
        // Slots are plain data, so the descriptors in them are closed by hand.
        let open: Vec<Handle> = self.connections.iter().map(|(handle, _)| handle).collect();
        for connection in open {
            self.release(connection);
        }
    }
}
