//! Accepting: a bounded number a turn, from the engine, from the kernel, or from both on one address.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use crore_base::time::Instant;
use crore_tcp::{Listen, ListenError, ListenerId as EngineListener};

use super::connection::default_options;
use super::{Stack, of_kernel};
use crate::driver::epoll::free_place;
use crate::driver::{ConnectionId, Driver as _, ListenerId, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::ACCEPTS_PER_TURN;
use crate::net::{ListenOptions, Prefix};
use crate::stats;

/// First of the ports that port 0 stands for.
const CHOSEN_PORT_FIRST: u16 = 32_768;

pub(super) enum Listener {
    Kernel(ListenerId),
    Ours(Ours),
}

pub(super) struct Ours {
    id: EngineListener,
    /// Accepts left in this turn.
    left: u32,
    acceptor: WakeSlot,
}

impl Listener {
    /// A new turn: a new budget.
    pub(super) fn on_turn(&mut self, woken: &mut Vec<WakeSlot>) {
        let Listener::Ours(ours) = self else { return };
        if std::mem::replace(&mut ours.left, ACCEPTS_PER_TURN) == 0 {
            woken.push(std::mem::take(&mut ours.acceptor));
        }
    }

    /// When the next turn must come by itself: at once when a budget was used up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Listener::Ours(ours) if ours.left == 0 => Some(Instant::ZERO),
            _ => None,
        }
    }
}

impl Stack {
    pub(super) fn open_listener(
        &mut self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<(ListenerId, SocketAddr)> {
        let everywhere = address.ip().is_unspecified();
        if !everywhere && !self.network.is_ours(address.ip()) {
            let (kernel, local) = self.kernel.listen(address, options)?;
            return Ok((self.keep_listener(Listener::Kernel(kernel))?, local));
        }
        let prefix = match everywhere {
            false => Prefix::host(address.ip().into()),
            true if address.is_ipv4() => "0.0.0.0/0".parse().expect("all of IPv4 is a prefix"),
            true => "::/0".parse().expect("all of IPv6 is a prefix"),
        };
        let backlog = u32::try_from(options.backlog.max(1)).expect("a positive number fits");
        let listen = |port| Listen { local: prefix, port, backlog, options: default_options() };
        let (id, port) = match address.port() {
            0 => self.listen_somewhere(listen)?,
            port => (self.engine.listen(listen(port)).map_err(|error| unlistenable(&error, address))?, port),
        };
        let ours = Ours { id, left: ACCEPTS_PER_TURN, acceptor: WakeSlot::EMPTY };
        match self.keep_listener(Listener::Ours(ours)) {
            Ok(index) => Ok((index, SocketAddr::new(address.ip(), port))),
            Err(error) => {
                self.engine.unlisten(id);
                Err(error)
            }
        }
    }

    /// The first free port of those that port 0 stands for.
    fn listen_somewhere(&mut self, listen: impl Fn(u16) -> Listen) -> io::Result<(EngineListener, u16)> {
        for port in CHOSEN_PORT_FIRST..=u16::MAX {
            match self.engine.listen(listen(port)) {
                Ok(id) => return Ok((id, port)),
                Err(ListenError::InUse) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("all ports from {CHOSEN_PORT_FIRST} on are in use")))
    }

    fn keep_listener(&mut self, listener: Listener) -> io::Result<ListenerId> {
        let index = free_place(&mut self.listeners, "listeners")?;
        self.listeners[index as usize] = Some(listener);
        Ok(index)
    }

    pub(super) fn close_listener(&mut self, id: ListenerId) {
        match self.listeners[id as usize].take() {
            Some(Listener::Kernel(kernel)) => self.kernel.unlisten(kernel),
            Some(Listener::Ours(mut ours)) => {
                ours.acceptor.clear();
                self.engine.unlisten(ours.id);
            }
            None => {}
        }
    }

    pub(super) fn on_acceptable(&mut self, id: EngineListener, woken: &mut Vec<WakeSlot>) {
        for listener in self.listeners.iter_mut().flatten() {
            if let Listener::Ours(ours) = listener
                && ours.id == id
            {
                woken.push(std::mem::take(&mut ours.acceptor));
            }
        }
    }

    pub(super) fn accept_next(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        let ours = match self.listeners.get_mut(id as usize) {
            Some(Some(Listener::Ours(ours))) => ours,
            Some(Some(Listener::Kernel(kernel))) => {
                return self.kernel.poll_accept(*kernel, context).map_ok(of_kernel);
            }
            _ => return Poll::Ready(Err(gone())),
        };
        let accepted = if ours.left > 0 { self.engine.accept(ours.id) } else { None };
        let Some(conn) = accepted else {
            ours.acceptor.store(context.waker());
            return Poll::Pending;
        };
        ours.left -= 1;
        self.count(stats::ACCEPTED, 1);
        Poll::Ready(Ok(self.adopt(conn)))
    }
}

fn unlistenable(error: &ListenError, address: SocketAddr) -> io::Error {
    let kind = match error {
        ListenError::InUse => io::ErrorKind::AddrInUse,
        ListenError::Invalid(_) => io::ErrorKind::InvalidInput,
        ListenError::Full => io::ErrorKind::OutOfMemory,
    };
    io::Error::new(kind, format!("{address}: {error}"))
}
