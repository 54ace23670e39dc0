//! A connection's slot, and its life: open, read, write, close.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use crore_base::payload::Payload;
use crore_nic::steering::Flow;
use crore_tcp::{CloseReason, ConnId, Connect, ConnectError, Options, Ready, SendError as EngineError, Source};
use crore_wire::ip::Ip;
use zerocopy::FromZeros;

use super::Stack;
use crate::driver::{Backlog, Close, ConnectionId, Lease, Room, gone};
use crate::executor::waker::WakeSlot;
use crate::limits::{CLOSE_LINGER, FRAME_BYTES, LEASE_BYTES, SEND_QUEUE_BYTES};
use crate::net::{ConnectOptions, SendError, StreamOption};
use crate::stats;

/// The peer has ended its direction, or the connection is over.
const ENDED: u8 = 1;
/// The connect has succeeded or failed.
const SETTLED: u8 = 1 << 1;
/// The engine had no part to send with; it tells when it has.
const STARVED: u8 = 1 << 2;

/// What the driver remembers of one connection, beside the engine: 24 bytes of plain data.
#[derive(Clone, Copy, FromZeros)]
pub(crate) struct Slot {
    reader: WakeSlot,
    writer: WakeSlot,
    limit: u32,
    flags: u8,
    /// A `CloseReason` as a number; 0: it is not closed.
    reason: u8,
}
const _: () = assert!(size_of::<Slot>() <= 24);

impl Slot {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Stack {
    fn slot(&mut self, conn: ConnId) -> &mut Slot {
        &mut self.slots[conn.index() as usize]
    }

    /// Begins to look after a connection of the engine's.
    pub(super) fn adopt(&mut self, conn: ConnId, limit: u32) -> ConnectionId {
        let slot = self.slot(conn);
        assert!(slot.reader.is_empty() && slot.writer.is_empty(), "nobody waits on a connection before it exists");
        *slot = Slot { limit, ..Slot::new_zeroed() };
        conn.to_handle()
    }

    pub(super) fn on_ready(
        &mut self,
        conn: ConnId,
        ready: Ready,
        reason: Option<CloseReason>,
        woken: &mut Vec<WakeSlot>,
    ) {
        let slot = self.slot(conn);
        let closed = ready.contains(Ready::CLOSED);
        if closed {
            slot.flags |= ENDED | SETTLED;
            slot.reason = reason.map_or(0, |reason| reason as u8);
        }
        if ready.contains(Ready::FINISHED) {
            slot.flags |= ENDED;
        }
        if closed || ready.contains(Ready::READABLE) || ready.contains(Ready::FINISHED) {
            woken.push(std::mem::take(&mut slot.reader));
        }
        let opened = ready.contains(Ready::OPENED);
        if opened {
            slot.flags |= SETTLED;
        }
        if ready.contains(Ready::WRITABLE) {
            slot.flags &= !STARVED;
        }
        if closed || opened || ready.contains(Ready::WRITABLE) {
            woken.push(std::mem::take(&mut slot.writer));
        }
    }

    /// Fills a lease with what has come, up to what it holds.
    pub(super) fn receive(&mut self, conn: ConnId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        let Some(mut next) = self.engine.recv(conn) else {
            return self.receive_nothing(conn, context);
        };
        let mut lease = self.pool.lease();
        let mut filled = 0;
        loop {
            let bytes = self.engine.bytes(&next);
            lease[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
            self.engine.give_back(next);
            // The next piece may be as large as a frame.
            if filled + FRAME_BYTES > LEASE_BYTES {
                break;
            }
            match self.engine.recv(conn) {
                Some(more) => next = more,
                None => break,
            }
        }
        lease.shorten(filled);
        self.count(stats::BYTES_RECEIVED, filled as u64);
        Poll::Ready(Ok(lease))
    }

    fn receive_nothing(&mut self, conn: ConnId, context: &Context<'_>) -> Poll<io::Result<Lease>> {
        if !self.engine.exists(conn) {
            return Poll::Ready(Err(gone()));
        }
        let slot = self.slot(conn);
        if !slot.has(ENDED) {
            slot.reader.store(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(match error_of(slot.reason) {
            None => Ok(Lease::end_of_stream()),
            Some(error) => Err(error),
        })
    }

    pub(super) fn enqueue(&mut self, conn: ConnId, payload: Payload) -> Result<(), SendError> {
        let queued = self.engine.queued(conn).ok_or(SendError::Closed)?;
        if queued > 0 {
            // One payload is always taken by an empty queue, however large: otherwise it could never be sent.
            let limit = self.slot(conn).limit;
            if payload.len() > limit.saturating_sub(queued) as usize {
                return Err(SendError::Full { queued, limit });
            }
        }
        self.enqueue_beyond(conn, payload)
    }

    pub(super) fn enqueue_beyond(&mut self, conn: ConnId, payload: Payload) -> Result<(), SendError> {
        let queued = self.engine.queued(conn).ok_or(SendError::Closed)?;
        let bytes = payload.len() as u64;
        let sent = self.engine.send(conn, payload);
        self.after_sending(conn, queued, bytes, sent)
    }

    /// None: it sends no more.
    pub(super) fn backlog_of(&self, conn: ConnId) -> Option<Backlog> {
        let queued = self.engine.queued(conn)?;
        let slot = &self.slots[conn.index() as usize];
        (slot.reason == 0).then_some(Backlog { queued, limit: slot.limit })
    }

    pub(super) fn replace(&mut self, conn: ConnId, payload: Payload) -> Result<(), SendError> {
        let bytes = payload.len() as u64;
        let sent = self.engine.supersede(conn, payload);
        self.after_sending(conn, 0, bytes, sent)
    }

    fn after_sending(
        &mut self,
        conn: ConnId,
        queued: u32,
        bytes: u64,
        sent: Result<(), EngineError>,
    ) -> Result<(), SendError> {
        match sent {
            Ok(()) => {
                self.count(stats::BYTES_SENT, bytes);
                self.count(stats::WRITES, 1);
                Ok(())
            }
            Err(EngineError::Closed) => Err(SendError::Closed),
            Err(error) => {
                let slot = self.slot(conn);
                if error == EngineError::Busy {
                    slot.flags |= STARVED;
                }
                Err(SendError::Full { queued, limit: slot.limit })
            }
        }
    }

    pub(super) fn sendable(&mut self, conn: ConnId, room: Room, context: &Context<'_>) -> Poll<Result<(), SendError>> {
        if !self.engine.exists(conn) || self.slot(conn).reason != 0 {
            return Poll::Ready(Err(SendError::Closed));
        }
        let queued = self.engine.queued(conn).expect("the connection was just there");
        let slot = self.slot(conn);
        if room.is_there(queued, slot.limit) && !slot.has(STARVED) {
            return Poll::Ready(Ok(()));
        }
        slot.writer.store(context.waker());
        self.engine.want_room(conn);
        Poll::Pending
    }

    pub(super) fn start_connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId> {
        let connect = Connect {
            source: options.source.map_or(Source::Any, |source| Source::Address(source.into())),
            source_port: None,
            remote: address.ip().into(),
            remote_port: address.port(),
            options: default_options(),
        };
        let exchange = &self.exchange;
        // What the peer sends must come to this core.
        let comes_home = |source: &Ip, source_port: u16| {
            let (destination, destination_port) = (connect.remote, connect.remote_port);
            exchange.cores() < 2
                || exchange.is_home(&Flow { source: *source, destination, source_port, destination_port })
        };
        let conn = self.engine.connect_where(self.clock.now(), connect, comes_home).map_err(refused)?;
        Ok(self.adopt(conn, SEND_QUEUE_BYTES))
    }

    pub(super) fn finish_connect(&mut self, conn: ConnId, context: &Context<'_>) -> Poll<io::Result<()>> {
        if !self.engine.exists(conn) {
            return Poll::Ready(Err(gone()));
        }
        let slot = self.slot(conn);
        if !slot.has(SETTLED) {
            slot.writer.store(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(error_of(slot.reason).map_or(Ok(()), Err))
    }

    pub(super) fn close_connection(&mut self, conn: ConnId, how: Close) {
        if !self.engine.exists(conn) {
            return;
        }
        let waits = self.engine.queued(conn).is_some_and(|queued| queued > 0);
        match how {
            Close::Graceful => {
                self.engine.close(conn);
                if waits {
                    self.lingering.push_back((self.clock.now() + CLOSE_LINGER, conn));
                }
            }
            Close::Abort => _ = self.engine.abort(conn),
            Close::Vanish => _ = self.engine.vanish(conn),
        }
        let slot = self.slot(conn);
        let waiters = [std::mem::take(&mut slot.reader), std::mem::take(&mut slot.writer)];
        self.orphans.extend(waiters.into_iter().filter(|waiter| !waiter.is_empty()));
    }

    /// Ends the connections whose time to send their last bytes is over.
    pub(super) fn end_lingering(&mut self, now: crore_base::time::Instant) {
        while let Some(&(until, conn)) = self.lingering.front() {
            let unsent = self.engine.queued(conn).is_some_and(|queued| queued > 0);
            if unsent && until > now {
                break;
            }
            self.lingering.pop_front();
            if unsent {
                self.engine.abort(conn);
            }
        }
    }

    pub(super) fn set_option(&mut self, conn: ConnId, option: StreamOption) -> io::Result<()> {
        if let StreamOption::SendLimit(bytes) = option {
            let slot = self.engine.exists(conn).then(|| self.slot(conn)).ok_or_else(gone)?;
            slot.limit = bytes;
            return Ok(());
        }
        let mut options = self.engine.options(conn).ok_or_else(gone)?;
        apply(&mut options, option);
        let set = self.engine.set_options(conn, &options);
        set.map(drop).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }
}

/// What an option means to the engine.
pub(super) fn apply(options: &mut Options, option: StreamOption) {
    match option {
        StreamOption::NoDelay(on) => options.nodelay = on,
        StreamOption::UserTimeout(time) => options.user_timeout = time.unwrap_or(Options::default().user_timeout),
        StreamOption::KeepAlive(probing) => {
            options.keep_alive = probing.map(|probing| crore_tcp::KeepAlive {
                idle: probing.idle,
                interval: probing.interval,
                probes: u8::try_from(probing.probes).unwrap_or(u8::MAX),
            });
        }
        // Closing never blocks here, and a reset at once is `abort`; the limit is the driver's own.
        StreamOption::Linger(_) | StreamOption::SendLimit(_) => {}
    }
}

/// What connections begin with. How much may wait to be sent is for each connection to say, so the engine has no limit of its
/// own.
pub(super) fn default_options() -> Options {
    Options { send_bytes_max: crore_tcp::limits::SEND_BYTES_MAX, ..Options::default() }
}

/// What a task hears of a connection that ended so. None: in order.
fn error_of(reason: u8) -> Option<io::Error> {
    use io::ErrorKind as Kind;
    let is = |other: CloseReason| reason == other as u8;
    let (kind, text) = if reason == 0 || is(CloseReason::InOrder) {
        return None;
    } else if is(CloseReason::Refused) {
        (Kind::ConnectionRefused, "the peer refused the connection")
    } else if is(CloseReason::Reset) {
        (Kind::ConnectionReset, "the peer reset the connection")
    } else if is(CloseReason::TimedOut) {
        (Kind::TimedOut, "the peer acknowledged nothing for too long")
    } else if is(CloseReason::KeepAlive) {
        (Kind::TimedOut, "the peer answered no keep-alive probe")
    } else if is(CloseReason::Unreachable) {
        (Kind::HostUnreachable, "nobody on the network answers for the peer's address")
    } else {
        (Kind::ConnectionAborted, "the connection was aborted")
    };
    Some(io::Error::new(kind, text))
}

fn refused(error: ConnectError) -> io::Error {
    use io::ErrorKind as Kind;
    let kind = match error {
        ConnectError::InvalidRemote(_) | ConnectError::Invalid(_) => Kind::InvalidInput,
        ConnectError::InvalidSource(_) | ConnectError::NoPort => Kind::AddrNotAvailable,
        ConnectError::NoRoute(_) => Kind::NetworkUnreachable,
        ConnectError::NoAnswer(_) => Kind::HostUnreachable,
        ConnectError::Full => Kind::OutOfMemory,
    };
    io::Error::new(kind, error)
}
