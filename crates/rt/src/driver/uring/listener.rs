//! Accepting: one accept a listener that goes on by itself and puts sockets straight into a ring's table; a bounded number a turn for
//! its task; and a rest, never a spin, when slots, places or descriptors have run out.
//!
//! Where several cores wait on one socket, they poll it and accept by themselves: the kernel would give a connection to one ring's
//! accept, and it would wait there for a core that is held up, where nobody else sees it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use crore_base::time::Instant;
use rustix::io::Errno;
use rustix::net::{self, SocketFlags};

use super::Uring;
use super::file::SlotFile;
use super::token::{Completion, Operation, Token};
use crate::driver::places::free_place;
use crate::driver::socket::listening_socket;
use crate::driver::{ConnectionId, ListenerId, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN, URING_ACCEPTED_MAX};
use crate::net::ListenOptions;
use crate::stats;

/// An accepted connection that waits for the listener's task.
#[derive(Debug)]
enum Accepted {
    InTable(SlotFile),
    Descriptor(OwnedFd),
}

/// How connections come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Into the table, or as descriptors: as the first who asks wants them.
    Undecided,
    Table,
    Descriptors,
    /// Other cores wait on the same socket. `ready`: connections may wait there.
    Polled {
        ready: bool,
    },
}

/// Accepts that are under way.
#[derive(Clone, Copy, Debug)]
struct Armed {
    ring: usize,
    /// One that goes on by itself, the poll, or as many as this that end with a connection each: a table that is nearly full must
    /// have a place for every connection that the kernel accepts, or it is lost.
    operation: Operation,
    count: u32,
    /// It was cancelled, and may still bring connections.
    ending: bool,
}

pub(super) struct Listener {
    socket: OwnedFd,
    way: Way,
    /// What is under way, and on which ring.
    armed: Option<Armed>,
    /// Counts the listeners that were at this place.
    generation: u32,
    accepted: VecDeque<Accepted>,
    /// What ended the listener.
    failed: Option<Errno>,
    /// Accepts left in this turn.
    left: u32,
    /// Resting until then.
    paused_until: Option<Instant>,
    acceptor: WakeSlot,
    /// Bytes that may wait in the send queue of an accepted connection.
    send_limit: u32,
}

impl Listener {
    /// A new turn: a new budget, and perhaps the end of a rest. True: an accept must be armed.
    pub(super) fn on_turn(&mut self, now: Instant, woken: &mut Vec<WakeSlot>) -> bool {
        let used_up = std::mem::replace(&mut self.left, ACCEPTS_PER_TURN) == 0;
        let rested = self.paused_until.is_some_and(|until| until <= now);
        if rested {
            self.paused_until = None;
        }
        if rested || (used_up && self.has_more()) {
            woken.push(std::mem::take(&mut self.acceptor));
        }
        rested
    }

    /// When the next turn must come by itself: at the end of a rest, or at once when a budget was used up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.paused_until {
            None if self.left == 0 && self.has_more() => Some(Instant::ZERO),
            until => until,
        }
    }

    /// What completions of its accepts carry.
    fn token(&self, id: ListenerId, operation: Operation) -> Token {
        Token::new(operation, id, self.generation)
    }

    fn has_more(&self) -> bool {
        !self.accepted.is_empty() || self.way == Way::Polled { ready: true }
    }

    /// The next connection that is there.
    fn next(&mut self) -> Result<Option<Accepted>, Errno> {
        let Way::Polled { ready } = &mut self.way else { return Ok(self.accepted.pop_front()) };
        if !*ready {
            return Ok(None);
        }
        match net::accept_with(&self.socket, SocketFlags::CLOEXEC) {
            Ok(socket) => Ok(Some(Accepted::Descriptor(socket))),
            Err(Errno::AGAIN) => {
                *ready = false;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.acceptor.clear();
    }
}

impl Uring {
    pub(super) fn open_listener(
        &mut self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<(ListenerId, SocketAddr)> {
        let (socket, local) = listening_socket(address, options)?;
        Ok((self.keep_listener(socket, options.send_limit(), false)?, local))
    }

    /// Accepts from a socket that listens already, `shared` if other cores do so too.
    pub(super) fn keep_listener(&mut self, socket: OwnedFd, send_limit: u32, shared: bool) -> io::Result<ListenerId> {
        let index = free_place(&mut self.listeners, "listeners")?;
        self.generations = self.generations.wrapping_add(1);
        self.listeners[index as usize] = Some(Listener {
            socket,
            way: if shared { Way::Polled { ready: true } } else { Way::Undecided },
            armed: None,
            generation: self.generations,
            accepted: VecDeque::new(),
            failed: None,
            left: ACCEPTS_PER_TURN,
            paused_until: None,
            acceptor: WakeSlot::EMPTY,
            send_limit,
        });
        Ok(index)
    }

    pub(super) fn drop_listener(&mut self, id: ListenerId) {
        let Some(mut listener) = self.listeners[id as usize].take() else { return };
        if let Some(Armed { ring, operation, .. }) = listener.armed {
            self.rings[ring].cancel(listener.token(id, operation));
        }
        for accepted in listener.accepted.drain(..) {
            self.refuse(accepted);
        }
    }

    /// Closes a connection that nobody will have.
    fn refuse(&mut self, accepted: Accepted) {
        if let Accepted::InTable(file) = accepted {
            self.rings[file.ring()].close(file, false);
        }
    }

    /// Has the kernel accept for a listener, unless it does or the listener rests.
    pub(super) fn start_accepting(&mut self, id: ListenerId) {
        let Some(Some(listener)) = self.listeners.get(id as usize) else { return };
        let rests = listener.paused_until.is_some() || listener.failed.is_some();
        if rests || listener.way == Way::Undecided || listener.accepted.len() >= URING_ACCEPTED_MAX / 2 {
            return;
        }
        let ring = match (listener.armed, listener.way) {
            (Some(Armed { ring, operation: Operation::AcceptOne, .. }), _) => Ok(ring),
            (Some(_), _) => return,
            (None, Way::Table) => self.ring_with_room(),
            (None, _) => Ok(0),
        };
        match ring {
            Ok(ring) => self.arm(id, ring),
            Err(_) => {
                self.shed(id);
                self.pause(id, stats::ACCEPT_PAUSED_DESCRIPTORS);
            }
        }
    }

    fn arm(&mut self, id: ListenerId, number: usize) {
        let ring = &mut self.rings[number];
        let listener = self.listeners[id as usize].as_mut().expect("the caller found it");
        let operation = match (listener.way, listener.armed) {
            (Way::Polled { .. }, _) => Operation::AcceptReady,
            (Way::Descriptors, _) => Operation::AcceptDescriptors,
            (_, None) if ring.has_much_room() => Operation::AcceptIntoTable,
            _ => Operation::AcceptOne,
        };
        let (socket, token) = (listener.socket.as_fd(), listener.token(id, operation));
        let mut count = listener.armed.map_or(0, |armed| armed.count);
        match operation {
            Operation::AcceptReady => ring.poll(socket, libc::POLLIN, true, token),
            Operation::AcceptOne => {
                while count + 1 < ACCEPTS_PER_TURN && ring.has_room() {
                    ring.count_file();
                    ring.accept_one(socket, token);
                    count += 1;
                }
            }
            _ => ring.accept_all(socket, operation == Operation::AcceptIntoTable, token),
        }
        let count = if operation == Operation::AcceptOne { count } else { 1 };
        listener.armed = (count > 0).then_some(Armed { ring: number, operation, count, ending: false });
    }

    /// Ends an accept that goes on by itself once its table has not much room any more: others fill the table, too.
    pub(super) fn end_accepting_all(&mut self, id: ListenerId) {
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else { return };
        let Some(Armed { ring, operation: Operation::AcceptIntoTable, ending: ending @ false, .. }) =
            &mut listener.armed
        else {
            return;
        };
        let ring = *ring;
        if !self.rings[ring].has_much_room() {
            *ending = true;
            let token = listener.token(id, Operation::AcceptIntoTable);
            self.rings[ring].cancel(token);
        }
    }

    pub(super) fn on_accepted(&mut self, ring: usize, completion: Completion, woken: &mut Vec<WakeSlot>) {
        let (token, id) = (completion.token, completion.token.index());
        let accepted = self.take_accepted(ring, completion);
        let found = self.listeners.get_mut(id as usize).and_then(Option::as_mut);
        let Some(listener) = found.filter(|listener| token.is_of(listener.generation)) else {
            // Accepted while the listener was being closed.
            return accepted.into_iter().for_each(|accepted| self.refuse(accepted));
        };
        if !completion.goes_on() {
            let armed = listener.armed.expect("what has ended was under way");
            listener.armed = (armed.count > 1).then_some(Armed { count: armed.count - 1, ..armed });
        }
        if completion.result < 0 {
            self.on_refused(id, Errno::from_raw_os_error(-completion.result), woken);
        } else {
            woken.push(std::mem::take(&mut listener.acceptor));
            match accepted {
                Some(accepted) => listener.accepted.push_back(accepted),
                None => listener.way = Way::Polled { ready: true },
            }
            if listener.accepted.len() >= URING_ACCEPTED_MAX && listener.armed.is_some() {
                self.rings[ring].cancel(token);
            }
        }
        self.start_accepting(id);
    }

    /// What a completion has brought, whoever it was for.
    fn take_accepted(&mut self, ring: usize, completion: Completion) -> Option<Accepted> {
        let (number_of_ring, ring) = (ring, &mut self.rings[ring]);
        match (u32::try_from(completion.result), completion.token.operation()) {
            (Ok(number), Operation::AcceptIntoTable) => {
                ring.count_file();
                Some(Accepted::InTable(SlotFile::direct(number_of_ring, number)))
            }
            (Ok(number), Operation::AcceptOne) => Some(Accepted::InTable(SlotFile::direct(number_of_ring, number))),
            (Ok(_), Operation::AcceptDescriptors) => Some(Accepted::Descriptor(super::file::made(completion.result))),
            (Err(_), Operation::AcceptOne) => {
                ring.discount_file();
                None
            }
            _ => None,
        }
    }

    /// An accept has failed.
    fn on_refused(&mut self, id: ListenerId, error: Errno, woken: &mut Vec<WakeSlot>) {
        match error {
            // The client gave up while it waited, a signal came, or it was cancelled: accept(2) says to go on.
            Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM | Errno::CANCELED | Errno::AGAIN => {}
            Errno::NETDOWN | Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::NETUNREACH => {}
            Errno::MFILE | Errno::NFILE => {
                self.shed(id);
                self.pause(id, stats::ACCEPT_PAUSED_DESCRIPTORS);
            }
            Errno::NOBUFS | Errno::NOMEM => self.pause(id, stats::ACCEPT_PAUSED_FULL),
            error => {
                let listener = self.listeners[id as usize].as_mut().expect("the caller found it");
                listener.failed = Some(error);
                woken.push(std::mem::take(&mut listener.acceptor));
            }
        }
    }

    pub(super) fn accept_next(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        let way = if self.rings[0].features().direct { Way::Table } else { Way::Descriptors };
        loop {
            let (accepted, limit) = match ready!(self.next_accepted(id, way, context)) {
                Ok(next) => next,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let file = match accepted {
                Accepted::InTable(file) => Ok(file),
                Accepted::Descriptor(socket) => self.take_in(socket),
            };
            match file.map(|file| self.keep(file, 0, limit)) {
                Ok(Some(connection)) => {
                    self.counters.add(stats::ACCEPTED, 1);
                    return Poll::Ready(Ok(connection));
                }
                Ok(None) => self.rest(id, stats::ACCEPT_PAUSED_FULL),
                Err(_) => self.rest(id, stats::ACCEPT_PAUSED_DESCRIPTORS),
            }
        }
    }

    /// The next connection as a descriptor.
    pub(super) fn accept_socket(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        let next = ready!(self.next_accepted(id, Way::Descriptors, context));
        Poll::Ready(next.and_then(|(accepted, _)| match accepted {
            Accepted::Descriptor(socket) => Ok(socket),
            Accepted::InTable(_) => Err(io::Error::other("a listener gives connections or sockets, not both in turn")),
        }))
    }

    fn next_accepted(&mut self, id: ListenerId, way: Way, context: &Context<'_>) -> Poll<io::Result<(Accepted, u32)>> {
        loop {
            let Some(Some(listener)) = self.listeners.get_mut(id as usize) else {
                return Poll::Ready(Err(gone()));
            };
            if listener.way == Way::Undecided {
                listener.way = way;
            }
            if listener.left > 0 && listener.paused_until.is_none() {
                match listener.next() {
                    Ok(Some(accepted)) => {
                        listener.left -= 1;
                        let limit = listener.send_limit;
                        self.start_accepting(id);
                        return Poll::Ready(Ok((accepted, limit)));
                    }
                    Err(error) => {
                        self.on_refused(id, error, &mut Vec::new());
                        continue;
                    }
                    Ok(None) => {}
                }
                if let Some(error) = listener.failed {
                    return Poll::Ready(Err(error.into()));
                }
            }
            listener.acceptor.store(context.waker());
            self.start_accepting(id);
            return Poll::Pending;
        }
    }

    /// Has a listener rest whose connections find no slot: those that wait are told by closing them, and the kernel accepts no more.
    fn rest(&mut self, id: ListenerId, reason: usize) {
        self.pause(id, reason);
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else { return };
        let waiting: Vec<Accepted> = listener.accepted.drain(..).collect();
        if let Some(Armed { ring, operation, .. }) = listener.armed {
            self.rings[ring].cancel(listener.token(id, operation));
        }
        waiting.into_iter().for_each(|accepted| self.refuse(accepted));
    }

    fn pause(&mut self, id: ListenerId, reason: usize) {
        let until = self.clock.now() + ACCEPT_PAUSE;
        if let Some(Some(listener)) = self.listeners.get_mut(id as usize) {
            listener.paused_until = Some(until);
        }
        self.counters.add(reason, 1);
    }

    /// Another core will not accept what it was woken for: this one looks.
    pub(super) fn look_again(&mut self, id: ListenerId) {
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else { return };
        if let Way::Polled { ready } = &mut listener.way {
            *ready = true;
            self.orphans.push(std::mem::take(&mut listener.acceptor));
        }
    }

    /// Descriptors have run out: tells some of the waiting clients by closing theirs.
    fn shed(&mut self, id: ListenerId) {
        if let Some(Some(listener)) = self.listeners.get(id as usize) {
            let shed = self.spare.shed(&listener.socket);
            self.counters.add(stats::ACCEPT_SHED, shed);
        }
    }
}
