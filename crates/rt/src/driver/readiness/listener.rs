//! Accepting: a bounded number a turn, and a rest, never a spin, when descriptors or slots have run out.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use crore_base::time::Instant;
use rustix::io::Errno;
use rustix::net::{self, SocketFlags};

use super::Readiness;
use super::poller::{Interest, Registration};
use super::token::{Kind, Token};
use crate::driver::places::free_place;
use crate::driver::socket::listening_socket;
use crate::driver::{ConnectionId, ListenerId, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN};
use crate::net::ListenOptions;
use crate::stats;

pub(super) struct Listener {
    pub(super) socket: OwnedFd,
    /// Other cores wait on the same socket: one of those that sleep is woken for a connection, not all (epoll_ctl(2)).
    exclusive: bool,
    /// Connections may wait: the last accept did not say that there are none.
    pub(super) ready: bool,
    /// Not watched while `ready`, since a model that does not report at the edge would report that again.
    unwatched: bool,
    /// A connection that the model cannot watch was refused, and the log says so.
    told: bool,
    /// Accepts left in this turn.
    left: u32,
    /// Resting until then.
    paused_until: Option<Instant>,
    acceptor: WakeSlot,
    /// Bytes that may wait in the send queue of an accepted connection.
    send_limit: u32,
}

impl Listener {
    pub(super) fn registration(&self, index: u32) -> Registration<'_> {
        let token = Token::new(Kind::Listener, index, 0);
        Registration { descriptor: self.socket.as_fd(), token, interest: self.interest() }
    }

    fn interest(&self) -> Interest {
        assert!(self.ready || !self.unwatched, "who is not watched has somebody waiting");
        Interest { read: !self.unwatched, exclusive: self.exclusive, ..Interest::NONE }
    }

    /// Connections may wait.
    fn look(&mut self, woken: &mut Vec<WakeSlot>) {
        self.ready = true;
        if self.paused_until.is_none() {
            woken.push(std::mem::take(&mut self.acceptor));
        }
    }

    /// A new turn: a new budget, and perhaps the end of a rest.
    pub(super) fn on_turn(&mut self, now: Instant, woken: &mut Vec<WakeSlot>) {
        let used_up = std::mem::replace(&mut self.left, ACCEPTS_PER_TURN) == 0;
        let rested = self.paused_until.is_some_and(|until| until <= now);
        if rested {
            self.paused_until = None;
        }
        if self.ready && self.paused_until.is_none() && (rested || used_up) {
            woken.push(std::mem::take(&mut self.acceptor));
        }
    }

    /// When the next turn must come by itself: at the end of a rest, or at once when a budget was used up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.paused_until {
            None if self.ready && self.left == 0 => Some(Instant::ZERO),
            until => until.filter(|_| self.ready),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.acceptor.clear();
    }
}

impl Readiness {
    /// False if it listens no more.
    pub(super) fn on_listener_event(&mut self, token: Token, woken: &mut Vec<WakeSlot>) -> bool {
        let Some(Some(listener)) = self.listeners.get_mut(token.index() as usize) else {
            return false;
        };
        let left = self.trigger.left_of(listener.interest());
        listener.unwatched |= self.trigger.ends_reading(listener.ready);
        listener.look(woken);
        let registration = listener.registration(token.index());
        if registration.interest != left {
            // Watching less takes no memory; should it fail even so, the core is woken in vain while it rests.
            let _ = self.poller.change(registration, left);
        }
        true
    }

    pub(super) fn open_listener(
        &mut self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<(ListenerId, SocketAddr)> {
        let (socket, local) = listening_socket(address, options)?;
        Ok((self.keep_listener(socket, options.send_limit(), false)?, local))
    }

    /// Accepts from a socket that listens already.
    pub(super) fn keep_listener(
        &mut self,
        socket: OwnedFd,
        send_limit: u32,
        exclusive: bool,
    ) -> io::Result<ListenerId> {
        let index = free_place(&mut self.listeners, "listeners")?;
        let listener = Listener {
            socket,
            exclusive,
            ready: true,
            unwatched: false,
            told: false,
            left: ACCEPTS_PER_TURN,
            paused_until: None,
            acceptor: WakeSlot::EMPTY,
            send_limit,
        };
        self.poller.add(listener.registration(index))?;
        self.listeners[index as usize] = Some(listener);
        Ok(index)
    }

    pub(super) fn accept_next(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        loop {
            let (socket, limit) = match ready!(self.accept_socket(id, context)) {
                Ok(socket) => (socket, self.listeners[id as usize].as_ref().map_or(0, |listener| listener.send_limit)),
                Err(error) => return Poll::Ready(Err(error)),
            };
            match self.adopt_accepted(socket, limit) {
                Ok(Some(connection)) => return Poll::Ready(Ok(connection)),
                Ok(None) => self.pause(id, stats::ACCEPT_PAUSED_FULL),
                Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => self.pause_beyond(id, &error),
                Err(_) => {} // the connection died between accept and registration
            }
        }
    }

    /// The next connection as the kernel gives it, without a slot.
    pub(super) fn accept_socket(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        loop {
            let Some(Some(listener)) = self.listeners.get_mut(id as usize) else {
                return Poll::Ready(Err(gone()));
            };
            if !listener.ready || listener.left == 0 || listener.paused_until.is_some() {
                listener.acceptor.store(context.waker());
                return Poll::Pending;
            }
            listener.left -= 1;
            match net::accept_with(&listener.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => return Poll::Ready(Ok(socket)),
                Err(Errno::AGAIN) => self.on_nobody_waiting(id),
                // The client gave up while it waited, or a signal came: accept(2) says to go on.
                Err(Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM) => {}
                Err(Errno::NETDOWN | Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::NETUNREACH) => {}
                Err(Errno::MFILE | Errno::NFILE) => {
                    self.shed(id);
                    self.pause(id, stats::ACCEPT_PAUSED_DESCRIPTORS);
                }
                Err(Errno::NOBUFS | Errno::NOMEM) => self.pause(id, stats::ACCEPT_PAUSED_FULL),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Another core will not accept what it was woken for: this one looks.
    pub(super) fn look_again(&mut self, id: ListenerId) {
        if let Some(Some(listener)) = self.listeners.get_mut(id as usize) {
            listener.look(&mut self.orphans);
        }
    }

    fn adopt_accepted(&mut self, socket: OwnedFd, limit: u32) -> io::Result<Option<ConnectionId>> {
        let connection = self.adopt(socket, 0, limit)?;
        if connection.is_some() {
            self.count(stats::ACCEPTED, 1);
        }
        Ok(connection)
    }

    /// All that came were accepted: it is watched again, if it was not.
    fn on_nobody_waiting(&mut self, id: ListenerId) {
        let listener = self.listeners[id as usize].as_mut().expect("the caller has accepted from it");
        let before = listener.interest();
        if std::mem::take(&mut listener.unwatched) && self.poller.change(listener.registration(id), before).is_err() {
            // No memory is free for it: it looks again after a rest.
            listener.unwatched = true;
            return self.pause(id, stats::ACCEPT_PAUSED_FULL);
        }
        listener.ready = false;
    }

    /// Rests because the model cannot watch what was accepted, and was closed.
    fn pause_beyond(&mut self, id: ListenerId, error: &io::Error) {
        if let Some(Some(listener)) = self.listeners.get_mut(id as usize)
            && !std::mem::replace(&mut listener.told, true)
        {
            tracing::warn!(%error, "a connection was refused, as others will be until there is room");
        }
        self.pause(id, stats::ACCEPT_PAUSED_FULL);
    }

    fn pause(&mut self, id: ListenerId, reason: usize) {
        let until = self.clock.now() + ACCEPT_PAUSE;
        if let Some(Some(listener)) = self.listeners.get_mut(id as usize) {
            listener.paused_until = Some(until);
        }
        self.count(reason, 1);
    }

    /// Descriptors have run out: tells some of the waiting clients by closing theirs.
    fn shed(&mut self, id: ListenerId) {
        if let Some(Some(listener)) = self.listeners.get(id as usize) {
            let shed = self.spare.shed(&listener.socket);
            self.count(stats::ACCEPT_SHED, shed);
        }
    }
}
