//! A listening address of one core.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use super::joint::Member;
use super::{Accept, ListenOptions, TcpStream};
use crate::driver::ListenerId;
use crate::executor::budget;
use crate::limits::ACCEPT_PAUSE;
use crate::{current, stats, time};

/// Accepts connections on this core. Every core has one of its own on the same address; how they share what comes there is a
/// matter of [`ListenOptions::accept`] and of nothing else.
pub struct TcpListener {
    source: Source,
    local: SocketAddr,
}

/// Where connections come from.
enum Source {
    /// A listener of this core's driver, and of nobody else.
    Driver(ListenerId),
    /// A socket that this core shares with others, on which each waits.
    Shared(ListenerId, #[expect(dead_code, reason = "leaves when dropped")] Member),
    /// A core that accepts for all, and what they then get.
    Handed(Member, u32),
}

impl TcpListener {
    /// Listens on `address`; port 0 lets the system choose one.
    ///
    /// With [`Accept::Handover`] or [`Accept::Shared`] the first core of a runtime that binds an address opens it, and the others
    /// join; the settings of accepted connections are those of the first, but for [`SendLimit`](super::StreamOption::SendLimit).
    ///
    /// # Errors
    /// The system's: the address is in use, not ours, or needs a privilege. A way to accept that this driver does not have at this
    /// address.
    pub fn bind(address: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        if options.accept == Accept::PerWorker {
            let (id, local) = current::with(|worker| worker.driver().borrow_mut().listen(address, options))?;
            return Ok(TcpListener { source: Source::Driver(id), local });
        }
        refuse_without_kernel(address, options.accept)?;
        let member = Member::join(address, options)?;
        let local = member.local();
        let source = match member.listener() {
            Some(listener) => Source::Shared(listener, member),
            None => Source::Handed(member, options.send_limit()),
        };
        Ok(TcpListener { source, local })
    }

    /// The next connection. At most 64 are accepted in a turn. When descriptors or connection slots have run out the listener
    /// rests, counts it, and goes on by itself.
    ///
    /// # Errors
    /// Only when the listener itself is broken.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        match &self.source {
            Source::Driver(id) | Source::Shared(id, _) => {
                poll_fn(|context| {
                    ready!(budget::spend(context));
                    let accepted = current::with(|worker| worker.driver().borrow_mut().poll_accept(*id, context));
                    accepted.map_ok(TcpStream::from_id)
                })
                .await
            }
            Source::Handed(member, send_limit) => loop {
                if let Some(stream) = poll_fn(|context| poll_handed(member, *send_limit, context)).await? {
                    return Ok(stream);
                }
                // This core is full, and a client was refused. Those who come meanwhile go to other cores.
                time::sleep(ACCEPT_PAUSE).await;
            },
        }
    }

    /// The address it listens on, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// The next connection that was handed over; none: there was no slot for it.
fn poll_handed(member: &Member, send_limit: u32, context: &Context<'_>) -> Poll<io::Result<Option<TcpStream>>> {
    loop {
        ready!(budget::spend(context));
        let socket: OwnedFd = ready!(member.poll_handed(context))?;
        let adopted = current::with(|worker| {
            let adopted = match worker.driver().borrow_mut().adopt(socket, send_limit) {
                // The model cannot watch so high a descriptor: as if no slot were free.
                Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => Ok(None),
                adopted => adopted,
            };
            match &adopted {
                Ok(Some(_)) => worker.count(stats::ACCEPTED, 1),
                Ok(None) => {
                    worker.count(stats::ACCEPT_PAUSED_FULL, 1);
                    worker.count(stats::ACCEPT_SHED, 1);
                }
                Err(_) => {}
            }
            adopted
        });
        // An error is of the connection, which died before it was registered.
        if let Ok(connection) = adopted {
            return Poll::Ready(Ok(connection.map(TcpStream::from_id)));
        }
    }
}

/// Only sockets of the kernel's can be given from core to core.
fn refuse_without_kernel(address: SocketAddr, accept: Accept) -> io::Result<()> {
    let (kernel, name) = current::with(|worker| {
        let driver = worker.driver().borrow();
        (driver.kernel_listens_on(address), driver.name())
    });
    if kernel {
        return Ok(());
    }
    let text =
        format!("{name} accepts on each core by itself at {address}: accept there {}, not {accept}", Accept::PerWorker);
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accept = match &self.source {
            Source::Driver(_) => Accept::PerWorker,
            Source::Shared(..) => Accept::Shared,
            Source::Handed(..) => Accept::Handover,
        };
        f.debug_struct("TcpListener").field("local", &self.local).field("accept", &accept).finish()
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        if let Source::Driver(id) = self.source {
            current::try_with(|worker| worker.driver().borrow_mut().unlisten(id));
        }
    }
}
