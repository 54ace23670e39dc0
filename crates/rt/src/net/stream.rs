//! A connection in a task's hands, and its weak name.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use crore_base::payload::Payload;
use crore_base::slab::Handle;
use crore_base::time::Duration;

use super::{ConnectOptions, KeepAlive, Lease, SendError, StreamOption};
use crate::current;
use crate::driver::{Close, ConnectionId, Room};
use crate::executor::budget;
use crate::time;

/// A TCP connection of this core: eight bytes, the rest is the driver's.
///
/// Dropping it closes gracefully: what is queued is still sent, for at most five seconds.
#[derive(Debug)]
pub struct TcpStream {
    id: ConnectionId,
}

impl TcpStream {
    pub(crate) fn from_id(id: ConnectionId) -> TcpStream {
        TcpStream { id }
    }

    /// Connects to `address`.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::TimedOut`] when `options.deadline` comes first.
    pub async fn connect(address: SocketAddr, options: &ConnectOptions) -> io::Result<TcpStream> {
        let id = current::with(|worker| worker.driver().borrow_mut().connect(address, options))?;
        let stream = TcpStream { id }; // closes it if we are dropped while connecting
        let connected =
            poll_fn(|context| current::with(|worker| worker.driver().borrow_mut().poll_connect(id, context)));
        match options.deadline {
            None => connected.await?,
            Some(deadline) => time::deadline(deadline, connected).await.map_err(|_| timed_out(address))??,
        }
        Ok(stream)
    }

    /// The next bytes, at most 16 KiB, in a buffer lent by the core; empty when the peer has ended its direction.
    ///
    /// While it waits the connection owns no buffer. Costs one system call where the kernel carries the connection, and one copy.
    ///
    /// # Errors
    /// The connection was reset, or is closed.
    pub async fn recv(&mut self) -> io::Result<Lease> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`recv`](TcpStream::recv), for futures written by hand.
    pub fn poll_recv(&mut self, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        ready!(budget::spend(context));
        current::with(|worker| match worker.tls().of(self.id) {
            None => worker.driver().borrow_mut().poll_recv(self.id, context),
            Some(mut secured) => secured.poll_recv(worker, context),
        })
    }

    /// Enqueues a payload at once; it leaves at the end of the turn, gathered with what else is queued. Nothing is copied.
    ///
    /// # Errors
    /// [`SendError::Full`] when the queue's limit would be passed (an empty queue takes any payload); [`SendError::Closed`].
    pub fn send(&self, payload: impl Into<Payload>) -> Result<(), SendError> {
        self.id().send(payload)
    }

    /// Waits until the queue is at most half full: back-pressure for who produces faster than the peer reads.
    ///
    /// # Errors
    /// [`SendError::Closed`] when nothing can be sent any more.
    pub async fn sendable(&self) -> Result<(), SendError> {
        self.id().sendable().await
    }

    /// Waits until the system has taken all that was enqueued.
    ///
    /// # Errors
    /// [`SendError::Closed`] when nothing can be sent any more.
    pub async fn flushed(&self) -> Result<(), SendError> {
        self.id().flushed().await
    }

    /// Ends our direction after what is queued; the peer then reads an end of stream. Receiving goes on.
    pub fn shutdown(&self) {
        self.id().shutdown();
    }

    /// Ends the connection at once, with a reset. What is queued is dropped.
    pub fn abort(self) {
        self.id().abort();
    }

    /// Forgets the connection at once, without a word to the peer, as a host does that has lost its power: for tests of how the
    /// other side notices. Only our own TCP/IP can; where the kernel carries the connection it is an
    /// [`abort`](TcpStream::abort).
    pub fn vanish(self) {
        current::with(|worker| worker.driver().borrow_mut().close(self.id, Close::Vanish));
    }

    /// Its weak name.
    pub fn id(&self) -> StreamId {
        StreamId(self.id)
    }

    /// The peer's address.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.id().peer_addr()
    }

    /// Our address.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        current::with(|worker| worker.driver().borrow_mut().addresses(self.id)).map(|(local, _)| local)
    }

    /// Changes one setting; see [`StreamOption`] for units and ranges.
    ///
    /// # Errors
    /// The system's, or the connection is gone.
    pub fn set(&self, option: StreamOption) -> io::Result<()> {
        self.id().set(option)
    }

    /// Short for [`StreamOption::NoDelay`].
    ///
    /// # Errors
    /// As [`set`](TcpStream::set).
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.set(StreamOption::NoDelay(on))
    }

    /// Short for [`StreamOption::Linger`].
    ///
    /// # Errors
    /// As [`set`](TcpStream::set).
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        self.set(StreamOption::Linger(time))
    }

    /// Short for [`StreamOption::KeepAlive`].
    ///
    /// # Errors
    /// As [`set`](TcpStream::set).
    pub fn set_keepalive(&self, keep_alive: Option<KeepAlive>) -> io::Result<()> {
        self.set(StreamOption::KeepAlive(keep_alive))
    }

    /// Short for [`StreamOption::UserTimeout`].
    ///
    /// # Errors
    /// As [`set`](TcpStream::set).
    pub fn set_user_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.set(StreamOption::UserTimeout(time))
    }

    /// Short for [`StreamOption::SendLimit`].
    ///
    /// # Errors
    /// As [`set`](TcpStream::set).
    pub fn set_send_limit(&self, bytes: u32) -> io::Result<()> {
        self.set(StreamOption::SendLimit(bytes))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        // After an abort there is nothing to close, and after the runtime's end nobody to do it.
        current::try_with(|worker| {
            if let Some(secured) = worker.tls().remove(self.id) {
                secured.close(worker);
            }
            worker.driver().borrow_mut().close(self.id, Close::Graceful);
        });
    }
}

fn timed_out(address: SocketAddr) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{address} did not answer before the deadline"))
}

/// The weak name of a stream on this core: fan-out sends by it without asking the task that owns the stream. When the
/// stream is gone the name finds nothing, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId(ConnectionId);

impl StreamId {
    /// As [`TcpStream::send`].
    ///
    /// # Errors
    /// As [`TcpStream::send`].
    pub fn send(self, payload: impl Into<Payload>) -> Result<(), SendError> {
        let payload = payload.into();
        current::with(|worker| match worker.tls().of(self.0) {
            None => worker.driver().borrow_mut().send(self.0, payload),
            Some(mut secured) => secured.send(worker, payload, false),
        })
    }

    /// As [`TcpStream::sendable`]. One task at a time can wait for room on a connection.
    ///
    /// # Errors
    /// As [`TcpStream::sendable`].
    pub async fn sendable(self) -> Result<(), SendError> {
        self.room(Room::Half).await
    }

    /// As [`TcpStream::flushed`]. One task at a time can wait for room on a connection.
    ///
    /// # Errors
    /// As [`TcpStream::flushed`].
    pub async fn flushed(self) -> Result<(), SendError> {
        self.room(Room::All).await
    }

    async fn room(self, room: Room) -> Result<(), SendError> {
        let poll = |context: &mut Context<'_>| {
            current::with(|worker| match worker.tls().of(self.0) {
                None => worker.driver().borrow_mut().poll_sendable(self.0, room, context),
                Some(mut secured) => secured.poll_room(worker, room, context),
            })
        };
        poll_fn(poll).await
    }

    /// The peer's address.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn peer_addr(self) -> io::Result<SocketAddr> {
        current::with(|worker| worker.driver().borrow_mut().addresses(self.0)).map(|(_, peer)| peer)
    }

    /// Drops what is queued, but for a payload that has begun to leave, and enqueues this one, whatever the limit: the
    /// last word to a peer that is too slow for what was queued. On a secured stream what is queued cannot be dropped, because
    /// records that are missing end the session: this one comes behind it.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub fn supersede(self, payload: impl Into<Payload>) -> Result<(), SendError> {
        let payload = payload.into();
        current::with(|worker| match worker.tls().of(self.0) {
            None => worker.driver().borrow_mut().supersede(self.0, payload),
            Some(mut secured) => secured.send(worker, payload, true),
        })
    }

    /// As [`TcpStream::set`].
    ///
    /// # Errors
    /// As [`TcpStream::set`].
    pub fn set(self, option: StreamOption) -> io::Result<()> {
        current::with(|worker| worker.driver().borrow_mut().set(self.0, option))
    }

    /// As [`TcpStream::shutdown`].
    pub fn shutdown(self) {
        current::with(|worker| match worker.tls().of(self.0) {
            None => worker.driver().borrow_mut().shutdown(self.0),
            Some(mut secured) => secured.shut_down(worker),
        });
    }

    /// Bytes that wait in the send queue; none when the stream is gone.
    pub fn queued(self) -> Option<u32> {
        current::with(|worker| match worker.tls().of(self.0) {
            None => worker.driver().borrow().queued(self.0),
            Some(secured) => secured.queued(worker),
        })
    }

    /// Fetches the memory that [`send`](StreamId::send) will touch, so that a walk over many streams does not wait for it.
    pub fn prefetch(self) {
        current::with(|worker| worker.driver().borrow().prefetch(self.0));
    }

    /// Ends the connection at once, with a reset; its task's next `recv` fails.
    pub fn abort(self) {
        current::with(|worker| worker.driver().borrow_mut().close(self.0, Close::Abort));
    }

    pub(crate) fn connection(self) -> ConnectionId {
        self.0
    }

    /// The name as a number, never zero, for tables that hold plain data.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The name that [`to_bits`](StreamId::to_bits) gave.
    pub fn from_bits(bits: u64) -> Option<StreamId> {
        Handle::from_bits(bits).map(StreamId)
    }
}
