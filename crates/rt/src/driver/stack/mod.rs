//! The driver of crore's own TCP/IP: an engine and a queue of a network device, in the loop of their core.
//!
//! What the kernel carries (loopback, the admin port, signals, wake-ups) goes on in the same loop: this driver has an `epoll`
//! driver inside and passes on what is not its own. While frames come it polls; when none have come for a while it sleeps on the
//! device's descriptor together with the kernel's.
//!
//! Here: the slots, and which of the two a call is for. `turn.rs` moves frames, `connection.rs` serves connections, `listener.rs`
//! accepts, `device.rs` and `xdp.rs` open devices, `exchange.rs` passes on what came to the wrong core, `pace.rs` says when
//! the network is behind.
//!
//! Invariant: a connection has the same slot index here as in the engine, and its handle is the engine's; a handle whose index
//! has the bit [`KERNEL`] is the kernel's.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use crore_base::counters::CoreCounters;
use crore_base::frame::{Frame, FramePool};
use crore_base::map::Map;
use crore_base::payload::Payload;
use crore_base::slab::Handle;
use crore_base::time::{Duration, Instant};
use crore_nic::PacketIo;
use crore_tcp::{Config, ConnId, Engine, LinkConfig};

use super::readiness::{Model, Readiness};
use super::{Backlog, Close, ConnectionId, Driver, Lease, LeasePool, ListenerId, Room, Surroundings, WatchId};
use crate::clock::Clock;
use crate::executor::shared::SharedCore;
use crate::executor::waker::WakeSlot;
use crate::limits::{FRAMES, FRAMES_RESERVED, PACE_FIRST, PACE_FIRST_ON_WIRE};
use crate::net::{ConnectOptions, ListenOptions, Network, SendError, StreamOption};
use connection::Slot;
use exchange::Exchange;
use listener::Listener;
use pace::Pace;
use patience::Patience;

mod connection;
mod device;
mod exchange;
mod listener;
mod pace;
mod patience;
mod turn;
mod xdp;

pub(crate) use device::{Seat, open_seats};
pub(crate) use xdp::apart;

/// For tables of sizes.
pub(crate) const CONNECTION_SLOT_BYTES: usize = size_of::<Slot>();

/// Set in the index of a handle: the connection is the kernel's.
const KERNEL: u32 = 1 << 31;
const _: () = assert!(crate::limits::CONNECTIONS_PER_CORE_MAX < KERNEL);

pub(crate) struct Stack {
    name: &'static str,
    core: usize,
    clock: Clock,
    counters: CoreCounters,
    network: Network,
    engine: Engine,
    device: Box<dyn PacketIo + Send>,
    exchange: Exchange,
    pace: Pace,
    patience: Patience,
    /// Where other cores leave word for this one.
    shared: &'static SharedCore,
    kernel: Readiness,
    /// What is ours of each connection, at the engine's index.
    slots: Map<Slot>,
    listeners: Vec<Option<Listener>>,
    pool: LeasePool,
    /// Frames on their way from the device to the engine, and back.
    input: Vec<Frame>,
    output: Vec<Frame>,
    /// Connections that were closed with bytes in their queue, and until when they may send them.
    lingering: VecDeque<(Instant, ConnId)>,
    /// Who waited on a connection that was closed: woken when the turn ends, outside any call of a task's.
    orphans: Vec<WakeSlot>,
    /// When the kernel is to be asked for events next, though frames keep the core awake.
    ask_kernel_at: Instant,
    /// The last moment at which frames moved: until a little after it, the loop polls.
    busy_at: Instant,
}

impl Stack {
    pub(crate) fn new(seat: Seat, surroundings: Surroundings) -> io::Result<Stack> {
        let now = surroundings.clock.now();
        let (clock, counters, core) = (surroundings.clock.clone(), surroundings.counters.clone(), surroundings.core);
        let (connections, shared) = (surroundings.connections, surroundings.shared);
        let capabilities = seat.device.capabilities();
        let link = LinkConfig {
            mac: capabilities.mac,
            mtu: capabilities.mtu,
            addresses: seat.network.addresses.clone(),
            owned: seat.network.owned.clone(),
            gateways: seat.network.gateways.iter().map(|&gateway| gateway.into()).collect(),
        };
        let config = Config {
            connections_max: connections,
            // Every connection may have something under way: who fans out is held back by the window of `pace.rs` instead.
            sending_max: connections,
            receiving_max: connections,
            stealth: seat.network.stealth,
            ..Config::new(link)
        };
        let frames = FramePool::new(FRAMES, FRAMES_RESERVED).map_err(io::Error::other)?;
        let engine = Engine::new(config, frames, seat.seed, now)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let pace = Pace::new(now, if seat.name == "wire" { PACE_FIRST_ON_WIRE } else { PACE_FIRST });
        let slots = Map::new(connections as usize).map_err(io::Error::other)?;
        slots.huge();
        let mut kernel = Readiness::new(Model::Epoll, surroundings)?;
        if let Some(descriptor) = seat.device.descriptor() {
            kernel.attend(descriptor)?;
        }
        Ok(Stack {
            name: seat.name,
            core,
            clock,
            counters,
            network: seat.network,
            engine,
            device: seat.device,
            exchange: seat.exchange,
            pace,
            patience: Patience::new(now),
            shared,
            kernel,
            slots,
            listeners: Vec::new(),
            pool: LeasePool::default(),
            input: Vec::new(),
            output: Vec::new(),
            lingering: VecDeque::new(),
            orphans: Vec::new(),
            ask_kernel_at: now,
            busy_at: now,
        })
    }

    fn count(&self, counter: usize, amount: u64) {
        self.counters.add(counter, amount);
    }
}

/// Whose a connection is.
enum Whose {
    Kernel(ConnectionId),
    Ours(ConnId),
}

fn whose(id: ConnectionId) -> Whose {
    match id.index() & KERNEL {
        0 => Whose::Ours(ConnId::from_handle(id)),
        _ => Whose::Kernel(with_index(id, id.index() & !KERNEL)),
    }
}

/// The name of a connection of the kernel's among all.
fn of_kernel(id: ConnectionId) -> ConnectionId {
    assert!(id.index() & KERNEL == 0, "a core has fewer connections than that");
    with_index(id, id.index() | KERNEL)
}

fn with_index(id: Handle, index: u32) -> Handle {
    Handle::from_parts(index, id.generation().get()).expect("the generation was a handle's before")
}

impl Driver for Stack {
    fn name(&self) -> &'static str {
        self.name
    }

    fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<(ListenerId, SocketAddr)> {
        self.open_listener(address, options)
    }

    fn unlisten(&mut self, listener: ListenerId) {
        self.close_listener(listener);
    }

    fn poll_accept(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        self.accept_next(listener, context)
    }

    fn kernel_listens_on(&self, address: SocketAddr) -> bool {
        !self.listens_itself(address)
    }

    fn listen_on(&mut self, socket: OwnedFd, send_limit: u32, exclusive: bool) -> io::Result<ListenerId> {
        let kernel = self.kernel.listen_on(socket, send_limit, exclusive)?;
        self.keep_kernel_listener(kernel)
    }

    fn poll_accept_socket(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        self.accept_socket(listener, context)
    }

    fn look(&mut self, listener: ListenerId) {
        if let Some(kernel) = self.kernel_listener(listener) {
            self.kernel.look(kernel);
        }
    }

    fn adopt(&mut self, socket: OwnedFd, send_limit: u32) -> io::Result<Option<ConnectionId>> {
        Ok(Driver::adopt(&mut self.kernel, socket, send_limit)?.map(of_kernel))
    }

    fn connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId> {
        let from_us = options.source.map(|source| self.network.opens_from(source));
        match from_us.unwrap_or_else(|| self.network.reaches(address.ip())) {
            true => self.start_connect(address, options),
            false => self.kernel.connect(address, options).map(of_kernel),
        }
    }

    fn poll_connect(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<()>> {
        match whose(connection) {
            Whose::Ours(conn) => self.finish_connect(conn, context),
            Whose::Kernel(id) => self.kernel.poll_connect(id, context),
        }
    }

    fn poll_recv(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        match whose(connection) {
            Whose::Ours(conn) => self.receive(conn, context),
            Whose::Kernel(id) => self.kernel.poll_recv(id, context),
        }
    }

    fn send(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        match whose(connection) {
            Whose::Ours(conn) => self.enqueue(conn, payload),
            Whose::Kernel(id) => self.kernel.send(id, payload),
        }
    }

    fn supersede(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        match whose(connection) {
            Whose::Ours(conn) => self.replace(conn, payload),
            Whose::Kernel(id) => self.kernel.supersede(id, payload),
        }
    }

    fn send_beyond(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        match whose(connection) {
            Whose::Ours(conn) => self.enqueue_beyond(conn, payload),
            Whose::Kernel(id) => self.kernel.send_beyond(id, payload),
        }
    }

    fn backlog(&self, connection: ConnectionId) -> Option<Backlog> {
        match whose(connection) {
            Whose::Ours(conn) => self.backlog_of(conn),
            Whose::Kernel(id) => self.kernel.backlog(id),
        }
    }

    fn poll_sendable(
        &mut self,
        connection: ConnectionId,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        match whose(connection) {
            Whose::Ours(conn) => self.sendable(conn, room, context),
            Whose::Kernel(id) => self.kernel.poll_sendable(id, room, context),
        }
    }

    fn queued(&self, connection: ConnectionId) -> Option<u32> {
        match whose(connection) {
            Whose::Ours(conn) => self.engine.queued(conn),
            Whose::Kernel(id) => self.kernel.queued(id),
        }
    }

    fn shutdown(&mut self, connection: ConnectionId) {
        match whose(connection) {
            Whose::Ours(conn) => {
                self.engine.shutdown(conn);
            }
            Whose::Kernel(id) => self.kernel.shutdown(id),
        }
    }

    fn close(&mut self, connection: ConnectionId, how: Close) {
        match whose(connection) {
            Whose::Ours(conn) => self.close_connection(conn, how),
            Whose::Kernel(id) => self.kernel.close(id, how),
        }
    }

    fn set(&mut self, connection: ConnectionId, option: StreamOption) -> io::Result<()> {
        match whose(connection) {
            Whose::Ours(conn) => self.set_option(conn, option),
            Whose::Kernel(id) => self.kernel.set(id, option),
        }
    }

    fn addresses(&mut self, connection: ConnectionId) -> io::Result<(SocketAddr, SocketAddr)> {
        match whose(connection) {
            Whose::Ours(conn) => {
                let statistics = self.engine.statistics(conn).ok_or_else(super::gone)?;
                Ok((statistics.local, statistics.remote))
            }
            Whose::Kernel(id) => self.kernel.addresses(id),
        }
    }

    fn prefetch(&self, connection: ConnectionId) {
        match whose(connection) {
            Whose::Ours(conn) => self.engine.prefetch(conn.index()),
            Whose::Kernel(id) => self.kernel.prefetch(id),
        }
    }

    fn watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId> {
        self.kernel.watch(descriptor)
    }

    fn poll_watch(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.kernel.poll_watch(watch, context)
    }

    fn poll_watch_writable(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.kernel.poll_watch_writable(watch, context)
    }

    fn lease(&mut self) -> io::Result<Lease> {
        Ok(self.pool.lease())
    }

    fn unwatch(&mut self, watch: WatchId) {
        self.kernel.unwatch(watch);
    }

    fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        self.take_turn(timeout, woken);
    }

    fn flush(&mut self, woken: &mut Vec<WakeSlot>) {
        self.kernel.flush(woken);
        self.send_frames();
        woken.append(&mut self.orphans);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn is_behind(&self) -> bool {
        !self.output.is_empty() || self.pace.is_full(self.engine.in_flight())
    }

    fn connection_count(&self) -> usize {
        self.engine.connection_count() as usize + self.kernel.connection_count()
    }

    fn finish(&mut self) {
        self.say_last_words();
    }

    fn trim(&mut self) -> usize {
        self.kernel.trim()
    }
}
