//! The contract between the runtime and an I/O model.
//!
//! Readiness models (`epoll` and its kin, in `readiness`) and completion models (`sim`, our own TCP/IP in `stack`) offer the same
//! verbs; the driver is chosen once, at start, by name. A driver belongs to one core and one turn at a time:
//!
//! 1. tasks call `poll_accept`, `poll_connect`, `poll_recv`, `send`, `poll_sendable`, `shutdown`, `close`;
//! 2. `flush` ends the turn: all that was sent in it leaves together;
//! 3. `wait` begins the next: it sleeps if it may, harvests a bounded batch, and names whom to wake.
//!
//! `wait` and `flush` never wake anybody themselves: a waker may be somebody else's code that calls the driver again.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use crore_base::counters::CoreCounters;
use crore_base::payload::Payload;
use crore_base::slab::Handle;
use crore_base::time::{Duration, Instant};

use crate::clock::Clock;
use crate::executor::shared::SharedCore;
use crate::executor::waker::WakeSlot;
use crate::fs::{FileJob, FileOperation};
use crate::net::{ConnectOptions, ListenOptions, SendError, StreamOption};

mod auto;
mod lease;
mod places;
pub(crate) mod readiness;
mod send_queue;
pub(crate) mod sim;
pub(crate) mod socket;
pub(crate) mod stack;
pub(crate) mod uring;
mod watches;

pub(crate) use auto::resolve;
pub use auto::{Automatic, automatic};
pub use lease::Lease;
pub(crate) use lease::LeasePool;
pub use uring::UringOptions;

/// A connection of one driver. A stale one finds nothing.
pub(crate) type ConnectionId = Handle;
/// A listener of one driver, owned by one `TcpListener`.
pub(crate) type ListenerId = u32;
/// A descriptor of the kernel's that a task waits on, with one owner.
pub(crate) type WatchId = u32;

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Close {
    /// What is queued still goes out, for a bounded time; then both directions end.
    Graceful,
    /// At once, with a reset; what is queued is dropped.
    Abort,
    /// At once, without a word to the peer. Where the kernel carries the connection it cannot be had, and is a reset.
    Vanish,
}

/// How much room in a send queue somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// At least half of the connection's limit.
    Half,
    /// All of it: everything was taken.
    All,
}

impl Room {
    /// True if a queue of `queued` bytes below `limit` has it.
    pub(crate) fn is_there(self, queued: u32, limit: u32) -> bool {
        match self {
            Room::Half => queued <= limit / 2,
            Room::All => queued == 0,
        }
    }
}

/// How full a send queue is, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Backlog {
    pub(crate) queued: u32,
    pub(crate) limit: u32,
}

/// An I/O model on one core.
pub(crate) trait Driver {
    /// The name it is chosen by.
    fn name(&self) -> &'static str;

    /// Listens, and says on which address (port 0 lets the system choose).
    fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<(ListenerId, SocketAddr)>;
    fn unlisten(&mut self, listener: ListenerId);
    /// The next connection. Running out of descriptors is no error: the listener rests and goes on.
    fn poll_accept(&mut self, listener: ListenerId, context: &Context<'_>) -> Poll<io::Result<ConnectionId>>;

    /// Whether a listener on this address would be the kernel's, so that its socket can be given from core to core.
    fn kernel_listens_on(&self, _address: SocketAddr) -> bool {
        false
    }
    /// Accepts from a socket of the kernel's that listens already; `exclusive` if other cores do so too.
    fn listen_on(&mut self, _socket: OwnedFd, _send_limit: u32, _exclusive: bool) -> io::Result<ListenerId> {
        Err(without_kernel("listening sockets"))
    }
    /// As `poll_accept`, but for the slot: for who gives the connection to another core.
    fn poll_accept_socket(&mut self, _listener: ListenerId, _context: &Context<'_>) -> Poll<io::Result<OwnedFd>> {
        Poll::Ready(Err(without_kernel("listening sockets")))
    }
    /// Connections may wait at a listener though nothing said so.
    fn look(&mut self, _listener: ListenerId) {}
    /// Makes a connected stream socket of the kernel's a connection. None: no slot is free, and it is closed. So it is when the model
    /// cannot watch so high a descriptor, which is the error [`QuotaExceeded`](io::ErrorKind::QuotaExceeded).
    fn adopt(&mut self, _socket: OwnedFd, _send_limit: u32) -> io::Result<Option<ConnectionId>> {
        Err(without_kernel("sockets"))
    }

    fn connect(&mut self, address: SocketAddr, options: &ConnectOptions) -> io::Result<ConnectionId>;
    fn poll_connect(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<()>>;

    /// Bytes that have come, in a buffer lent for as long as it is held. None of them: the peer has ended its direction.
    fn poll_recv(&mut self, connection: ConnectionId, context: &Context<'_>) -> Poll<io::Result<Lease>>;
    /// Enqueues at once, or says why not. Nothing leaves before `flush`.
    fn send(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError>;
    /// Drops what is queued, but for a payload that has begun to leave, and enqueues this one, whatever the limit.
    fn supersede(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError>;
    /// Enqueues at once, whatever the limit: for what is part of a sequence that must not have a gap. Who calls it sees to it that
    /// it is bounded.
    fn send_beyond(&mut self, connection: ConnectionId, payload: Payload) -> Result<(), SendError>;
    /// How full the send queue is; none when nothing can be sent any more.
    fn backlog(&self, connection: ConnectionId) -> Option<Backlog>;
    /// Ready when the send queue has as much room as asked for.
    fn poll_sendable(
        &mut self,
        connection: ConnectionId,
        room: Room,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError>>;
    /// Bytes in the send queue; none when there is no such connection.
    fn queued(&self, connection: ConnectionId) -> Option<u32>;
    /// Ends our direction after what is queued.
    fn shutdown(&mut self, connection: ConnectionId);
    fn close(&mut self, connection: ConnectionId, how: Close);
    fn set(&mut self, connection: ConnectionId, option: StreamOption) -> io::Result<()>;
    /// Our address and the peer's.
    fn addresses(&mut self, connection: ConnectionId) -> io::Result<(SocketAddr, SocketAddr)>;
    /// Fetches the memory that `send` will touch.
    fn prefetch(&self, connection: ConnectionId);

    /// Watches a descriptor of the kernel's (signals, files) for something to read.
    fn watch(&mut self, descriptor: OwnedFd) -> io::Result<WatchId>;
    /// Ready when it may be read. The caller reads until it would block.
    fn poll_watch(&mut self, watch: WatchId, context: &Context<'_>) -> Poll<io::Result<()>>;
    /// Ready when it may be written to: asked for after a write that would have blocked.
    fn poll_watch_writable(&mut self, _watch: WatchId, _context: &Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(without_kernel("descriptors")))
    }
    fn unwatch(&mut self, watch: WatchId);
    /// A receive buffer for who reads a watched descriptor.
    fn lease(&mut self) -> io::Result<Lease> {
        Err(without_kernel("descriptors"))
    }

    /// Whether operations on files can be had.
    fn has_files(&self) -> bool {
        false
    }
    /// Begins an operation on a file, or has it wait for room, and settles the job when it has ended. The operation comes back if
    /// the model has none of its kind.
    fn begin_file(&mut self, operation: FileOperation) -> Result<Arc<FileJob>, FileOperation> {
        Err(operation)
    }
    /// Nobody waits for a job any more: what can be stopped of it is. What the kernel works on is kept until it has done.
    fn abandon_file(&mut self, _job: &Arc<FileJob>) {}
    /// Closes a descriptor of a file, without holding the core if that can be had.
    fn close_file(&mut self, descriptor: OwnedFd) {
        drop(descriptor);
    }

    /// Sleeps until something happens, at most `timeout` (none: for ever), and harvests a bounded batch.
    fn wait(&mut self, timeout: Option<Duration>, woken: &mut Vec<WakeSlot>);
    /// Sends what was enqueued since the last flush.
    fn flush(&mut self, woken: &mut Vec<WakeSlot>);
    /// When `wait` must return for the driver's own sake.
    fn next_deadline(&self) -> Option<Instant>;

    /// The network takes no more for now than was given to it: who fans out waits a little.
    fn is_behind(&self) -> bool {
        false
    }
    fn connection_count(&self) -> usize;
    /// The runtime ends, and its tasks are gone: whatever dies with the driver says its last words now. A kernel goes on by
    /// itself.
    fn finish(&mut self) {}
    /// Gives memory back to the system after a storm: bytes.
    fn trim(&mut self) -> usize;
}

/// What a driver needs of the worker it serves.
pub(crate) struct Surroundings {
    pub(crate) core: usize,
    pub(crate) clock: Clock,
    pub(crate) shared: &'static SharedCore,
    pub(crate) counters: CoreCounters,
    /// How many connections the core may have.
    pub(crate) connections: u32,
}

/// The kernel's I/O models.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    Readiness(readiness::Model),
    Uring(UringOptions),
}

impl Model {
    /// The model called `name`; `auto` is what [`automatic`] says.
    pub(crate) fn named(name: &str, uring: &UringOptions) -> Option<Model> {
        match resolve(name) {
            "uring" => Some(Model::Uring(uring.clone())),
            name => readiness::Model::named(name).map(Model::Readiness),
        }
    }
}

/// The models that can be asked for by name; `auto` is what [`automatic`] says. The last four are followed by the name of a device; an interface in
/// another network namespace is `xdp:IFACE@NAMESPACE`. `dpdk:DEVICE` needs the Cargo feature `dpdk`.
pub const DRIVERS: &[&str] = &[
    "auto",
    "select",
    "poll",
    "epoll-lt",
    "epoll",
    "uring",
    "portable",
    "wire:NAME",
    "tap:NAME",
    "xdp:IFACE",
    "dpdk:DEVICE",
];

/// Checks that there is an I/O model called `name`, without opening it.
///
/// # Errors
/// What is wrong with the name, and which there are.
pub fn check_driver(name: &str) -> Result<(), String> {
    match name {
        "auto" | "uring" => Ok(()),
        _ if readiness::Model::named(name).is_some() => Ok(()),
        _ if is_device(name) => {
            stack::apart(name).0.parse::<crore_nic::DeviceName>().map(drop).map_err(|error| error.to_string())
        }
        _ => Err(format!("there is no I/O model {name:?} here: choose one of {}", DRIVERS.join(", "))),
    }
}

/// Whether connections are carried by our own TCP/IP on the device called `name`.
pub fn is_device(name: &str) -> bool {
    matches!(name.split_once(':'), Some(("wire" | "tap" | "xdp" | "dpdk", _)))
}

/// Whether a connection of the I/O model called `name` takes one of the process's descriptors: those of the kernel do, but for the
/// direct ones of io_uring, where it has them.
pub fn takes_descriptors(name: &str) -> bool {
    match resolve(name) {
        "uring" => !uring::is_direct(),
        name => !is_device(name),
    }
}

/// Opens the driver of one core: on its seat at a device, or the kernel's.
pub(crate) fn open(
    seat: Option<stack::Seat>,
    model: &Model,
    surroundings: Surroundings,
) -> io::Result<Box<dyn Driver>> {
    Ok(match (seat, model) {
        (Some(seat), _) => Box::new(stack::Stack::new(seat, surroundings)?),
        (None, Model::Readiness(model)) => Box::new(readiness::Readiness::new(*model, surroundings)?),
        (None, Model::Uring(options)) => Box::new(uring::Uring::new(surroundings, options)?),
    })
}

/// The error of a call that only a kernel can serve.
pub(crate) fn without_kernel(what: &str) -> io::Error {
    let text = format!("a simulated world has no kernel, and so none of its {what}");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

/// The error of a call on a connection that is not there any more.
pub(crate) fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection is closed")
}
