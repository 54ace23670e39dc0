//! Accepting: a bounded number a turn, from the engine, from the kernel, or from both on one address.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use crore_base::time::Instant;
use crore_tcp::{Listen, ListenError, ListenerId as EngineListener};

use super::connection::{apply, default_options};
use super::{Stack, of_kernel};
use crate::driver::places::free_place;
use crate::driver::{ConnectionId, Driver as _, ListenerId, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::ACCEPTS_PER_TURN;
use crate::net::{ListenOptions, Prefix};
use crate::stats;

/// First of the ports that port 0 stands for.
const CHOSEN_PORT_FIRST: u16 = 32_768;

/// Who accepts on an address: our stack, the kernel, or both, where the address is shared (then the kernel's listener serves
/// clients on this host, and keeps others from taking the port).
pub(super) struct Listener {
    ours: Option<Ours>,
    kernel: Option<ListenerId>,
}

pub(super) struct Ours {
    id: EngineListener,
    /// Accepts left in this turn.
    left: u32,
    acceptor: WakeSlot,
    /// Bytes that may wait in the send queue of an accepted connection.
    send_limit: u32,
}

impl Listener {
    /// A new turn: a new budget.
    pub(super) fn on_turn(&mut self, woken: &mut Vec<WakeSlot>) {
        let Some(ours) = &mut self.ours else { return };
        if std::mem::replace(&mut ours.left, ACCEPTS_PER_TURN) == 0 {
            woken.push(std::mem::take(&mut ours.acceptor));
        }
    }

    /// When the next turn must come by itself: at once when a budget was used up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ours.as_ref().filter(|ours| ours.left == 0).map(|_| Instant::ZERO)
    }
}

impl Stack {
    pub(super) fn open_listener(
        &mut self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<(ListenerId, SocketAddr)> {
        let everywhere = address.ip().is_unspecified();
        if !self.listens_itself(address) {
            let (kernel, local) = self.kernel.listen(address, options)?;
            return Ok((self.keep_kernel_listener(kernel)?, local));
        }
        let prefix = match everywhere {
            false => Prefix::host(address.ip().into()),
            true if address.is_ipv4() => "0.0.0.0/0".parse().expect("all of IPv4 is a prefix"),
            true => "::/0".parse().expect("all of IPv6 is a prefix"),
        };
        let backlog = u32::try_from(options.backlog.max(1)).expect("a positive number fits");
        let mut of_accepted = default_options();
        options.accepted.iter().for_each(|&option| apply(&mut of_accepted, option));
        let listen = |port| Listen { local: prefix, port, backlog, options: of_accepted };
        let (id, port) = match address.port() {
            0 => self.listen_somewhere(listen)?,
            port => (self.engine.listen(listen(port)).map_err(|error| unlistenable(&error, address))?, port),
        };
        let local = SocketAddr::new(address.ip(), port);
        let kernel = match self.network.shared.contains(&address.ip()) {
            true => self.listen_beside(local, options),
            false => None,
        };
        let ours = Ours { id, left: ACCEPTS_PER_TURN, acceptor: WakeSlot::EMPTY, send_limit: options.send_limit() };
        match self.keep_listener(Listener { ours: Some(ours), kernel }) {
            Ok(index) => Ok((index, local)),
            Err(error) => {
                self.engine.unlisten(id);
                kernel.into_iter().for_each(|kernel| self.kernel.unlisten(kernel));
                Err(error)
            }
        }
    }

    /// Whether our own stack listens there.
    pub(super) fn listens_itself(&self, address: SocketAddr) -> bool {
        address.ip().is_unspecified() || self.network.is_ours(address.ip())
    }

    /// A listener of the kernel's on an address that it has, too. Without one, which is so where the interface is in another
    /// network namespace, all is well but for clients on this very host.
    fn listen_beside(&mut self, local: SocketAddr, options: &ListenOptions) -> Option<ListenerId> {
        match self.kernel.listen(local, options) {
            Ok((kernel, _)) => Some(kernel),
            Err(error) => {
                tracing::warn!(%local, %error, "the kernel does not listen beside us: clients on this host are not served there");
                None
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

    pub(super) fn keep_kernel_listener(&mut self, kernel: ListenerId) -> io::Result<ListenerId> {
        let kept = self.keep_listener(Listener { ours: None, kernel: Some(kernel) });
        if kept.is_err() {
            self.kernel.unlisten(kernel);
        }
        kept
    }

    pub(super) fn close_listener(&mut self, id: ListenerId) {
        let Some(listener) = self.listeners[id as usize].take() else { return };
        if let Some(mut ours) = listener.ours {
            ours.acceptor.clear();
            self.engine.unlisten(ours.id);
        }
        if let Some(kernel) = listener.kernel {
            self.kernel.unlisten(kernel);
        }
    }

    pub(super) fn on_acceptable(&mut self, id: EngineListener, woken: &mut Vec<WakeSlot>) {
        for listener in self.listeners.iter_mut().flatten() {
            if let Some(ours) = &mut listener.ours
                && ours.id == id
            {
                woken.push(std::mem::take(&mut ours.acceptor));
            }
        }
    }

    pub(super) fn accept_next(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>> {
        let Some(Some(listener)) = self.listeners.get_mut(id as usize) else {
            return Poll::Ready(Err(gone()));
        };
        if let Some(ours) = &mut listener.ours {
            if ours.left > 0
                && let Some(conn) = self.engine.accept(ours.id)
            {
                ours.left -= 1;
                let limit = ours.send_limit;
                self.count(stats::ACCEPTED, 1);
                return Poll::Ready(Ok(self.adopt(conn, limit)));
            }
            ours.acceptor.store(context.waker());
        }
        match listener.kernel {
            Some(kernel) => self.kernel.poll_accept(kernel, context).map_ok(of_kernel),
            None => Poll::Pending,
        }
    }

    pub(super) fn accept_socket(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        match self.kernel_listener(id) {
            Some(kernel) => self.kernel.poll_accept_socket(kernel, context),
            None => Poll::Ready(Err(gone())),
        }
    }

    /// The kernel's part of a listener, if our own stack has none in it.
    pub(super) fn kernel_listener(&self, id: ListenerId) -> Option<ListenerId> {
        let listener = self.listeners.get(id as usize)?.as_ref()?;
        listener.kernel.filter(|_| listener.ours.is_none())
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
