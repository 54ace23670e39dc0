//! The driver as the runtime sees it: each verb of the contract, and the file that does it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use crore_base::payload::Payload;
use crore_base::time::{Duration, Instant};

use super::Uring;
use super::connection::{Connection, DEAD};
use super::listener::Listener;
use crate::driver::{Backlog, Close, ConnectionId, Driver, Lease, ListenerId, Room, WatchId};
use crate::executor::waker::WakeSlot;
use crate::fs::{FileJob, FileOperation};
use crate::net::{ConnectOptions, ListenOptions, SendError, StreamOption};

impl Driver for Uring {
    fn name(&self) -> &'static str {
        "uring"
    }

    fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<(ListenerId, SocketAddr)> {
        self.open_listener(address, options)
    }

    fn unlisten(&mut self, listener: ListenerId) {
        self.drop_listener(listener);
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
        let file = self.take_in(socket)?;
        Ok(self.keep(file, 0, send_limit))
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
        self.enqueue(connection, payload, None)
    }

    fn supersede(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        self.drop_unbegun(connection);
        self.enqueue(connection, payload, Some(u32::MAX))
    }

    fn send_beyond(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError> {
        self.enqueue(connection, payload, Some(u32::MAX))
    }

    fn backlog(&self, connection: ConnectionId) -> Option<Backlog> {
        self.connections.get(connection).filter(|slot| !slot.has(DEAD)).and_then(Connection::backlog)
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
        self.connections.get(connection).filter(|slot| !slot.has(DEAD)).map(|slot| slot.queue.bytes())
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
        self.addresses_of(connection)
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

    fn has_files(&self) -> bool {
        self.rings[0].features().files
    }

    fn begin_file(&mut self, operation: FileOperation) -> Result<Arc<FileJob>, FileOperation> {
        self.begin_job(operation)
    }

    fn abandon_file(&mut self, job: &Arc<FileJob>) {
        self.abandon_job(job);
    }

    fn close_file(&mut self, descriptor: OwnedFd) {
        self.close_by_job(descriptor);
    }

    fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>) {
        self.replenish();
        self.enter(timeout);
        self.harvest(woken);
        let now = self.clock.now();
        for id in 0..self.listeners.len() as ListenerId {
            let rested = self.listeners[id as usize].as_mut().is_some_and(|listener| listener.on_turn(now, woken));
            if rested {
                self.start_accepting(id);
            }
            self.end_accepting_all(id);
        }
        self.end_lingering(now);
    }

    /// Nothing leaves here: the wait that follows submits, with one system call for both.
    fn flush(&mut self, woken: &mut Vec<WakeSlot>) {
        self.flush_dirty();
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

    fn finish(&mut self) {
        for ring in &mut self.rings {
            ring.enter(None, false);
        }
    }

    fn trim(&mut self) -> usize {
        self.connections.trim()
    }
}
