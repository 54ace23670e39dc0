//! Accepting: one accept a listener that goes on by itself and puts sockets straight into a ring's table; a bounded number a turn for
//! its task; and a rest, never a spin, when slots, places or descriptors have run out.
//!
//! Where several cores wait on one socket, they poll it and accept by themselves: the kernel would give a connection to one ring's
//! accept, and it would wait there for a core that is held up, where nobody else sees it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use crore_base::time::Instant;
use rustix::io::Errno;
use rustix::net::{self, SocketFlags};

use super::Uring;
use super::file::SlotFile;
use super::token::{Operation, Token};
use crate::driver::places::free_place;
use crate::driver::socket::listening_socket;
use crate::driver::{ConnectionId, ListenerId, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::ACCEPTS_PER_TURN;
use crate::net::ListenOptions;
use crate::stats;

/// An accepted connection that waits for the listener's task.
#[derive(Debug)]
pub(super) enum Accepted {
    InTable(SlotFile),
    Descriptor(OwnedFd),
}

/// How connections come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
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
pub(super) struct Armed {
    pub(super) ring: usize,
    /// One that goes on by itself, the poll, or as many as this that end with a connection each: a table that is nearly full must
    /// have a place for every connection that the kernel accepts, or it is lost.
    pub(super) operation: Operation,
    pub(super) count: u32,
    /// It was cancelled, and may still bring connections.
    pub(super) ending: bool,
}

pub(super) struct Listener {
    pub(super) socket: OwnedFd,
    pub(super) way: Way,
    /// What is under way, and on which ring.
    pub(super) armed: Option<Armed>,
    /// Counts the listeners that were at this place.
    pub(super) generation: u32,
    pub(super) accepted: VecDeque<Accepted>,
    /// What ended the listener.
    pub(super) failed: Option<Errno>,
    /// Accepts left in this turn.
    pub(super) left: u32,
    /// Resting until then.
    pub(super) paused_until: Option<Instant>,
    pub(super) acceptor: WakeSlot,
    /// Bytes that may wait in the send queue of an accepted connection.
    pub(super) send_limit: u32,
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
    pub(super) fn token(&self, id: ListenerId, operation: Operation) -> Token {
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
    pub(super) fn refuse(&mut self, accepted: Accepted) {
        if let Accepted::InTable(file) = accepted {
            self.rings[file.ring()].close(file, false);
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
}
